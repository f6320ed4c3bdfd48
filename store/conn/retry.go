package conn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// retry calls until there is an answer, with growing, jittered pauses in between. The cause
// that it returns is the last one before the time was over, if there was one: that the time
// was over says less.
func (c *Conn) retry(ctx context.Context, what string, call func() error) error {
	var cause error
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
		switch {
		case redis.IsOOMError(err) && attempt == 1: // no earlier try can have made the change
			return fmt.Errorf("%s: %w: %w", what, ErrStorageFull, err)
		case !isTransient(err) || ctx.Err() != nil:
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
