package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/store"
)

func TestBookingTellsItsHistory(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		s.SetClock(func() time.Time { return now })
		show := newShow(t, s, tickets(3))
		first, second := show.book("a", 2), show.book("b", 2)
		want := store.Booking{
			ID: second.Booking, Event: show.event.UUID, EventNumber: 1, User: "b", Quantity: 2,
			Status: store.StatusWaiting, Position: 1, CreatedAt: now, Version: 3, History: store.History{First: store.StatusWaiting},
		}
		check := func() {
			t.Helper()
			if got := show.booking(second); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		check()
		show.cancel("a", first)
		want.Status, want.Position, want.Promoted = store.StatusConfirmed, 0, 4
		check()
		show.cancel("b", second)
		want.Status, want.Cancelled = store.StatusCancelled, 5
		check()
	})
}

func TestUnknownBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		id := show.book("a", 1).Booking
		id[15] ^= 1
		nowhere := id
		nowhere[5] = 99
		for name, id := range map[string]uuid.UUID{
			"of this event": id, "of no event": nowhere, "not ours": uuid.New(), "nil": uuid.Nil,
		} {
			if _, err := s.Booking(ctx, id); !errors.Is(err, store.ErrBookingNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestBookingsInPages(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(3))
		if page, err := s.Bookings(ctx, show.ref, "", 10); err != nil || len(page.Bookings) != 0 || page.Next != "" {
			t.Fatalf("no bookings: %+v, %v", page, err)
		}
		waitlist := show.waitlist(10)
		show.cancel(user(5), waitlist[5])
		for limit := 1; limit <= 11; limit++ {
			var got []store.Booking
			for cursor := ""; ; {
				page, err := s.Bookings(ctx, show.ref, cursor, limit)
				if err != nil || len(page.Bookings) > limit {
					t.Fatalf("limit %d: %d bookings, %v", limit, len(page.Bookings), err)
				}
				got = append(got, page.Bookings...)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if len(got) != len(waitlist) {
				t.Fatalf("limit %d: %d bookings, want %d", limit, len(got), len(waitlist))
			}
			for i, booking := range got {
				if want := show.booking(waitlist[len(waitlist)-1-i]); booking != want {
					t.Errorf("limit %d, row %d: %+v, want %+v", limit, i, booking, want)
				}
			}
		}
		for _, cursor := range []string{"x", "AAAAAAAAAAAAAA", "gAAAgAAAAAAAAA", "total", "@user-1"} {
			if _, err := s.Bookings(ctx, show.ref, cursor, 10); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}
