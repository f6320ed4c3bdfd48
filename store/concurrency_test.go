package store_test

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"boxoffice/store"
)

// inParallel calls do(0) ... do(count-1) from many goroutines.
func inParallel(count int, do func(i int)) {
	const goroutines = 64
	var next atomic.Int64
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	group.Wait()
}

// Two instances of the service sell 500 tickets to 10,000 users at once; then all
// who were confirmed cancel while others book. The whole history is checked.
func TestManyUsersAtOnce(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		const total, users = 500, 10_000
		show := newShow(t, s, tickets(total))
		second := store.Beside(s)
		defer func() { _ = second.Close() }()
		instance := func(i int) *store.Store {
			if i%2 == 0 {
				return s
			}
			return second
		}
		book := func(i int) store.BookResult {
			request := store.BookRequest{Event: show.ref, User: user(i), Quantity: 1}
			result, err := instance(i).Book(ctx, request)
			if err != nil {
				t.Errorf("%s: %v", request.User, err)
			}
			return result
		}

		booked := make([]store.BookResult, users)
		inParallel(users, func(i int) { booked[i] = book(i) })
		owner := map[uuid.UUID]string{}
		for i, result := range booked {
			owner[result.Booking] = user(i)
		}
		if len(owner) != users {
			t.Fatalf("%d different ids, want %d", len(owner), users)
		}
		slices.SortFunc(booked, func(a, b store.BookResult) int { return cmp.Compare(a.Version, b.Version) })
		for i, result := range booked {
			want := store.BookResult{Booking: result.Booking, Status: store.StatusConfirmed, Version: int64(i + 2)}
			if i >= total {
				want.Status, want.Position = store.StatusWaiting, int64(i-total+1)
			}
			if result != want {
				t.Fatalf("the booking made as number %d is %+v, want %+v", i, result, want)
			}
		}
		show.wantCounts(0, total, users-total)

		confirmed, waitlist := booked[:total], booked[total:]
		cancelled := make([]store.CancelResult, total)
		late := make([]store.BookResult, total)
		inParallel(2*total, func(i int) {
			if i%2 == 1 {
				late[i/2] = book(users + i/2)
				return
			}
			booking := confirmed[i/2].Booking
			result, err := instance(i/2).Cancel(ctx, store.CancelRequest{Booking: booking, User: owner[booking]})
			if err != nil {
				t.Error(err)
			}
			cancelled[i/2] = result
		})
		slices.SortFunc(cancelled, func(a, b store.CancelResult) int { return cmp.Compare(a.Version, b.Version) })
		for i, result := range cancelled {
			if result.Next() != waitlist[i].Booking {
				t.Fatalf("cancellation number %d promoted %s (of %s), want number %d of the waiting list",
					i, result.Next(), owner[result.Next()], i+1)
			}
		}
		for _, result := range late {
			if result.Status != store.StatusWaiting || result.Position <= users-2*total {
				t.Errorf("a newcomer overtook: %+v", result)
			}
		}
		show.wantCounts(0, total, users-total)
	})
}

// The same request from many sides at the same moment books, and cancels, once.
func TestSameRequestAtOnce(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		const requests, copies = 20, 8
		show := newShow(t, s, tickets(requests/2))
		results := make([]store.BookResult, requests*copies)
		inParallel(len(results), func(i int) {
			var err error
			results[i], err = s.Book(ctx, store.BookRequest{
				Event: show.ref, User: "a", Quantity: 1, IdempotencyKey: user(i / copies),
			})
			if err != nil {
				t.Error(err)
			}
		})
		fresh := 0
		for i, result := range results {
			if !result.Replayed {
				fresh++
			}
			first := results[i/copies*copies]
			if result.Booking != first.Booking || result.Version != first.Version || result.Status != first.Status {
				t.Errorf("copies differ: %+v and %+v", result, first)
			}
		}
		if fresh != requests {
			t.Errorf("%d answers are first ones, want %d", fresh, requests)
		}
		show.wantCounts(0, requests/2, requests/2)

		inParallel(requests*copies, func(i int) {
			request := store.CancelOldestRequest{Event: show.ref, User: "a", IdempotencyKey: user(i / copies)}
			if _, err := s.CancelOldest(ctx, request); err != nil {
				t.Error(err)
			}
		})
		show.wantCounts(requests/2, 0, 0)
		if got := show.now().Version; got != 1+2*requests {
			t.Errorf("version %d, want %d: one for each change", got, 1+2*requests)
		}
	})
}
