package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/store"
)

func (s *show) reduce(user string, booking uuid.UUID, quantity int64) store.ReduceResult {
	s.t.Helper()
	result, err := s.Reduce(ctx, store.ReduceRequest{Booking: booking, User: user, Quantity: quantity})
	if err != nil {
		s.t.Fatalf("%s reduces to %d: %v", user, quantity, err)
	}
	return result
}

func (s *show) reduceRefused(want error, user string, booking uuid.UUID, quantity int64) {
	s.t.Helper()
	before := s.now()
	if _, err := s.Reduce(ctx, store.ReduceRequest{Booking: booking, User: user, Quantity: quantity}); !errors.Is(err, want) {
		s.t.Fatalf("%s reduces to %d: %v, want %v", user, quantity, err, want)
	}
	if after := s.now(); after != before {
		s.t.Fatalf("a refused reduction changed the event from %+v to %+v", before, after)
	}
}

// What a reduction frees goes to the line in the same step; a repetition is answered like the first, and
// the request that booked is known by what it asked for.
func TestReduce(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		asked := show.request("ann", "key", 4)
		ann, err := s.Book(ctx, asked)
		if err != nil {
			t.Fatal(err)
		}
		bob, cyd := show.book("bob", 2), show.book("cyd", 2)
		show.want(bob, store.StatusWaiting, 1)

		first := show.reduce("ann", ann.Booking, 2)
		if len(first.Promoted) != 1 || first.Promoted[0] != (store.Promotion{
			Booking: bob.Booking, User: "bob", Quantity: 2, Status: store.StatusConfirmed,
		}) || first.Replayed || first.Version != 5 || first.Current != store.StatusConfirmed {
			t.Fatalf("%+v", first)
		}
		show.wantCounts(1, 4, 1)
		again := show.reduce("ann", ann.Booking, 2)
		if !again.Replayed || again.Version != first.Version || len(again.Promoted) != 1 || again.Promoted[0] != first.Promoted[0] {
			t.Errorf("repeated: %+v, first %+v", again, first)
		}
		if booked, err := s.Book(ctx, asked); err != nil || !booked.Replayed || booked.Booking != ann.Booking {
			t.Errorf("booked again: %+v, %v", booked, err)
		}
		asked.Quantity = 2
		if _, err := s.Book(ctx, asked); !errors.Is(err, store.ErrIdempotencyMismatch) {
			t.Errorf("booked again, fewer: %v", err)
		}
		if same := show.reduce("bob", bob.Booking, 2); !same.Replayed || same.Version != bob.Version || same.Promoted != nil {
			t.Errorf("to what was booked: %+v", same)
		}
		show.reduceRefused(store.ErrQuantityIncrease, "ann", ann.Booking, 3)
		show.reduceRefused(store.ErrBookingNotFound, "bob", ann.Booking, 1)
		if got := show.reduce("", ann.Booking, 1); len(got.Promoted) != 1 || got.Promoted[0].Booking != cyd.Booking {
			t.Errorf("by an organizer: %+v", got)
		}
		if got := show.booking(ann); got.Quantity != 1 || got.Reduced != (store.Reduced{From: 4, Version: 6}) {
			t.Errorf("%+v", got)
		}

		show.cancel("ann", ann)
		show.reduceRefused(store.ErrBookingCancelled, "ann", ann.Booking, 2)
		if got := show.reduce("ann", ann.Booking, 1); !got.Replayed || got.Version != 6 || got.Current != store.StatusCancelled {
			t.Errorf("repeated after it was cancelled: %+v", got)
		}
		show.wantCounts(1, 4, 0)
		wantNoBreach(t, s, show.ref)
	})
}

// Whoever waits keeps the place, and is served at once if next and small enough now. Others behind are not.
func TestReduceWhileWaiting(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		show.book("ann", 1)
		bob, cyd := show.book("bob", 2), show.book("cyd", 2)
		show.reduce("cyd", cyd.Booking, 1)
		if got := show.booking(cyd); got.Position != 2 || got.Status != store.StatusWaiting || got.Quantity != 1 {
			t.Errorf("behind the head: %+v", got)
		}
		got := show.reduce("bob", bob.Booking, 1)
		if len(got.Promoted) != 1 || got.Promoted[0].Booking != bob.Booking || got.Current != store.StatusConfirmed {
			t.Errorf("the head: %+v", got)
		}
		if again := show.reduce("bob", bob.Booking, 1); !again.Replayed || len(again.Promoted) != 1 || again.Promoted[0] != got.Promoted[0] {
			t.Errorf("repeated: %+v", again)
		}
		show.wantCounts(0, 2, 1)
		wantNoBreach(t, s, show.ref)

		paused := newShow(t, s, tickets(1))
		all, waits := paused.book("ann", 1), paused.book("bob", 1)
		paused.setState(store.StatePaused)
		paused.cancel("ann", all)
		paused.setTotal(2)
		paused.reduceRefused(store.ErrQuantityIncrease, "bob", waits.Booking, 2)
		paused.want(waits, store.StatusWaiting, 1)
		wantNoBreach(t, s, paused.ref)
	})
}

// Holds and offers are reduced while they live, and count towards the user's limit by what is left.
func TestReduceHoldsAndOffers(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		now := time.UnixMilli(1_700_000_000_000)
		s.SetClock(func() time.Time { return now })
		request := holding60(4)
		request.OfferSeconds, request.MaxPerUser = 30, 4
		show := newShow(t, s, request)
		ann := show.hold("ann", 4, 60).Booking
		bob := show.book("bob", 2)
		got := show.reduce("ann", ann, 2)
		if len(got.Promoted) != 1 || got.Promoted[0].Status != store.StatusOffered || got.Current != store.StatusHeld {
			t.Fatalf("%+v", got)
		}
		if left := show.reduce("bob", bob.Booking, 1); left.Current != store.StatusOffered {
			t.Errorf("%+v", left)
		}
		if event := show.now(); event.Held != 3 || event.Confirmed != 0 {
			t.Errorf("%+v", event)
		}
		short := show.hold("bob", 1, 20).Booking
		now = now.Add(20 * time.Second)
		if _, err := s.Confirm(ctx, ann, "ann"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Second)
		if _, err := s.Reduce(ctx, store.ReduceRequest{Booking: bob.Booking, User: "bob", Quantity: 1}); err != nil {
			t.Errorf("repeated once the offer is over: %v", err)
		}
		if _, err := s.Reduce(ctx, store.ReduceRequest{Booking: short, User: "bob", Quantity: 2}); !errors.Is(err, store.ErrHoldExpired) {
			t.Errorf("after the deadline: %v", err)
		}
		if event := show.now(); event.Held != 0 || event.Confirmed != 2 {
			t.Errorf("%+v", event)
		}
		wantNoBreach(t, s, show.ref)
	})
}
