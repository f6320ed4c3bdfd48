package store

import (
	"context"
	"time"
)

// promote confirms a bounded number of waiting bookings while tickets are free,
// and tells whether there is more to do.
func (s *Store) promote(ctx context.Context, number uint64) (more bool, err error) {
	r, err := s.run(ctx, promoteScript, eventKeys(number))
	if err != nil {
		return false, err
	}
	_, _ = r.integer(), r.integer() // version and bookings promoted
	more = r.flag()
	return more, r.end("promoted", "idle")
}

// promoteAll goes on until nobody is left to promote.
func (s *Store) promoteAll(ctx context.Context, number uint64) error {
	for {
		if more, err := s.promote(ctx, number); err != nil || !more {
			return err
		}
	}
}

// helpTime bounds how long one helper works on an event.
const helpTime = 30 * time.Second

// helpPromote goes on, in the background, with promotions that a change left to do:
// the change itself has been made, and its answer need not wait. One helper at a
// time is enough for an event. What it leaves behind, the event remembers: the next
// change of the event comes here again.
func (s *Store) helpPromote(number uint64) {
	if _, helped := s.helped.LoadOrStore(number, true); helped {
		return
	}
	s.helpers.Go(func() {
		defer s.helped.Delete(number)
		ctx, cancel := context.WithTimeout(s.lifetime, helpTime)
		defer cancel()
		_ = s.promoteAll(ctx, number) // nobody waits for it; the event still has its mark
	})
}
