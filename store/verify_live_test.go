package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// Random histories of every kind of call leave nothing to find.
func TestVerifyHealthyHistories(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		const histories = 6
		now := new(atomic.Int64)
		s.SetClock(func() time.Time { return time.UnixMilli(now.Load()) })
		for seed := range uint64(histories) {
			walk(t, s, 1000+seed, now, map[string]int{})
		}
		events := 0
		numbers, err := s.Verifier().All(ctx, func(breach verify.Breach) { t.Error(breach) }, func(result verify.Result, err error) {
			events++
			if err != nil || result.Bookings == 0 || result.Event != uint64(events) {
				t.Errorf("%+v, %v", result, err)
			}
		})
		if err != nil || events != histories || numbers.Given != histories || numbers.Missing != nil {
			t.Errorf("%d events verified, %+v, %v", events, numbers, err)
		}
	})
}

// A waiting list of several steps' length, with withdrawn bookings at its head, in its middle and at its
// end, is found healthy at each stage of its promotion; so are the users' chains.
func TestVerifyHealthyLongWaitlist(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		wantNoBreach(t, s, show.ref)
		show.book("a", 1)
		length := 1700
		if s.Engine() == store.EngineEmbedded {
			length = 800
		}
		waitlist := show.waitlist(length)
		for i, booking := range waitlist {
			if i < 600 && i != 300 || i%3 == 0 {
				show.cancel(user(i), booking)
			}
		}
		for range 300 {
			show.book("the same user", 1)
		}
		wantNoBreach(t, s, show.ref)
		if err := s.RaiseOnly(ctx, show.event.Number, 900); err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			wantNoBreach(t, s, show.ref)
			var err error
			if more, err = s.PromoteOnce(ctx, show.event.Number); err != nil {
				t.Fatal(err)
			}
		}
		show.setState(store.StateClosed)
		show.cancelOldest("the same user")
		wantNoBreach(t, s, show.ref)
	})
}

func TestVerifyNoEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		other := show.event.UUID
		other[15]++
		for _, ref := range []store.EventRef{store.EventNumber(0), store.EventNumber(99), store.EventUUID(other), {}} {
			if _, err := s.Verifier().Event(ctx, ref, nil); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("%v: %v", ref, err)
			}
		}
		if err := admin(t, s).HSet(ctx, layout.Keys{}.Event(1), layout.CountersField, "2|rest").Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Verifier().Event(ctx, show.ref, nil); err == nil {
			t.Error("an unknown format was verified")
		}
	})
}

// churn changes an event from several goroutines until stop is called.
func churn(t *testing.T, show *show, users int) (stop func()) {
	var stopped atomic.Bool
	var group sync.WaitGroup
	for worker := range 6 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			var mine []store.BookResult
			for !stopped.Load() {
				who := user(worker*users + random.IntN(users))
				var err error
				switch choice := random.IntN(44); {
				case choice < 20:
					_, err = show.Book(ctx, store.BookRequest{Event: show.ref, User: who, Quantity: 1 + random.Int64N(3)})
				case choice < 24: // to be cancelled by its id, out of the middle of the waiting list
					who = user(worker * users)
					var booked store.BookResult
					if booked, err = show.Book(ctx, store.BookRequest{Event: show.ref, User: who, Quantity: 1 + random.Int64N(3)}); err == nil {
						mine = append(mine, booked)
					}
				case choice < 28 && len(mine) > 0:
					i := random.IntN(len(mine))
					_, err = show.Cancel(ctx, store.CancelRequest{Booking: mine[i].Booking, User: user(worker * users)})
				case choice >= 40 && len(mine) > 0:
					i := random.IntN(len(mine))
					_, err = show.Reduce(ctx, store.ReduceRequest{Booking: mine[i].Booking, User: user(worker * users), Quantity: 1 + random.Int64N(2)})
				case choice < 38 || choice >= 40:
					_, err = show.CancelOldest(ctx, store.CancelOldestRequest{Event: show.ref, User: who})
				case choice == 38:
					total := show.event.TotalTickets + random.Int64N(200)
					_, err = show.Update(ctx, changeOf(show.ref, store.SettingsChange{TotalTickets: &total}))
				default:
					state := []store.State{store.StatePaused, store.StateOpen, store.StateOpen}[random.IntN(3)]
					_, err = show.Update(ctx, changeOf(show.ref, store.SettingsChange{State: &state}))
				}
				switch {
				case err == nil, errors.Is(err, store.ErrBookingNotFound), errors.Is(err, store.ErrEventPaused),
					errors.Is(err, store.ErrCapacityBelowConfirmed), errors.Is(err, store.ErrOverCapacity),
					errors.Is(err, store.ErrQuantityIncrease), errors.Is(err, store.ErrBookingCancelled):
				default:
					t.Errorf("churn: %v", err)
				}
			}
		})
	}
	return func() {
		stopped.Store(true)
		group.Wait()
	}
}

// Nothing is found in a healthy event however it changes meanwhile.
func TestVerifyWhileTheEventChanges(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(400))
		looks, bookings := 4, 2000
		if s.Engine() == store.EngineEmbedded {
			looks, bookings = 3, 500
		}
		inParallel(bookings, func(i int) {
			if _, err := s.Book(ctx, store.BookRequest{Event: show.ref, User: user(i % 900), Quantity: 1}); err != nil {
				t.Error(err)
			}
		})
		stop := churn(t, show, 150)
		defer stop()
		moved := int64(0)
		// On a busy machine a look may end before the others had their turn: look again.
		for look := 0; look < looks || (moved < int64(10*looks) && look < 50*looks); look++ {
			result, err := s.Verifier().Event(ctx, show.ref, func(breach verify.Breach) { t.Errorf("a breach where there is none: %s", breach) })
			if err != nil || result.Bookings < bookings {
				t.Fatalf("%+v, %v", result, err)
			}
			moved += show.now().Version - result.Version
		}
		if moved < int64(10*looks) {
			t.Errorf("the event moved on by %d versions during %d looks: nothing is proven", moved, looks)
		}
	})
}

// What is wrong is found however the rest of the event changes meanwhile.
func TestVerifyFindsCorruptionWhileTheEventChanges(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		v := newVictim(t, s)
		stop := churn(t, v.show, 150)
		defer stop()
		v.add("confirmed", 1)
		v.set(layout.NewerField(layout.ShortIDOf(v.ann3.Booking)), shortID(v.nobody))
		v.set(layout.HoldingField("user-that-never-books"), layout.Holding{
			Tickets: 1, Oldest: layout.ShortIDOf(v.nobody), Newest: layout.ShortIDOf(v.nobody),
		}.String())
		v.do("ZADD", v.withdrawn, 3_000_000, 3_000_000)
		v.set(layout.RequestField("request"), shortID(v.eve.Booking))
		found := breaches(t, s, v.ref)
		for _, rule := range []verify.Rule{verify.RuleConfirmed, verify.RuleUser, verify.RuleWithdrawn, verify.RuleCancellation} {
			if !slices.ContainsFunc(found, func(b verify.Breach) bool { return b.Rule == rule }) {
				t.Errorf("%q is not found in %v", rule, found)
			}
		}
	})
}

// spy sees what is sent to Redis, before and after.
type spy struct {
	before func(command redis.Cmder)
	after  func(command redis.Cmder)
}

func (s spy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		s.before(command)
		err := next(ctx, command)
		s.after(command)
		return err
	}
}

func (s spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		for _, command := range commands {
			s.before(command)
		}
		err := next(ctx, commands)
		for _, command := range commands {
			s.after(command)
		}
		return err
	}
}

// No call may keep Redis from serving others: each reads a bounded part of the event.
func TestVerifyReadsInBoundedSteps(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(500))
		const events = 1700 // more than one call may read
		inParallel(events-1, func(int) { newShow(t, s, tickets(1)) })
		const bookings = 5000
		inParallel(bookings, func(i int) {
			who := user(1) // has nearly half of all
			if i%2 == 0 {
				who = user(i)
			}
			result, err := s.Book(ctx, store.BookRequest{Event: show.ref, User: who, Quantity: 1})
			if err == nil && (i%2 == 0 || i%100 == 1) {
				_, err = s.Cancel(ctx, store.CancelRequest{Booking: result.Booking, User: who})
			}
			if err != nil {
				t.Error(err)
			}
		})
		hash := layout.Keys{}.Event(show.event.Number)
		// All bookings of the user have to be read again.
		if err := admin(t, s).HSet(ctx, hash, layout.HoldingField(user(1)), "rubbish").Err(); err != nil {
			t.Fatal(err)
		}
		// Redis returns whole buckets of a hash, so a scan may give somewhat more than asked for.
		const most = 1500
		counts := map[string]int{}
		check := func(command redis.Cmder) {
			if command.Name() == "hello" || command.Name() == "client" {
				return // of the connection
			}
			entries := len(command.Args())
			switch reply := command.(type) {
			case *redis.ScanCmd:
				fields, _ := reply.Val()
				entries += len(fields) / 2
			case *redis.StringSliceCmd:
				entries += len(reply.Val())
			case *redis.ZSliceCmd:
				entries += len(reply.Val())
			case *redis.SliceCmd, *redis.StringCmd, *redis.IntCmd, *redis.StatusCmd, *redis.DurationCmd, *redis.TimeCmd:
			default:
				t.Errorf("a command of unknown reach: %v", command.Args())
			}
			counts[command.Name()]++
			if entries > most {
				t.Errorf("%d entries in one call: %.100v", entries, fmt.Sprint(command.Args()))
			}
		}
		s.Client().AddHook(spy{before: func(redis.Cmder) {}, after: check})
		if found := breaches(t, s, show.ref); len(found) != 1 {
			t.Errorf("found %v", found)
		}
		if counts["hscan"] < 2*bookings/most || counts["lrange"] < 2 || counts["zrangebyscore"] < 2 {
			t.Errorf("calls: %v", counts)
		}
		if all := verifyAll(t, s); len(all.events) != events || len(all.found) != 1 {
			t.Errorf("%d events verified, found %v", len(all.events), all.found)
		}
	})
}

// What one look finds and the next does not is neither hidden nor called a breach.
func TestVerifyUnsteady(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		v := newVictim(t, s)
		second := store.Beside(s)
		defer func() { _ = second.Close() }()
		v.add("confirmed", 1)
		var looks atomic.Int64
		second.Client().AddHook(spy{after: func(redis.Cmder) {}, before: func(command redis.Cmder) {
			if command.Name() == "llen" && command.Args()[1] == v.list && looks.Add(1) == 2 {
				v.add("confirmed", -1)
			}
		}})
		_, err := second.Verifier().Event(ctx, v.ref, func(breach verify.Breach) { t.Error(breach) })
		if !errors.Is(err, verify.ErrUnsteady) {
			t.Errorf("%v, want ErrUnsteady", err)
		}
		wantNoBreach(t, s, v.ref)
	})
}

// A booking that is reduced between the start of a look and the reading of its record had more tickets
// at the start: those of its last reduction before, or those that were booked.
func TestVerifyWhileBookingsAreReduced(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(20))
		ann, bob := show.book("ann", 9), show.book("bob", 9)
		left := int64(8)
		show.reduce("ann", ann.Booking, left)
		second := store.Beside(s)
		defer func() { _ = second.Close() }()
		second.Client().AddHook(spy{after: func(redis.Cmder) {}, before: func(command redis.Cmder) {
			if command.Name() == "hscan" && left > 2 {
				left--
				show.reduce("ann", ann.Booking, left)
				show.reduce("bob", bob.Booking, left)
			}
		}})
		for range 3 {
			wantNoBreach(t, second, show.ref)
		}
		if left == 8 {
			t.Error("nothing was reduced meanwhile")
		}
	})
}

func TestVerifyAllUnsteady(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		v := newVictim(t, s)
		second := store.Beside(s)
		defer func() { _ = second.Close() }()
		v.do("HDEL", "events", "last")
		var looks atomic.Int64
		second.Client().AddHook(spy{after: func(redis.Cmder) {}, before: func(command redis.Cmder) {
			if command.Name() == "hscan" && command.Args()[1] == "events" && looks.Add(1) == 2 {
				v.do("HSET", "events", "last", v.event.Number)
			}
		}})
		told := map[uint64]error{}
		numbers, err := second.Verifier().All(ctx, func(breach verify.Breach) { t.Error(breach) },
			func(result verify.Result, err error) { told[result.Event] = err })
		if err != nil || numbers.Breaches != 0 || len(told) != 2 || told[v.event.Number] != nil || !errors.Is(told[0], verify.ErrUnsteady) {
			t.Errorf("%+v, %v, told %v; want ErrUnsteady of all events, and event %d verified", numbers, err, told, v.event.Number)
		}
	})
}

// A Redis that lost its last writes in a failover is no reason to pass.
func TestVerifyFindsAnEventThatWentBack(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		v := newVictim(t, s)
		second := store.Beside(s)
		defer func() { _ = second.Close() }()
		second.Client().AddHook(spy{after: func(redis.Cmder) {}, before: func(command redis.Cmder) {
			if args := command.Args(); command.Name() == "hget" && args[len(args)-1] == layout.CountersField {
				v.add("version", -1)
			}
		}})
		found := breaches(t, second, v.ref)
		if !slices.ContainsFunc(found, func(b verify.Breach) bool { return strings.Contains(b.Detail, "went back from version") }) {
			t.Errorf("found %v", found)
		}
	})
}
