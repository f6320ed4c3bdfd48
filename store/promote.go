package store

import (
	"context"
	"sync"
	"time"
)

// promote confirms a bounded number of waiting bookings while tickets are free,
// and tells whether there is more to do.
func (s *Store) promote(ctx context.Context, number uint64) (more bool, err error) {
	r, err := s.run(ctx, promoteScript, eventKeys(number))
	if err != nil {
		return false, err
	}
	_ = r.integer() // version
	promoted := r.integer()
	more = r.flag()
	if err := r.end("promoted", "idle"); err != nil {
		return false, err
	}
	s.promoted(promoted)
	return more, nil
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

// helpers are the background promotions under way, one at most for each event.
type helpers struct {
	mutex   sync.Mutex
	running map[uint64]bool // event number -> asked for again meanwhile
	group   sync.WaitGroup
}

// start runs help in the background, unless it runs for this event: then it runs
// once more when it is through.
func (h *helpers) start(number uint64, help func()) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if _, running := h.running[number]; running {
		h.running[number] = true
		return
	}
	h.running[number] = false
	h.group.Go(func() {
		for again := true; again; again = h.again(number) {
			help()
		}
	})
}

// again tells whether help was asked for meanwhile; if not, it runs no more.
func (h *helpers) again(number uint64) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	again := h.running[number]
	if again {
		h.running[number] = false
	} else {
		delete(h.running, number)
	}
	return again
}

// helpPromote makes, in the background, the promotions that are due after a change: the
// change itself has been made, and its answer need not wait. If it does not finish, they
// stay due, and the next change of the event comes here again.
func (s *Store) helpPromote(number uint64) {
	if s.lifetime.Err() != nil {
		return
	}
	s.helpers.start(number, func() {
		ctx, cancel := context.WithTimeout(s.lifetime, helpTime)
		defer cancel()
		_ = s.promoteAll(ctx, number) // nobody waits for it; promotionsDue stays set
	})
}
