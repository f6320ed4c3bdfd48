package store

import "context"

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

// helpPromote goes on with promotions that a change left to do, after that change
// has been made and will be answered. What it leaves behind, the event remembers:
// the next change of the event comes here again.
func (s *Store) helpPromote(ctx context.Context, number uint64) {
	_ = s.promoteAll(ctx, number)
}
