package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// allVerified is what a verification of all events came to.
type allVerified struct {
	numbers verify.Numbers
	events  []uint64 // that are there
	found   []verify.Breach
}

func verifyAll(t *testing.T, s *store.Store) allVerified {
	t.Helper()
	var all allVerified
	told := 0
	numbers, err := s.Verifier().All(ctx, func(b verify.Breach) { all.found = append(all.found, b) }, func(v verify.Result, err error) {
		if err != nil {
			t.Errorf("event %d: %v", v.Event, err)
		}
		if !v.Lost {
			all.events = append(all.events, v.Event)
		}
		told += v.Breaches
	})
	if err != nil || told+numbers.Breaches != len(all.found) {
		t.Errorf("%v; %d breaches counted, reported: %v", err, told+numbers.Breaches, all.found)
	}
	slices.Sort(all.events)
	all.numbers = numbers
	return all
}

// Each loss is seen when all of six events are verified, and hides no event that is left.
func TestVerifyAllFindsLostEvents(t *testing.T) {
	everything := []uint64{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		name     string
		lose     func(v *victim) // the victim is event 1
		events   []uint64        // that are verified
		missing  string
		findings string // the beginning of each breach, a line each; none if empty
	}{
		{"nothing", func(*victim) {}, everything, "", ""},
		{"events", func(v *victim) {
			loseEvents(v.show, 2, 3, 5)
		}, []uint64{1, 4, 6}, "", "event 2 is lost: \nevent 3 is lost: \nevent 5 is lost: "},
		{"the last event", func(v *victim) { loseEvents(v.show, 6) }, []uint64{1, 2, 3, 4, 5}, "", "event 6 is lost: "},
		{"creations that died before they made an event", func(v *victim) {
			for _, number := range []uint64{2, 3, 5} {
				v.do("HSET", "events", v.creationOf(number), number)
				loseEvents(v.show, number)
			}
		}, []uint64{1, 4, 6}, "2-3, 5", ""},
		{"creations that died after they made their event", func(v *victim) {
			for _, number := range []uint64{2, 3, 5} {
				v.do("HSET", "events", v.creationOf(number), number)
			}
		}, everything, "", ""},
		{"an event, to another one", func(v *victim) {
			loseEvents(v.show, 4)
			v.do("HSET", "events", "last", 3)
			newShow(v.t, v.Store, tickets(1))
			v.do("HSET", "events", "last", 6)
		}, everything, "", "event 4 is lost: "},
		{"an event's hash", func(v *victim) { v.do("DEL", layout.Keys{}.Event(5)) }, everything, "",
			"event 5: keys: the key event:{5} is gone"},
		{"the counter, set back", func(v *victim) { v.do("HSET", "events", "last", 2) }, everything, "",
			"all events: event numbers: the counter of events (field last) is 2, and creations were given numbers up to 6"},
		{"the counter", func(v *victim) { v.do("HDEL", "events", "last") }, everything, "",
			"all events: event numbers: the counter of events is gone"},
		{"the counter, made no number", func(v *victim) { v.do("HSET", "events", "last", "many") }, everything, "",
			`all events: event numbers: the counter of events (field last) is "many"`},
		{"the counter, set ahead", func(v *victim) { v.do("HSET", "events", "last", 1<<47) }, everything, "",
			"event 7: event numbers: given numbers that no creation has any more (7-140737488355328)"},
		{"a creation's number", func(v *victim) { v.do("HDEL", "events", v.creationOf(4)) }, everything, "",
			"event 4: event numbers: given numbers that no creation has any more (4)"},
		{"a creation's number and the event", func(v *victim) {
			v.do("HDEL", "events", v.creationOf(4))
			loseEvents(v.show, 4)
		}, []uint64{1, 2, 3, 5, 6}, "", "event 4: event numbers: given numbers that no creation has any more (4)"},
		{"the last numbers, in a failover", func(v *victim) {
			v.do("HDEL", "events", v.creationOf(5), v.creationOf(6))
			v.do("HSET", "events", "last", 4)
		}, everything, "", "event 5: event numbers: there are events whose numbers were never given (5-6)"},
		{"all numbers", func(v *victim) { v.do("DEL", "events") }, everything, "",
			"event 1: event numbers: there are events whose numbers were never given (1-6)"},
		{"a creation's number to nonsense", func(v *victim) { v.do("HSET", "events", "nonsense", 3) }, everything, "",
			`all events: event numbers: field "nonsense" is "3"`},
		{"a creation's number, made nonsense", func(v *victim) { v.do("HSET", "events", v.creationOf(3), "3++") }, everything, "",
			"all events: event numbers: field \nevent 3: event numbers: given numbers that no creation has any more (3)"},
		{"time", func(v *victim) { v.do("EXPIRE", "events", 100_000) }, everything, "",
			"all events: keys: the key events has a time to live"},
		{"an event's time", func(v *victim) { v.do("EXPIRE", layout.Keys{}.Event(3), 100_000) }, everything, "",
			"event 3: keys: the key event:{3} has a time to live"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEmbeddedAndRedis(t, func(t *testing.T, s *store.Store) {
				v := newVictim(t, s)
				for range 5 {
					newShow(t, s, tickets(3)).book("a", 1)
				}
				c.lose(v)
				all := verifyAll(t, s)
				if !slices.Equal(all.events, c.events) || all.numbers.Missing.String() != c.missing {
					t.Errorf("verified %v, want %v; missing %q, want %q", all.events, c.events, all.numbers.Missing, c.missing)
				}
				var want []string
				if c.findings != "" {
					want = strings.Split(c.findings, "\n")
				}
				if !slices.EqualFunc(all.found, want, func(b verify.Breach, begins string) bool {
					return strings.HasPrefix(b.String(), begins)
				}) {
					t.Errorf("found %v, want %q", all.found, want)
				}
			})
		})
	}
}

// creationOf returns the creation that was given a number.
func (v *victim) creationOf(number uint64) string {
	v.t.Helper()
	event, err := v.Event(ctx, store.EventNumber(number))
	if err != nil {
		v.t.Fatal(err)
	}
	for creation, given := range v.redis.HGetAll(ctx, "events").Val() {
		if c, err := layout.ParseCreation(creation, given); err == nil && c.Number == number && c.Event() == event.UUID {
			return creation
		}
	}
	v.t.Fatalf("no creation of event %d", number)
	return ""
}

// A number that was found occupied is of two creations, and of one event.
func TestVerifyAllOccupiedNumbers(t *testing.T) {
	onEmbeddedAndRedis(t, func(t *testing.T, s *store.Store) {
		newShow(t, s, tickets(1))
		newShow(t, s, tickets(1))
		if err := admin(t, s).HSet(ctx, "events", "last", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if third := newShow(t, s, tickets(1)); third.event.Number != 3 {
			t.Fatalf("the third event has number %d", third.event.Number)
		}
		all := verifyAll(t, s)
		if !slices.Equal(all.events, []uint64{1, 2, 3}) || all.numbers.Given != 3 || all.numbers.Missing != nil || all.found != nil {
			t.Errorf("%+v", all)
		}
	})
}

// More events than one step reads, and those beyond the counter too.
func TestVerifyAllManyEvents(t *testing.T) {
	onEmbeddedAndRedis(t, func(t *testing.T, s *store.Store) {
		const count = 1300
		for range count {
			newShow(t, s, tickets(1))
		}
		if err := admin(t, s).HSet(ctx, "events", "last", 4).Err(); err != nil {
			t.Fatal(err)
		}
		if all := verifyAll(t, s); len(all.events) != count || all.numbers.Given != count || len(all.found) != 1 {
			t.Errorf("%d events verified, %d given, %v", len(all.events), all.numbers.Given, all.found)
		}
		if err := admin(t, s).Del(ctx, "events").Err(); err != nil {
			t.Fatal(err)
		}
		if all := verifyAll(t, s); len(all.events) != count || all.numbers.Given != 0 || len(all.found) != 1 {
			t.Errorf("%d events verified, %d given, %v", len(all.events), all.numbers.Given, all.found)
		}
	})
}

func TestVerifyAllNothing(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		if all := verifyAll(t, s); all.events != nil || all.numbers.Given != 0 || all.numbers.Missing != nil || all.found != nil {
			t.Errorf("%+v", all)
		}
	})
}

// Events that are created meanwhile are neither lost nor unknown.
func TestVerifyAllWhileEventsAreCreated(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 100 {
					select {
					case <-stop:
						return
					default:
						if _, err := s.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}}); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		for range 5 {
			_, err := s.Verifier().All(ctx, func(b verify.Breach) { t.Error(b) }, func(v verify.Result, err error) {
				if err != nil && !errors.Is(err, store.ErrEventNotFound) {
					t.Error(v, err)
				}
			})
			if err != nil {
				t.Error(err)
			}
		}
		close(stop)
		group.Wait()
		if all := verifyAll(t, s); all.found != nil || all.numbers.Missing != nil || len(all.events) != all.numbers.Given {
			t.Errorf("%+v", all)
		}
	})
}

// A full Redis refuses transactions, even of reads. It can be verified all the same,
// while cancellations go on.
func TestVerifyAFullRedis(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		const waiting = 300
		show := newShow(t, s, tickets(1))
		show.book("first", 1)
		waitlist := show.waitlist(waiting)
		setEverywhere(t, s, "maxmemory", "1")
		defer setEverywhere(t, s, "maxmemory", "0")

		left := make(chan error, 1)
		go func() {
			for i := waiting - 1; i > 0; i -= 2 {
				if _, err := s.Cancel(ctx, store.CancelRequest{Booking: waitlist[i].Booking, User: user(i)}); err != nil {
					left <- err
					return
				}
			}
			left <- nil
		}()
		for done := false; !done; {
			select {
			case err := <-left:
				if err != nil {
					t.Errorf("cancelled: %v", err)
				}
				done = true
			default:
			}
			if all := verifyAll(t, s); len(all.found) > 0 {
				t.Fatalf("breaches where there are none: %v", all.found)
			}
		}
		show.wantCounts(0, 1, waiting/2)
	})
}
