package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/store"
	"boxoffice/store/layout"
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
		at := store.Millis(now.UnixMilli())
		want.Status, want.Position, want.Promoted = store.StatusConfirmed, 0, store.Moment{Version: 4, At: at}
		check()
		show.cancel("b", second)
		want.Status, want.Cancelled = store.StatusCancelled, store.Moment{Version: 5, At: at}
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
		page, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Limit: 10})
		if err != nil || len(page.Bookings) != 0 || page.Next != "" {
			t.Fatalf("no bookings: %+v, %v", page, err)
		}
		waitlist := show.waitlist(10)
		show.cancel(user(5), waitlist[5])
		for limit := 1; limit <= 11; limit++ {
			var got []store.Booking
			for cursor := ""; ; {
				page, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Cursor: cursor, Limit: limit})
				if err != nil || len(page.Bookings) > limit {
					t.Fatalf("limit %d: %d bookings, %v", limit, len(page.Bookings), err)
				}
				got = append(got, readable(t, page)...)
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
			if _, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Cursor: cursor, Limit: 10}); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

// A booking that cannot be read is marked, the others are listed, however long the pages are;
// verify reports it.
func TestBookingsThatCannotBeReadAreMarked(t *testing.T) {
	for name, damage := range map[string]func(s *show, short string) error{
		"a broken record": func(s *show, short string) error {
			return admin(s.t, s.Store).HSet(ctx, layout.Keys{}.Event(1), short, "CC|x").Err()
		},
		"an impossible one": func(s *show, short string) error {
			return admin(s.t, s.Store).HSet(ctx, layout.Keys{}.Event(1), short, "CC|||next||1|1700000000000|3||||ann").Err()
		},
		"no record": func(s *show, short string) error {
			return admin(s.t, s.Store).HDel(ctx, layout.Keys{}.Event(1), short).Err()
		},
		"a log entry of nothing": func(s *show, _ string) error {
			return admin(s.t, s.Store).LSet(ctx, layout.Keys{}.Log(1), 2, "x").Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				show := newShow(t, s, tickets(3))
				var booked []store.BookResult
				for _, who := range []string{"ann", "bob", "eve"} {
					booked = append(booked, show.book(who, 1))
				}
				if err := damage(show, layout.ShortIDOf(booked[1].Booking).String()); err != nil {
					t.Fatal(err)
				}
				for limit := 1; limit <= 3; limit++ {
					var got []store.BookingEntry
					for cursor := ""; ; {
						page, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Cursor: cursor, Limit: limit})
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, page.Bookings...)
						if cursor = page.Next; cursor == "" {
							break
						}
					}
					if len(got) != 3 || got[0].Booking != show.booking(booked[2]) || got[2].Booking != show.booking(booked[0]) {
						t.Fatalf("limit %d: %+v", limit, got)
					}
					marked := store.Booking{ID: booked[1].Booking, Event: show.event.UUID, EventNumber: 1, Version: 3}
					if name == "a log entry of nothing" {
						marked.ID = uuid.Nil
					}
					if !errors.Is(got[1].Err, store.ErrDamaged) || got[1].Booking != marked || got[0].Err != nil || got[2].Err != nil {
						t.Errorf("limit %d: marked %+v, want %+v", limit, got[1], marked)
					}
				}
				if len(breaches(t, s, show.ref)) == 0 {
					t.Error("verify says nothing")
				}
			})
		})
	}
}

// A page looks at a bounded part of the log, however few bookings are in it.
func TestBookingsAmongManyOtherChanges(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(3))
		booked := show.book("a", 1)
		const changes = 12_000
		entries := make([]any, changes)
		for i := range entries {
			entries[i] = "U|1700000000000|{}"
		}
		if err := admin(t, s).RPush(ctx, layout.Keys{}.Log(1), entries...).Err(); err != nil {
			t.Fatal(err)
		}
		counters := fmt.Sprintf("1|%d|1|0|0|0|0|0|0", changes+2)
		if err := admin(t, s).HSet(ctx, layout.Keys{}.Event(1), layout.CountersField, counters).Err(); err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for cursor := ""; ; {
			page, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Cursor: cursor, Limit: 500})
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(page.Bookings))
			if cursor = page.Next; cursor == "" {
				if got := readable(t, page); len(got) != 1 || got[0].ID != booked.Booking {
					t.Errorf("the last page: %+v", got)
				}
				break
			}
		}
		if !slices.Equal(sizes, []int{0, 0, 1}) {
			t.Errorf("pages of %v bookings", sizes)
		}
	})
}

// A user's live bookings come oldest first, in pages, whatever else is in the event, and with the
// status that was asked for.
func TestLiveBookingsOfAUser(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, holding60(5))
		of := func(request store.BookingsRequest) (ids []uuid.UUID, next string) {
			t.Helper()
			request.Event = show.ref
			page, err := s.Bookings(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range readable(t, page) {
				if want := show.booking(store.BookResult{Booking: one.ID}); one != want {
					t.Errorf("%+v, want %+v", one, want)
				}
				ids = append(ids, one.ID)
			}
			return ids, page.Next
		}
		if got, _ := of(store.BookingsRequest{User: "ann", Limit: 10}); len(got) != 0 {
			t.Errorf("of nobody: %v", got)
		}
		held := show.hold("ann", 1, 60)
		var booked []store.BookResult
		for range 4 {
			booked = append(booked, show.book("ann", 1))
			show.book("bob", 1)
		}
		live := []uuid.UUID{held.Booking, booked[0].Booking, booked[2].Booking, booked[3].Booking}
		show.cancel("ann", booked[1])
		for limit := 1; limit <= 5; limit++ {
			var got []uuid.UUID
			for cursor := ""; ; {
				page, next := of(store.BookingsRequest{User: "ann", Cursor: cursor, Limit: limit})
				got = append(got, page...)
				if cursor = next; cursor == "" {
					break
				}
			}
			if !slices.Equal(got, live) {
				t.Errorf("with limit %d: %v, want %v", limit, got, live)
			}
		}
		for status, want := range map[store.Status]int{
			store.StatusHeld: 1, store.StatusConfirmed: 2, store.StatusWaiting: 1, store.StatusCancelled: 0,
		} {
			got, _ := of(store.BookingsRequest{User: "ann", Status: status, Limit: 10})
			if len(got) != want {
				t.Errorf("%s: %v, want %d", status, got, want)
			}
		}
		if got, _ := of(store.BookingsRequest{Status: store.StatusCancelled, Limit: 10}); !slices.Equal(got, []uuid.UUID{booked[1].Booking}) {
			t.Errorf("cancelled: %v", got)
		}
		_, next := of(store.BookingsRequest{User: "ann", Limit: 1})
		for _, other := range []store.BookingsRequest{
			{Event: show.ref, User: "bob", Cursor: next, Limit: 1}, {Event: show.ref, Cursor: next, Limit: 1},
			{Event: show.ref, User: "ann", Cursor: "x", Limit: 1},
		} {
			if _, err := s.Bookings(ctx, other); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("%+v: %v", other, err)
			}
		}
		show.cancel("ann", booked[0])
		goOn := store.BookingsRequest{Event: show.ref, User: "ann", Cursor: next, Limit: 1}
		if _, err := s.Bookings(ctx, goOn); !errors.Is(err, store.ErrBadCursor) {
			t.Errorf("the booking to go on with has ended: %v", err)
		}
	})
}
