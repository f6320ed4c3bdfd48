package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"boxoffice/store/conn"
)

// promote confirms a bounded number of waiting bookings, or offers them tickets, while these are available,
// and reports whether there is more to do. It waits for its acknowledgement, which covers
// earlier steps too, or not.
func (s *Store) promote(ctx context.Context, number uint64, acknowledged bool) (more bool, err error) {
	r, err := s.call(ctx, conn.Call{
		Script: promoteScript, Keys: s.keys.OfEvent(number), Args: []any{s.nowOverride()}, Unbounded: true, Unacknowledged: !acknowledged,
	})
	if err != nil {
		return false, err
	}
	_ = r.Integer() // version
	promoted := r.Integer()
	more = r.Flag()
	if err := r.End("promoted", "idle"); err != nil {
		return false, err
	}
	s.observePromoted(promoted)
	return more, nil
}

// promoteSteps goes on until nobody is left to promote. Whoever answers for it has to have
// a later change acknowledged: each step by itself would wait for the disk or a replica.
func (s *Store) promoteSteps(ctx context.Context, number uint64) error {
	for {
		if more, err := s.promote(ctx, number, false); err != nil || !more {
			return err
		}
	}
}

// promoteAll is promoteSteps, acknowledged. A failover in between may leave more to do.
func (s *Store) promoteAll(ctx context.Context, number uint64) error {
	for {
		if err := s.promoteSteps(ctx, number); err != nil || !s.conn.Acknowledges() {
			return err
		}
		if more, err := s.promote(ctx, number, true); err != nil || !more {
			return err
		}
	}
}

// backgroundPromoteTime bounds one run of promotions of an event in the background.
const backgroundPromoteTime = 30 * time.Second

// backgroundPromoter makes promotions, or ends holds, that no request waits for: of an event one run
// at a time.
type backgroundPromoter struct {
	mutex   sync.Mutex
	running map[uint64]bool // event number -> scheduled again meanwhile
	group   sync.WaitGroup
}

func newBackground() backgroundPromoter { return backgroundPromoter{running: map[uint64]bool{}} }

// schedule runs promote in the background, unless it runs for this event: then it runs
// once more afterwards.
func (b *backgroundPromoter) schedule(number uint64, promote func()) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, running := b.running[number]; running {
		b.running[number] = true
		return
	}
	b.running[number] = false
	b.group.Go(func() {
		for again := true; again; again = b.scheduledAgain(number) {
			promote()
		}
	})
}

// scheduledAgain reports whether promote was scheduled meanwhile; if not, it runs no more.
func (b *backgroundPromoter) scheduledAgain(number uint64) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	again := b.running[number]
	if again {
		b.running[number] = false
	} else {
		delete(b.running, number)
	}
	return again
}

// schedulePromotion makes, in the background, the promotions that are due after a change:
// the change itself has been made, and its answer need not wait. It goes on through an outage
// of Redis. If it does not finish, they stay due, and the next call that sees the event comes
// here again.
func (s *Store) schedulePromotion(number uint64) {
	if s.lifetime.Err() != nil {
		return
	}
	s.backgroundPromoter.schedule(number, func() {
		for s.promoteFor(number) {
			s.pause(promotePause)
		}
	})
}

// promoteFor makes promotions for a bounded time, and reports whether to try again after a
// pause. After an error that no further try ends it only waits: reads of the event come here
// again and again.
func (s *Store) promoteFor(number uint64) (again bool) {
	ctx, cancel := context.WithTimeout(s.lifetime, backgroundPromoteTime)
	defer cancel()
	err := s.promoteSteps(ctx, number) // nobody waits for it; promotionsDue stays set
	switch {
	case err == nil || s.lifetime.Err() != nil:
		return false
	case errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknownFormat):
		return true
	default:
		s.pause(promotePause)
		return false
	}
}

// promotePause is the time between two runs of promotions of an event that fail.
const promotePause = time.Second

// pause waits, unless the store is closed.
func (s *Store) pause(length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-s.lifetime.Done():
	case <-timer.C:
	}
}

// The walk of walkAll looks at a few hundred events a second.
const (
	walkStep  = 100 // events in one round trip
	walkPause = 250 * time.Millisecond
	walkMost  = 1_000_000 // numbers
)

// walkAll walks over all events, newest first, and finishes or notes what is to be done without
// traffic. It takes its time, waits for a Redis that is away, and ends with ctx.
func (s *Store) walkAll(ctx context.Context) {
	again := func(step func() error) bool {
		for ctx.Err() == nil {
			err := step()
			s.pause(walkPause)
			if err == nil || !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrOverloaded) {
				return err == nil
			}
		}
		return false
	}
	var number uint64
	if !again(func() (err error) { number, err = s.firstNumber(ctx, ""); return err }) {
		return
	}
	for end := number - min(number, walkMost); number > end; number -= min(number, walkStep) {
		if !again(func() error {
			entries, err := s.eventsBetween(ctx, number, number-min(number, walkStep))
			for _, entry := range entries {
				if entry.Deadline > 0 || entry.PromotionsDue {
					s.register(ctx, entry.Number)
				}
			}
			return err
		}) {
			return
		}
	}
}
