package store_test

import (
	"errors"
	"strconv"
	"testing"

	"boxoffice/store"
)

// A repeated change is answered, and undoes nothing that came after it.
func TestRepeatedChange(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		change := func(key string, total int64, by string) (store.UpdateResult, error) {
			return s.Update(ctx, store.UpdateRequest{
				Event: show.ref, SettingsChange: store.SettingsChange{TotalTickets: &total}, IdempotencyKey: key, By: by,
			})
		}
		want := func(got store.UpdateResult, err error, total, version int64, replayed bool) {
			t.Helper()
			if err != nil || got.Event.TotalTickets != total || got.Event.Version != version || got.Replayed != replayed {
				t.Errorf("%+v, %v, want %d tickets at version %d, replayed %t", got, err, total, version, replayed)
			}
		}
		got, err := change("first", 6, "")
		want(got, err, 6, 2, false)
		got, err = change("second", 7, "")
		want(got, err, 7, 3, false)
		got, err = change("first", 6, "")
		want(got, err, 7, 3, true)
		got, err = change("first", 8, "somebody else")
		want(got, err, 8, 4, false)
		if _, err := change("first", 9, ""); !errors.Is(err, store.ErrIdempotencyMismatch) {
			t.Errorf("the same key with another change: %v", err)
		}
		// One that changed nothing changes nothing later either.
		got, err = change("same", 8, "")
		want(got, err, 8, 4, false)
		show.setTotal(10)
		got, err = change("same", 8, "")
		want(got, err, 10, 5, true)
		// What was refused was not carried out, so it may be later.
		show.book("ann", 4)
		if _, err := change("less", 3, ""); !errors.Is(err, store.ErrCapacityBelowConfirmed) {
			t.Errorf("less than confirmed: %v", err)
		}
		show.cancelOldest("ann")
		got, err = change("less", 3, "")
		want(got, err, 3, 8, false)
		if found := breaches(t, s, show.ref); len(found) > 0 {
			t.Errorf("the data contradicts itself: %v", found)
		}
	})
}

func TestChangeOfAVersion(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		show.book("ann", 1)
		change := func(total int64, key string, versions ...int64) error {
			return second(s.Update(ctx, store.UpdateRequest{
				Event: show.ref, SettingsChange: store.SettingsChange{TotalTickets: &total}, IfVersion: versions, IdempotencyKey: key,
			}))
		}
		for _, versions := range [][]int64{{1}, {3}, {1, 3, 22}, {12}, {20}} {
			if err := change(9, "", versions...); !errors.Is(err, store.ErrVersionMismatch) {
				t.Errorf("at %v: %v", versions, err)
			}
		}
		if now := show.now(); now.TotalTickets != 5 || now.Version != 2 {
			t.Errorf("%+v", now)
		}
		for i, versions := range [][]int64{{2}, {1, 3}, {4, 99}} {
			if err := change(10+int64(i), strconv.Itoa(i), versions...); err != nil {
				t.Errorf("at %v: %v", versions, err)
			}
		}
		// The first answer, though the version is another one now.
		if err := change(10, "0", 2); err != nil {
			t.Errorf("repeated: %v", err)
		}
		if now := show.now(); now.TotalTickets != 12 || now.Version != 5 {
			t.Errorf("%+v", now)
		}
		none := int64(99)
		err := second(s.Update(ctx, store.UpdateRequest{
			Event: show.ref, SettingsChange: store.SettingsChange{TotalTickets: &none}, IfVersion: []int64{},
		}))
		if !errors.Is(err, store.ErrVersionMismatch) {
			t.Errorf("a condition that no version meets: %v", err)
		}
	})
}

// A booking's id is its user's: to repeat it for another, or for other tickets, is refused.
func TestBookingIDOfAnother(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		for i, first := range []store.BookResult{show.book("ann", 1), show.book("bob", 1)} {
			request := store.BookRequest{Event: show.ref, User: []string{"ann", "bob"}[i], Quantity: 1}
			got, err := s.BookID(ctx, first.Booking, request)
			if err != nil || !got.Replayed || got.Status != first.Status || got.Current != first.Status {
				t.Errorf("repeated: %+v, %v, want %+v", got, err, first)
			}
			request.User = "mallory"
			if got, err := s.BookID(ctx, first.Booking, request); !errors.Is(err, store.ErrIdempotencyMismatch) {
				t.Errorf("by another user: %+v, %v", got, err)
			}
			request.User, request.Quantity = []string{"ann", "bob"}[i], 2
			got, err = s.BookID(ctx, first.Booking, request)
			if !errors.Is(err, store.ErrIdempotencyMismatch) {
				t.Errorf("with other tickets: %+v, %v", got, err)
			}
		}
		show.wantCounts(0, 1, 1)
	})
}

func TestReplayTellsTheStatusNow(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		book := func(user string) store.BookResult {
			t.Helper()
			got, err := s.Book(ctx, store.BookRequest{Event: show.ref, User: user, Quantity: 1, IdempotencyKey: "k"})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		confirmed, waiting := book("ann"), book("bob")
		if confirmed.Current != "" || waiting.Current != "" {
			t.Errorf("first answers: %+v, %+v", confirmed, waiting)
		}
		show.cancel("ann", confirmed)
		for user, want := range map[string][2]store.Status{
			"ann": {store.StatusConfirmed, store.StatusCancelled}, "bob": {store.StatusWaiting, store.StatusConfirmed},
		} {
			if got := book(user); !got.Replayed || got.Status != want[0] || got.Current != want[1] {
				t.Errorf("%s: %+v, want %s", user, got, want)
			}
		}
	})
}

// While an event is paused, nobody gets the tickets that a raised total left to be given out;
// they are given out once it is open again, and a cancellation in between is not lost.
func TestPausedWithPromotionsDue(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		first := show.book("ann", 1)
		for i := range 5 {
			show.book(user(i), 1)
		}
		if err := s.RaiseOnly(ctx, show.event.Number, 3); err != nil {
			t.Fatal(err)
		}
		show.setState(store.StatePaused)
		show.wantCounts(2, 1, 5)
		show.cancel("ann", first)
		show.wantCounts(3, 0, 5)
		show.setState(store.StateOpen)
		show.wantCounts(0, 3, 2)
		if found := breaches(t, s, show.ref); len(found) > 0 {
			t.Errorf("the data contradicts itself: %v", found)
		}
	})
}
