package conn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// retry calls until there is an answer, with growing, jittered pauses in between, or until
// Redis refuses for good. The cause that it returns is the last one before the time was over,
// if there was one: that the time was over says less.
func (c *Conn) retry(ctx context.Context, what string, call func() error) error {
	var cause error
	perhapsMade := false // an earlier try may have made the change
	for pause, attempt := firstPause, 1; ; pause, attempt = min(2*pause, lastPause), attempt+1 {
		err := c.try(what, attempt, call)
		if err == nil {
			return nil
		}
		if !isOutage(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		c.markDegraded()
		if cause == nil || ctx.Err() == nil {
			cause = err
		}
		refused, lasting := c.judgeRefusal(err)
		perhapsMade = perhapsMade || !refused
		switch {
		case lasting && refused && !perhapsMade:
			return notCarriedOut(what, err)
		case lasting || errors.Is(err, errClosed) || ctx.Err() != nil:
			return c.unanswered(what, cause)
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return c.unanswered(what, cause)
		case <-timer.C:
		}
	}
}

// judgeRefusal reports whether Redis refused a try before it changed anything, and whether a
// further try would find the same. It notes what was met, for Health.
func (c *Conn) judgeRefusal(err error) (refused, lasting bool) {
	if isCertificateRefused(err) {
		return true, true
	}
	reply, ok := errors.AsType[redis.Error](err)
	if !ok {
		return false, false
	}
	met, known := refusalOf(reply.Error())
	if !known {
		return redis.IsMaxClientsError(err), false
	}
	if met.lasting || met.kind == ReadOnly {
		c.refusals.see(met.kind, withoutScript(reply.Error()))
	}
	return !met.partly && !errors.Is(err, errUnacknowledged), c.refusals.lasts(met)
}

// notCarriedOut is the error of a call that Redis refused, and that changed nothing.
func notCarriedOut(what string, err error) error {
	if redis.IsOOMError(err) {
		return fmt.Errorf("%s: %w: %w", what, ErrStorageFull, err)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrRefused, err)
}
