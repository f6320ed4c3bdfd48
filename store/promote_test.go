package store_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

const lookLimit = scripts.LookLimit

func (s *show) waitlist(count int) []store.BookResult {
	s.t.Helper()
	var waitlist []store.BookResult
	for i := range count {
		waitlist = append(waitlist, s.book(user(i), 1))
	}
	return waitlist
}

func (s *show) promoteOnce(wantMore bool) {
	s.t.Helper()
	more, err := s.PromoteOnce(ctx, s.event.Number)
	if err != nil || more != wantMore {
		s.t.Fatalf("promote: more is %v, %v, want %v", more, err, wantMore)
	}
}

func TestRaisedTotalPromotesInBoundedSteps(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("a", 1)
		const waiting, raise = 2*lookLimit + 300, 2*lookLimit + 100
		waitlist := show.waitlist(waiting)

		release := s.HoldPromotions(show.event.Number)
		if err := s.RaiseOnly(ctx, show.event.Number, 1+raise); err != nil {
			t.Fatal(err)
		}
		show.wantCounts(raise, 1, waiting) // nothing is given out yet
		release()
		late := show.book("late", 1) // and nobody can take it from those who wait; but they go on promoting
		show.waitFor(func(event store.Event) bool { return event.Available() == 0 })
		if late.Status != store.StatusWaiting || late.Position != waiting+1 {
			t.Fatalf("a newcomer while tickets wait to be given out: %+v", late)
		}
		show.wantCounts(0, 1+raise, waiting-raise+1)
		show.want(waitlist[raise-1], store.StatusConfirmed, 0)
		show.want(waitlist[raise], store.StatusWaiting, 1)

		event := show.setTotal(1 + waiting + 1)
		if event.Available() != 0 || event.Waiting != 0 {
			t.Errorf("after raising further: %+v", event)
		}
		last := int64(0)
		for i, booked := range waitlist {
			got := show.booking(booked)
			if got.Status != store.StatusConfirmed || got.Promoted.Version < last {
				t.Fatalf("number %d of the waiting list: %+v, the one before was promoted at version %d", i, got, last)
			}
			last = got.Promoted.Version
		}
	})
}

func TestOneCallPromotesNoMoreThanItsLimit(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("a", 1)
		show.waitlist(lookLimit + 1)
		defer s.HoldPromotions(show.event.Number)()
		if err := s.RaiseOnly(ctx, show.event.Number, 2*lookLimit); err != nil {
			t.Fatal(err)
		}
		version := show.now().Version
		for _, step := range []struct {
			more                        bool
			confirmed, waiting, version int64
		}{
			{true, 1 + lookLimit, 1, version + 1},
			{false, 2 + lookLimit, 0, version + 2},
			{false, 2 + lookLimit, 0, version + 2}, // nothing to do, nothing changed
		} {
			show.promoteOnce(step.more)
			show.wantCounts(2*lookLimit-step.confirmed, step.confirmed, step.waiting)
			if got := show.now().Version; got != step.version {
				t.Errorf("version %d, want %d", got, step.version)
			}
		}
	})
}

// A cancellation answers who got the ticket, even if tickets of an instance that
// died wait to be given out first.
func TestCancelAfterUnfinishedPromotion(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		first := show.book("a", 1)
		waitlist := show.waitlist(lookLimit + 10)
		if err := s.RaiseOnly(ctx, show.event.Number, 1+lookLimit+5); err != nil {
			t.Fatal(err)
		}
		if got := show.cancel("a", first); got.Next() != waitlist[lookLimit+5].Booking {
			t.Errorf("promoted %s, want number %d of the waiting list", got.Next(), lookLimit+5)
		}
		show.wantCounts(0, 1+lookLimit+5, 4)
	})
}

// A long waiting list of which all but the last have withdrawn is worked off in bounded steps,
// and the last one is found by the very next cancellation.
func TestWaitlistOfWithdrawnBookings(t *testing.T) {
	for name, fromTheEnd := range map[string]bool{"from the head": false, "from the end": true} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				show := newShow(t, s, tickets(1))
				first := show.book("a", 1)
				const count = 3*lookLimit + 7
				waitlist := show.waitlist(count)
				for i := range count - 1 {
					if fromTheEnd {
						i = count - 2 - i
					}
					show.cancel(user(i), waitlist[i])
				}
				show.wantCounts(0, 1, 1)
				show.want(waitlist[count-1], store.StatusWaiting, 1)
				got := show.cancel("a", first)
				if got.Next() != waitlist[count-1].Booking {
					t.Errorf("got %+v, want the last of the waiting list promoted", got)
				}
				show.wantCounts(0, 1, 0)
				if entries := admin(t, s).ZCard(ctx, layout.Keys{}.Withdrawn(show.event.Number)).Val(); entries != 1 {
					t.Errorf("%d entries of withdrawn bookings remain, want only the sentinel", entries)
				}
			})
		})
	}
}

// A change names whom it promoted, the first of them, however many steps that takes, and whatever is
// booked in between; a repetition names the same.
func TestUpdateNamesWhomItPromoted(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("ann", 1)
		waiting := show.waitlist(lookLimit + 30)
		raise := func(total int64) store.UpdateResult {
			t.Helper()
			result, err := s.Update(ctx, store.UpdateRequest{
				Event: show.ref, SettingsChange: store.SettingsChange{TotalTickets: &total}, IdempotencyKey: strconv.FormatInt(total, 10),
			})
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		want := func(what string, result store.UpdateResult, promoted []store.BookResult) {
			t.Helper()
			if len(result.Promoted) != len(promoted) {
				t.Fatalf("%s: %d were promoted, want %d", what, len(result.Promoted), len(promoted))
			}
			for i, one := range result.Promoted {
				if one.Booking != promoted[i].Booking || one.Status != store.StatusConfirmed || one.Quantity != 1 || one.User == "" {
					t.Errorf("%s: row %d is %+v, want %s", what, i, one, promoted[i].Booking)
				}
			}
		}
		two := raise(3)
		want("two", two, waiting[:2])
		show.book("late", 1)
		all := raise(int64(len(waiting) + 2)) // in several steps
		want("all", all, waiting[2:2+store.MostPromoted])
		later := show.book("later", 1)
		want("two again", raise(3), waiting[:2])
		want("all again", raise(int64(len(waiting)+2)), waiting[2:2+store.MostPromoted])
		want("the last", raise(int64(len(waiting)+50)), []store.BookResult{later})
		want("nobody", raise(int64(len(waiting)+60)), nil)
	})
}

func TestUpdate(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		show.book("a", 3)
		name, total, perUser, waitlist, state := "another", int64(3), int64(4), int64(7), store.StatePaused
		got := show.update(changeOf(show.ref, store.SettingsChange{
			Name: &name, TotalTickets: &total, MaxPerUser: &perUser, WaitlistLimit: &waitlist, State: &state,
		}))
		want := show.event
		want.Name, want.TotalTickets, want.MaxPerUser, want.WaitlistLimit, want.State = name, total, perUser, waitlist, state
		want.Confirmed, want.Version = 3, 3
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if again := show.setTotal(3); again != want {
			t.Errorf("the same total again: %+v", again)
		}
		below := int64(2)
		_, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{TotalTickets: &below}))
		if !errors.Is(err, store.ErrCapacityBelowConfirmed) {
			t.Errorf("a total below the confirmed tickets: %v", err)
		}
		show.setState(store.StateClosed)
		open := store.StateOpen
		if _, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{State: &open})); !errors.Is(err, store.ErrEventClosed) {
			t.Errorf("a closed event opens again: %v", err)
		}
		renamed := "renamed"
		got = show.update(changeOf(show.ref, store.SettingsChange{Name: &renamed}))
		if got.Name != renamed || got.State != store.StateClosed {
			t.Errorf("a closed event renamed: %+v", got)
		}
	})
}

// A total lowered below what the head of the waiting list wants leaves it waiting, and
// serves nobody before it.
func TestLoweredTotalBlocksTheHead(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(4))
		booked := show.book("a", 2)
		big, small := show.book("b", 4), show.book("c", 1)
		show.setTotal(2)
		if got := show.cancel("a", booked); got.Next() != uuid.Nil {
			t.Errorf("got %+v, want nobody promoted", got)
		}
		show.want(small, store.StatusWaiting, 2)
		show.setTotal(4)
		show.want(big, store.StatusConfirmed, 0)
		show.want(small, store.StatusWaiting, 1)
	})
}

// What a cancellation leaves to do is done without any further call.
func TestCancellationSeesToTheRest(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("a", 1)
		const count = 2*lookLimit + 10
		waitlist := show.waitlist(count)
		for i := count - 2; i > 0; i-- {
			show.cancel(user(i), waitlist[i])
		}
		show.cancel(user(0), waitlist[0]) // the head: those who withdrew stand behind it
		show.waitFor(func(store.Event) bool {
			counters, err := layout.ParseCounters(s.Client().HGet(ctx, layout.Keys{}.Event(show.event.Number), layout.CountersField).Val())
			return err == nil && !counters.PromotionsDue
		})
		if entries := admin(t, s).ZCard(ctx, layout.Keys{}.Withdrawn(show.event.Number)).Val(); entries != 1 {
			t.Errorf("%d entries of withdrawn bookings remain, want only the sentinel", entries)
		}
		show.want(waitlist[count-1], store.StatusWaiting, 1)
	})
}

// A change of the total whose caller gives up is carried on with.
func TestUpdateThatIsCutOffIsCarriedOn(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("a", 1)
		const waiting = 5 * lookLimit
		show.waitlist(waiting)
		cut, cancel := context.WithCancel(ctx)
		go func() {
			show.waitFor(func(event store.Event) bool { return event.TotalTickets > 1 })
			cancel()
		}()
		total := int64(1 + waiting)
		_, _ = s.Update(cut, changeOf(show.ref, store.SettingsChange{TotalTickets: &total}))
		cancel()
		show.waitFor(func(event store.Event) bool { return event.Waiting == 0 })
		show.wantCounts(0, 1+waiting, 0)
	})
}

// Promotions that an instance that died has left over go on by themselves: at any call that
// reads the event, and at the walk of an instance that starts.
func TestLeftoversGoOn(t *testing.T) {
	for name, read := range map[string]func(s *show, waiting store.BookResult) error{
		"event":   func(s *show, _ store.BookResult) error { return second(s.Event(ctx, s.ref)) },
		"events":  func(s *show, _ store.BookResult) error { return second(s.Events(ctx, "", 10)) },
		"booking": func(s *show, waiting store.BookResult) error { return second(s.Booking(ctx, waiting.Booking)) },
		"bookings": func(s *show, _ store.BookResult) error {
			return second(s.Bookings(ctx, store.BookingsRequest{Event: s.ref, Limit: 1}))
		},
		"a start": func(s *show, _ store.BookResult) error { s.WalkAll(ctx); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				show := newShow(t, s, tickets(1))
				show.book("a", 1)
				waitlist := show.waitlist(2*lookLimit + 10)
				for range 3 {
					newShow(t, s, tickets(1))
				}
				if err := s.RaiseOnly(ctx, show.event.Number, 2*lookLimit+5); err != nil {
					t.Fatal(err)
				}
				counters := func() layout.Counters { // not by what goes on with them
					t.Helper()
					text := admin(t, s).HGet(ctx, layout.Keys{}.Event(show.event.Number), layout.CountersField).Val()
					counters, err := layout.ParseCounters(text)
					if err != nil {
						t.Fatal(err)
					}
					return counters
				}
				if before := counters(); !before.PromotionsDue || before.Confirmed != 1 {
					t.Fatalf("nothing is left over: %+v", before)
				}
				started := *show
				started.Store = beside(t, s)
				if err := read(&started, waitlist[0]); err != nil {
					t.Fatal(err)
				}
				deadline, tick := time.Now().Add(20*time.Second), time.NewTicker(2*time.Millisecond)
				defer tick.Stop()
				for now := counters(); now.PromotionsDue || now.Waiting != 6; now = counters() {
					if time.Now().After(deadline) {
						t.Fatalf("still left over: %+v", now)
					}
					<-tick.C
				}
				wantNoBreach(t, s, show.ref)
			})
		})
	}
}

// A leftover that cannot be finished is not tried at every read: it would be, without end.
func TestLeftoversOfADamagedEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("a", 1)
		waitlist := show.waitlist(2)
		if err := s.RaiseOnly(ctx, show.event.Number, 3); err != nil {
			t.Fatal(err)
		}
		if err := admin(t, s).HDel(ctx, layout.Keys{}.Event(1), layout.BookingField(layout.ShortIDOf(waitlist[0].Booking))).Err(); err != nil {
			t.Fatal(err)
		}
		var tries atomic.Int64
		reading := beforeCommand(t, s, func(command redis.Cmder) bool {
			if command.Name() == "evalsha" && command.Args()[1] == hash(scripts.Promote.Source) {
				tries.Add(1)
				return true
			}
			return false
		}, func() {})
		for i := 0; i < 100 || tries.Load() == 0; i++ {
			if _, err := reading.Event(ctx, show.ref); err != nil {
				t.Fatal(err)
			}
		}
		if got := tries.Load(); got > 10 {
			t.Errorf("%d tries for %d reads", got, 100)
		}
	})
}
