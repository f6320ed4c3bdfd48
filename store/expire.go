package store

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// expirer ends holds and offers whose deadlines have passed: of an event one run at a time.
type expirer struct {
	runs       singleflight.Group
	graceUntil atomic.Int64 // nanoseconds since 1970: nothing expires before
	grace      atomic.Int64 // nanoseconds: see Work
}

// grant keeps all holds and offers from expiring for the time of grace: after Redis was away, the
// confirmations of those who paid meanwhile come first.
func (e *expirer) grant() {
	e.graceUntil.Store(time.Now().Add(time.Duration(e.grace.Load())).UnixNano())
}

func (s *Store) inGrace() bool { return time.Now().UnixNano() < s.expirer.graceUntil.Load() }

// GraceLeft is for how long nothing expires yet, because Redis was away; 0 in other times.
func (s *Store) GraceLeft() time.Duration {
	return max(0, time.Until(time.Unix(0, s.expirer.graceUntil.Load())))
}

// expireDue ends the holds and offers of an event whose deadlines have passed. Calls that come
// together share one run.
func (s *Store) expireDue(ctx context.Context, number uint64) error {
	done := s.expirer.runs.DoChan(strconv.FormatUint(number, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backgroundPromoteTime)
		defer cancel()
		defer context.AfterFunc(s.lifetime, cancel)() //nolint:contextcheck // the store may be closed before ctx ends
		return nil, s.expireAll(ctx, number, func(time.Duration) {})
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return fmt.Errorf("expire: %w: %w", ErrUnavailable, ctx.Err())
	}
}

// expireAll ends them, a bounded number in each call, and calls rest after each with the time that it
// took. The first only asks for the time: if Redis was away, that begins the time of grace.
func (s *Store) expireAll(ctx context.Context, number uint64, rest func(time.Duration)) error {
	asked := int64(0)
	for {
		began := time.Now()
		word, next, now, err := s.expireStep(ctx, number, asked)
		took := time.Since(began)
		if err != nil {
			return err
		}
		if s.inGrace() || word != "ask" && (next == 0 || next > now) {
			return nil
		}
		asked = now
		rest(took)
	}
}

// expireStep is one call of expire.lua.
func (s *Store) expireStep(ctx context.Context, number uint64, asked int64) (word string, next, now int64, err error) {
	r, err := s.call(ctx, conn.Call{
		Script: expireScript, Keys: s.keys.OfEvent(number), Args: []any{s.nowOverride(), asked}, Unbounded: true, Unacknowledged: true,
	})
	if err != nil {
		return "", 0, 0, err
	}
	_ = r.Integer() // version
	expired, promoted, promotionsDue := r.Integer(), r.Integer(), r.Flag()
	next, now = r.Integer(), r.Integer()
	if err := r.End("expired", "idle", "ask"); err != nil {
		return "", 0, 0, err
	}
	s.observePromoted(promoted)
	s.observeExpired(expired)
	if promotionsDue {
		s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
	}
	return r.Word, next, now, nil
}

// finishLeftovers finishes, in the background, what a call that reads an event has found to do:
// promotions that somebody began who may have died, and deadlines that have passed. It goes by the
// clock of this machine, which may be wrong: the script asks Redis's.
func (s *Store) finishLeftovers(number uint64, promotionsDue bool, deadline layout.Millis) {
	if s.identity.foreign.Load() {
		return
	}
	if promotionsDue {
		s.schedulePromotion(number)
	}
	if deadline > 0 && deadline <= s.now() {
		s.expireInBackground(number)
	}
}

func (s *Store) now() layout.Millis {
	if s.clock != nil {
		return layout.MillisOf(s.clock())
	}
	return layout.MillisOf(time.Now())
}
