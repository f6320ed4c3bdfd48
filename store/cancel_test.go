package store_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"boxoffice/store"
	"boxoffice/store/layout"
)

func TestCancelPromotesTheHeadOfTheWaitlist(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		first := show.book("a", 1)
		second, third := show.book("b", 1), show.book("c", 1)

		got := show.cancel("a", first)
		want := store.CancelResult{Booking: first.Booking, Version: 5, Promoted: []store.Promotion{
			{Booking: second.Booking, User: "b", Quantity: 1, Status: store.StatusConfirmed},
		}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		show.want(first, store.StatusCancelled, 0)
		show.want(second, store.StatusConfirmed, 0)
		show.want(third, store.StatusWaiting, 1)
		show.wantCounts(0, 1, 1)
	})
}

func TestCancelAgainChangesNothing(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		first := show.book("a", 1)
		show.book("b", 1)
		show.book("c", 1)
		got := show.cancel("a", first)
		before := show.now()
		got.Replayed = true
		for range 2 {
			if again := show.cancel("a", first); !reflect.DeepEqual(again, got) {
				t.Errorf("again: %+v, want %+v", again, got)
			}
		}
		if after := show.now(); after != before {
			t.Errorf("cancelling again changed %+v to %+v", before, after)
		}
		show.wantCounts(0, 2, 0)
	})
}

func TestCancelIsTheOwnersOnly(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		confirmed, waiting := show.book("a", 1), show.book("b", 1)
		other := newShow(t, s, tickets(1))
		elsewhere := confirmed.Booking
		elsewhere[5] = byte(other.event.Number) // the same random bits in another event
		before := show.now()
		for name, request := range map[string]store.CancelRequest{
			"another user's confirmed": {Booking: confirmed.Booking, User: "b"},
			"another user's waiting":   {Booking: waiting.Booking, User: "a"},
			"another event's":          {Booking: elsewhere, User: "a"},
			"no event's":               {Booking: uuid.New(), User: "a"},
		} {
			if _, err := s.Cancel(ctx, request); !errors.Is(err, store.ErrBookingNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := show.now(); after != before {
			t.Errorf("refused cancellations changed %+v to %+v", before, after)
		}
	})
}

func TestCancelledWaitingBookingLeavesTheWaitlist(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		confirmed := show.book("a", 1)
		var waitlist []store.BookResult
		for i := range 6 {
			waitlist = append(waitlist, show.book(user(i), 1))
		}
		show.cancel(user(2), waitlist[2]) // from the middle
		show.cancel(user(0), waitlist[0]) // from the head
		show.cancel(user(5), waitlist[5]) // from the end
		show.wantCounts(0, 1, 3)
		for i, position := range map[int]int64{1: 1, 3: 2, 4: 3} {
			show.want(waitlist[i], store.StatusWaiting, position)
		}
		if late := show.book("late", 1); late.Position != 4 {
			t.Errorf("a newcomer's position is %d, want 4", late.Position)
		}
		for _, want := range []int{1, 3, 4} {
			got := show.cancelOldest(show.booking(confirmed).User)
			if got.Next() != waitlist[want].Booking {
				t.Errorf("promoted %s, want that of %s", got.Next(), user(want))
			}
			confirmed = waitlist[want]
		}
		show.wantCounts(0, 1, 1)
	})
}

// A booking that withdraws at the head of the waiting list lets those behind have what did not
// suffice for the head.
func TestHeadThatWithdrawsMakesRoom(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(3))
		show.book("a", 1)
		big, small, last := show.book("big", 3), show.book("small", 2), show.book("last", 1)
		got := show.cancel("big", big)
		if got.Next() != small.Booking || len(got.Promoted) != 1 {
			t.Errorf("got %+v, want the small one promoted", got)
		}
		show.want(last, store.StatusWaiting, 1)
		show.wantCounts(0, 3, 1)
	})
}

func TestOneCancellationPromotesSeveral(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(4))
		four := show.book("a", 4)
		one, two, three := show.book("b", 1), show.book("c", 2), show.book("d", 2)
		show.book("e", 1) // would fit, but d is before it
		got := show.cancel("a", four)
		if got.Next() != one.Booking || len(got.Promoted) != 2 {
			t.Errorf("got %+v, want two promoted, b's first", got)
		}
		show.want(two, store.StatusConfirmed, 0)
		show.want(three, store.StatusWaiting, 1)
		show.wantCounts(1, 3, 2)
		got.Replayed = true
		if again := show.cancel("a", four); !reflect.DeepEqual(again, got) {
			t.Errorf("again: %+v, want %+v", again, got)
		}
	})
}

func TestPausedAndClosedEventsPromoteNobody(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		a, b := show.book("a", 1), show.book("b", 1)
		waiting := show.book("c", 1)
		show.setState(store.StatePaused)
		if got := show.cancel("a", a); len(got.Promoted) != 0 || got.Next() != uuid.Nil {
			t.Errorf("paused: %+v", got)
		}
		show.wantCounts(1, 1, 1)
		show.setState(store.StateOpen)
		show.want(waiting, store.StatusConfirmed, 0)
		show.book("d", 1)
		show.setState(store.StateClosed)
		if got := show.cancel("b", b); len(got.Promoted) != 0 {
			t.Errorf("closed: %+v", got)
		}
		show.wantCounts(1, 1, 1)
	})
}

func TestCancelOldest(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(3))
		confirmed1, confirmed2 := show.book("a", 1), show.book("a", 1)
		show.book("b", 1)
		waiting1, waiting2 := show.book("a", 1), show.book("a", 1)
		show.book("b", 1)
		// The tickets that come free go to a's own waiting bookings.
		for i, want := range []store.BookResult{confirmed1, confirmed2, waiting1, waiting2} {
			if got := show.cancelOldest("a"); got.Booking != want.Booking {
				t.Errorf("cancellation %d took %s, want %s", i, got.Booking, want.Booking)
			}
		}
		request := store.CancelOldestRequest{Event: show.ref, User: "a"}
		if _, err := s.CancelOldest(ctx, request); !errors.Is(err, store.ErrBookingNotFound) {
			t.Errorf("nothing left: %v", err)
		}
		request.User = "nobody"
		if _, err := s.CancelOldest(ctx, request); !errors.Is(err, store.ErrBookingNotFound) {
			t.Errorf("never booked: %v", err)
		}
		show.wantCounts(1, 2, 0)
	})
}

func TestCancelOldestRetried(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		show.book("a", 1)
		kept := show.book("a", 1)
		request := store.CancelOldestRequest{Event: show.ref, User: "a", IdempotencyKey: "k"}
		first, err := s.CancelOldest(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.CancelOldest(ctx, request)
		first.Replayed = true
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Errorf("again: %+v, %v, want %+v", again, err, first)
		}
		show.want(kept, store.StatusConfirmed, 0)
	})
}

// A user's bookings may be cancelled in any order; the oldest is always the oldest
// of those that are left.
func TestUserWithManyBookings(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		const count = 120
		random := rand.New(rand.NewPCG(1, 2))
		show := newShow(t, s, store.InitializeRequest{Settings: store.Settings{TotalTickets: count / 2, MaxPerUser: 2 * count}})
		var live []store.BookResult
		for range count {
			live = append(live, show.book("a", 1))
		}
		for len(live) > 0 {
			i := random.IntN(len(live))
			if random.IntN(3) == 0 {
				i = 0
				if got := show.cancelOldest("a"); got.Booking != live[0].Booking {
					t.Fatalf("with %d left the oldest is %s, got %s", len(live), live[0].Booking, got.Booking)
				}
			} else {
				show.cancel("a", live[i])
			}
			live = append(live[:i], live[i+1:]...)
			if random.IntN(8) == 0 {
				live = append(live, show.book("a", 1))
			}
		}
		show.wantCounts(count/2, 0, 0)
		show.book("a", 2*count/4) // nothing of the limit is used up
	})
}

// A booking that is promoted by the same user's cancellation keeps its place in the
// chain of that user's bookings.
func TestCancelPromotesTheSameUsersNextBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		first, second, third := show.book("a", 1), show.book("a", 1), show.book("a", 1)
		if got := show.cancel("a", second); got.Next() != third.Booking {
			t.Fatalf("got %+v, want the third promoted", got)
		}
		show.cancel("a", third)
		fourth := show.book("a", 1)
		show.cancel("a", first)
		if got := show.cancelOldest("a"); got.Booking != fourth.Booking || got.Replayed {
			t.Errorf("got %+v, want the fourth cancelled", got)
		}
		show.wantCounts(2, 0, 0)
	})
}

// Whatever is broken is found before the first write.
func TestCancellationOfWhatIsBrokenChangesNothing(t *testing.T) {
	for name, corrupt := range map[string]func(v *victim) store.CancelRequest{
		"the record itself": func(v *victim) store.CancelRequest {
			v.set(shortID(v.ann2.Booking), "rubbish")
			return store.CancelRequest{Booking: v.ann2.Booking, User: "ann"}
		},
		"the next younger booking of the user": func(v *victim) store.CancelRequest {
			v.set(shortID(v.ann3.Booking), "rubbish")
			return store.CancelRequest{Booking: v.ann2.Booking, User: "ann"}
		},
		"the next younger booking is gone": func(v *victim) store.CancelRequest {
			v.remove(shortID(v.ann3.Booking))
			return store.CancelRequest{Booking: v.ann2.Booking, User: "ann"}
		},
		"the link from the oldest": func(v *victim) store.CancelRequest {
			v.remove(layout.NewerField(layout.ShortIDOf(v.ann.Booking)))
			return store.CancelRequest{Booking: v.ann.Booking, User: "ann"}
		},
		"the user's entry": func(v *victim) store.CancelRequest {
			v.set(layout.HoldingField("cyd"), "rubbish")
			return store.CancelRequest{Booking: v.cyd.Booking, User: "cyd"}
		},
		"the head of the waiting list": func(v *victim) store.CancelRequest {
			v.remove(shortID(v.eve.Booking))
			return store.CancelRequest{Booking: v.cyd.Booking, User: "cyd"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEmbeddedAndRedis(t, func(t *testing.T, s *store.Store) {
				v := newVictim(t, s)
				request := corrupt(v)
				before := v.everything()
				result, err := s.Cancel(ctx, request)
				if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrBookingNotFound) {
					t.Errorf("%+v, %v", result, err)
				}
				if after := v.everything(); !reflect.DeepEqual(before, after) {
					t.Errorf("changed from %v to %v", before, after)
				}
			})
		})
	}
}

// An organizer cancels any booking, and the log says who did.
func TestCancelForAnybody(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1000))
		first := show.book("ann", 1)
		all := show.book("bob", 1000) // which is never served while ann has her ticket
		next := show.book("cyd", 999)
		show.wantCounts(999, 1, 2)
		got, err := s.Cancel(ctx, store.CancelRequest{Booking: all.Booking, By: "desk|1"})
		if err != nil || got.Replayed || got.Next() != next.Booking || len(got.Promoted) != 1 {
			t.Errorf("%+v, %v, want %v promoted", got, err, next.Booking)
		}
		show.wantCounts(0, 1000, 0)
		again, err := s.Cancel(ctx, store.CancelRequest{Booking: all.Booking, By: "another"})
		if got.Replayed = true; err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("again %+v, %v, want %+v", again, err, got)
		}
		// The middle of a user's chain, and its ends.
		var anns []store.BookResult
		for range 3 {
			anns = append(anns, show.book("ann", 1))
		}
		for _, i := range []int{1, 2, 0} {
			if _, err := s.Cancel(ctx, store.CancelRequest{Booking: anns[i].Booking}); err != nil {
				t.Error(err)
			}
		}
		show.want(first, store.StatusConfirmed, 0)
		unknown := first.Booking
		unknown[15] ^= 1
		if _, err := s.Cancel(ctx, store.CancelRequest{Booking: unknown}); !errors.Is(err, store.ErrBookingNotFound) {
			t.Errorf("no booking: %v", err)
		}
		var by []string
		err = s.Verifier().Log(ctx, show.ref, func(_ int64, change layout.Change) {
			if change.Kind == layout.ChangeCancelled {
				by = append(by, change.By)
			}
		})
		if want := []string{"desk|1", "", "", ""}; err != nil || !slices.Equal(by, want) {
			t.Errorf("cancelled by %q, %v, want %q", by, err, want)
		}
		if found := breaches(t, s, show.ref); len(found) > 0 {
			t.Errorf("the data contradicts itself: %v", found)
		}
	})
}
