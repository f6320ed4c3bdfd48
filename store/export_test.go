package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Beside opens a second store on the same Redis, as a second instance of the
// service would.
func Beside(s *Store) *Store {
	second := newStore(s.conn.Beside(), s.keys)
	second.clock = s.clock
	return second
}

// Client gives tests Redis itself.
func (s *Store) Client() redis.UniversalClient { return s.conn.Client() }

// BookTogether books in one call, one after the other in this order.
func (s *Store) BookTogether(ctx context.Context, requests []BookRequest) ([]BookResult, []error) {
	results, calls := make([]BookResult, len(requests)), make([]conn.Call, len(requests))
	ids := make([]uuid.UUID, len(requests))
	for i, request := range requests {
		id, call := s.bookCall(request)
		ids[i], calls[i] = id, s.timed(call)
	}
	replies, errs := s.conn.CallTogether(ctx, calls)
	for i, r := range replies {
		if errs[i] == nil {
			errs[i] = refusals[r.Word]
		}
		if errs[i] == nil {
			results[i], errs[i] = s.bookResult(ids[i], r) //nolint:contextcheck // promotions outlive the request
		}
	}
	return results, errs
}

// BookID books under an id, as a client of the scripts would that chose it.
func (s *Store) BookID(ctx context.Context, booking uuid.UUID, request BookRequest) (BookResult, error) {
	_, call := s.bookCall(request)
	call.Item[0] = layout.ShortIDOf(booking).String()
	r, err := s.call(ctx, s.timed(call))
	if err != nil {
		return BookResult{}, err
	}
	return s.bookResult(booking, r) //nolint:contextcheck // promotions outlive the request
}

// RaiseOnly raises the total as an instance does that dies before it promotes.
func (s *Store) RaiseOnly(ctx context.Context, number uint64, total int64) error {
	_, err := s.call(ctx, conn.Call{
		Script: updateScript, Keys: s.updateKeys(number),
		Args: []any{"", 0, "", "change", "", "", layout.SettingsChange{TotalTickets: &total}.Encode(), ""},
	})
	return err
}

// DrawNumber draws the number of a new event as an instance does that dies before it
// creates the event.
func (s *Store) DrawNumber(ctx context.Context, idempotencyKey string) (uint64, error) {
	return s.number(ctx, layout.ShortIDFor(idempotencyKey, "event"), 0)
}

// InitializeOnly creates an event as an instance does that dies before it notes that the
// creation is complete.
func (s *Store) InitializeOnly(ctx context.Context, request InitializeRequest) (Event, error) {
	result, _, err := s.initialize(ctx, request, layout.ShortIDFor(request.IdempotencyKey, "event"), 0)
	return result.Event, err
}

// HoldPromotions keeps reads from making the promotions of an event that are due, as if a run
// of them were under way, until the result is called.
func (s *Store) HoldPromotions(number uint64) (release func()) {
	b := &s.backgroundPromoter
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.running[number] = true
	return func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		delete(b.running, number)
	}
}

// PromoteOnce runs promote.lua once.
func (s *Store) PromoteOnce(ctx context.Context, number uint64) (more bool, err error) {
	return s.promote(ctx, number, true)
}

// ExpireDue ends the holds and offers of an event whose deadlines have passed.
func (s *Store) ExpireDue(ctx context.Context, number uint64) error { return s.expireDue(ctx, number) }

// Settle waits until nothing is done in the background.
func (s *Store) Settle() {
	for _, b := range []*backgroundPromoter{&s.backgroundPromoter, &s.backgroundExpirer} {
		for busy := true; busy; time.Sleep(time.Millisecond) {
			b.mutex.Lock()
			busy = len(b.running) > 0
			b.mutex.Unlock()
		}
	}
}

// WalkAll walks over all events once.
func (s *Store) WalkAll(ctx context.Context) { s.walkAll(ctx) }

// Register notes that an event may soon have work.
func (s *Store) Register(ctx context.Context, number uint64) { s.register(ctx, number) }

// InGrace reports whether nothing expires now.
func (s *Store) InGrace() bool { return s.inGrace() }

// LeaseAndRetire does for one event what a worker does, and returns what went wrong.
func (s *Store) LeaseAndRetire(ctx context.Context, number uint64) error {
	w := &worker{Store: s, partition: number % layout.Partitions, instance: "a test"}
	lease, err := w.callLease(ctx, leaseTime)
	if err != nil {
		return err
	}
	_ = lease.Integer()
	if err := lease.End("leased", "taken"); err != nil {
		return err
	}
	w.owned, w.deadlines = true, map[uint64]time.Time{}
	w.look(ctx)
	retired, err := s.call(ctx, conn.Call{
		Script: retireScript, Keys: []string{s.keys.Due(number)}, Args: []any{s.nowOverride(), number}, Unbounded: true,
	})
	if err != nil {
		return err
	}
	return retired.End("retired", "kept")
}
