package store_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"boxoffice/store"
	"boxoffice/store/layout"
)

func TestBookConfirmsUntilSoldOutThenQueues(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		for i, want := range []struct {
			status   store.Status
			position int64
		}{{store.StatusConfirmed, 0}, {store.StatusConfirmed, 0}, {store.StatusWaiting, 1}, {store.StatusWaiting, 2}} {
			got := show.book(user(i), 1)
			if got.Status != want.status || got.Position != want.position || got.Version != int64(i+2) || got.Replayed {
				t.Errorf("booking %d: %+v, want %+v and version %d", i, got, want, i+2)
			}
		}
		show.wantCounts(0, 2, 2)
	})
}

func TestNewcomerWaitsWhileOthersWait(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(3))
		show.book("first", 2)
		big := show.book("big", 2) // one ticket is available, but not two
		small := show.book("small", 1)
		if big.Position != 1 || small.Position != 2 {
			t.Fatalf("positions %d and %d: a small booking must not overtake a big one", big.Position, small.Position)
		}
		show.wantCounts(1, 2, 2)
	})
}

func TestBookIsAllOrNothing(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		show.bookRefused(store.ErrOverCapacity, "greedy", 6)
		if got := show.book("all", 5); got.Status != store.StatusConfirmed {
			t.Errorf("the exact number of available tickets: %+v", got)
		}
		show.wantCounts(0, 5, 0)
	})
}

func TestBookRetried(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		request := store.BookRequest{Event: show.ref, User: "a", Quantity: 1, IdempotencyKey: "k"}
		book := func(request store.BookRequest) store.BookResult {
			t.Helper()
			result, err := s.Book(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		replayOf := func(first store.BookResult, current store.Status) store.BookResult {
			first.Replayed, first.Current = true, current
			return first
		}

		first := book(request)
		waiting := request
		waiting.User = "b" // the same key of another user is another booking
		second := book(waiting)
		if first.Booking == second.Booking || second.Position != 1 {
			t.Fatalf("first %+v, second %+v", first, second)
		}
		byNumber := request
		byNumber.Event = store.EventNumber(show.event.Number)
		if again := book(byNumber); again != replayOf(first, store.StatusConfirmed) {
			t.Errorf("replay by number: %+v, want %+v", again, first)
		}
		show.wantCounts(0, 1, 1)

		// Whatever has become of it since, the replay is the first answer.
		show.cancel("a", first)
		show.want(second, store.StatusConfirmed, 0)
		show.setState(store.StatePaused)
		if again := book(waiting); again != replayOf(second, store.StatusConfirmed) {
			t.Errorf("replay after promotion: %+v, want %+v", again, second)
		}
		if again := book(request); again != replayOf(first, store.StatusCancelled) {
			t.Errorf("replay after cancellation: %+v, want %+v", again, first)
		}
		other := request
		other.Quantity = 2
		if _, err := s.Book(ctx, other); !errors.Is(err, store.ErrIdempotencyMismatch) {
			t.Errorf("same key, other quantity: %v", err)
		}
		show.wantCounts(0, 1, 0)
	})
}

func TestBookRefusals(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, store.InitializeRequest{Settings: store.Settings{TotalTickets: 3, MaxPerUser: 2, WaitlistLimit: 2}})
		first := show.book("a", 1)
		show.bookRefused(store.ErrUserLimit, "a", 2)
		show.book("a", 1)
		show.bookRefused(store.ErrUserLimit, "a", 1)
		show.book("b", 1)
		show.book("b", 1) // waiting tickets count too
		show.bookRefused(store.ErrUserLimit, "b", 1)
		show.book("c", 1)
		show.bookRefused(store.ErrWaitingListFull, "d", 1)

		show.setState(store.StatePaused)
		show.bookRefused(store.ErrEventPaused, "d", 1)
		show.setState(store.StateOpen)
		show.cancel("a", first) // b is promoted: room in the waiting list again, and a may book again
		if got := show.book("a", 1); got.Position != 2 {
			t.Errorf("after a cancellation: %+v", got)
		}
		show.setState(store.StateClosed)
		show.bookRefused(store.ErrEventClosed, "d", 1)
	})
}

func TestUnknownEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		stranger := show.event.UUID
		stranger[15] ^= 1 // the same number, other random bits
		for name, ref := range map[string]store.EventRef{
			"no such number":     store.EventNumber(99),
			"number 0":           store.EventNumber(0),
			"number too big":     store.EventNumber(1 << 48),
			"another event's":    store.EventUUID(stranger),
			"not made here":      store.EventUUID(uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
			"the zero value":     {},
			"the uuid of nobody": store.EventUUID(uuid.Nil),
		} {
			if _, err := s.Book(ctx, store.BookRequest{Event: ref, User: "a", Quantity: 1}); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("book, %s: %v", name, err)
			}
			if _, err := s.Event(ctx, ref); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("event, %s: %v", name, err)
			}
			if _, err := s.Bookings(ctx, store.BookingsRequest{Event: ref, Limit: 10}); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("bookings, %s: %v", name, err)
			}
			if _, err := s.CancelOldest(ctx, store.CancelOldestRequest{Event: ref, User: "a"}); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("cancel, %s: %v", name, err)
			}
			total := int64(5)
			if _, err := s.Update(ctx, changeOf(ref, store.SettingsChange{TotalTickets: &total})); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("update, %s: %v", name, err)
			}
		}
		show.wantCounts(1, 0, 0)
		if keys := admin(t, s).Exists(ctx, layout.Keys{}.Event(99)).Val(); keys != 0 {
			t.Error("asking for an event made its key")
		}
	})
}

// A user may be called anything; none of it may be taken for the store's own.
func TestUsersWithOddNames(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		names := []string{"|", "a|b", "@", "@a", ">x", "total", "1:x", "Zoë", "🎫", " ", "W||||1|", "%d", "12345678901234"}
		show := newShow(t, s, tickets(int64(len(names))))
		for _, name := range names {
			first, second := show.book(name, 1), show.book(name, 1)
			if got := show.booking(first); got.User != name {
				t.Errorf("booked by %q, stored as %q", name, got.User)
			}
			if got := show.cancelOldest(name); got.Booking != first.Booking {
				t.Errorf("%q: cancelled %s, want %s", name, got.Booking, first.Booking)
			}
			show.cancel(name, second)
		}
		show.wantCounts(int64(len(names)), 0, 0)
	})
}

// One request cannot stop a sale: a booking has at most so many tickets.
func TestQuantityLimit(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, store.InitializeRequest{Settings: store.Settings{TotalTickets: 5, MaxQuantity: 2, MaxPerUser: 2}})
		for quantity, want := range map[int64]error{
			6: store.ErrOverCapacity, 5: store.ErrQuantityLimit, 3: store.ErrQuantityLimit, 2: nil,
		} {
			_, err := s.Book(ctx, show.request("ann", strconv.FormatInt(quantity, 10), quantity))
			if !errors.Is(err, want) {
				t.Errorf("%d tickets: %v, want %v", quantity, err, want)
			}
		}
		show.together([]store.BookRequest{
			show.request("bob", "", 3), show.request("bob", "", 1), show.request("bob", "", 2), show.request("cyd", "", 2),
		}, store.ErrQuantityLimit, store.StatusConfirmed, store.ErrUserLimit, store.StatusConfirmed)
		show.wantCounts(0, 5, 0)
		// A limit counts for new bookings, and can be lifted.
		one, none := int64(1), int64(0)
		show.update(store.UpdateRequest{SettingsChange: store.SettingsChange{MaxQuantity: &one}})
		if _, err := s.Book(ctx, show.request("dan", "", 2)); !errors.Is(err, store.ErrQuantityLimit) {
			t.Errorf("above a lowered limit: %v", err)
		}
		show.update(store.UpdateRequest{SettingsChange: store.SettingsChange{MaxQuantity: &none}})
		show.book("dan", 2)
		show.wantCounts(0, 5, 1)
	})
}
