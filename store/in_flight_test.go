package store_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/conn"
	"boxoffice/store/redistest"
)

// every is each call of the store, on one event.
func every(s *store.Store, ref store.EventRef, booking store.BookResult) map[string]func(context.Context) error {
	total := int64(1000)
	return map[string]func(context.Context) error{
		"Book": func(ctx context.Context) error {
			return second(s.Book(ctx, store.BookRequest{Event: ref, User: "x", Quantity: 1}))
		},
		"Hold": func(ctx context.Context) error {
			return second(s.Hold(ctx, store.HoldRequest{Event: ref, User: "x", Quantity: 1}))
		},
		"Confirm": func(ctx context.Context) error { return second(s.Confirm(ctx, booking.Booking, "x")) },
		"Extend":  func(ctx context.Context) error { return second(s.Extend(ctx, booking.Booking, "x", 1)) },
		"Cancel": func(ctx context.Context) error {
			return second(s.Cancel(ctx, store.CancelRequest{Booking: booking.Booking, User: "x"}))
		},
		"CancelOldest": func(ctx context.Context) error {
			return second(s.CancelOldest(ctx, store.CancelOldestRequest{Event: ref, User: "x"}))
		},
		"Update": func(ctx context.Context) error {
			return second(s.Update(ctx, changeOf(ref, store.SettingsChange{TotalTickets: &total})))
		},
		"Event":   func(ctx context.Context) error { return second(s.Event(ctx, ref)) },
		"Booking": func(ctx context.Context) error { return second(s.Booking(ctx, booking.Booking)) },
		"Bookings": func(ctx context.Context) error {
			return second(s.Bookings(ctx, store.BookingsRequest{Event: ref, Limit: 1}))
		},
	}
}

// Past the bound every call is refused at once, and there is room again when the calls
// in flight are over, however they ended.
func TestCallsInFlightAreBounded(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	const bound = 3
	s := open(t, store.Config{Addrs: []string{server.Addr}, MaxInFlight: bound})
	show := newShow(t, s, tickets(100))
	booked := show.book("ann", 1)
	calls := every(s, show.ref, booked)
	calls["Initialize"] = func(ctx context.Context) error { return second(s.Initialize(ctx, tickets(1))) }
	calls["Events"] = func(ctx context.Context) error { return second(s.Events(ctx, "", 1)) }

	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	goOn := sync.OnceFunc(func() { _ = server.Continue() })
	defer goOn()
	giveUps := []func(){
		occupy(t, bound, booking(s, show.ref)), occupy(t, bound, reading(s, show.ref)), occupy(t, 1, listing(s, show.ref)),
		occupy(t, 1, func(ctx context.Context) error { return second(s.Events(ctx, "", 1)) }),
	}
	for kind, want := range map[conn.Kind]int64{conn.Change: bound, conn.Read: bound, conn.List: 2} {
		if got := s.Stats().InFlight[kind]; got < want {
			t.Errorf("%d calls of the kind %s are in flight, want %d", got, kind, want)
		}
	}
	for name, call := range calls {
		if err := call(ctx); !errors.Is(err, store.ErrOverloaded) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, store.ErrOverloaded)
		}
	}
	for _, giveUp := range giveUps {
		giveUp()
	}
	goOn()
	for range 2 * bound {
		for name, call := range calls {
			if err := call(ctx); errors.Is(err, store.ErrOverloaded) {
				t.Errorf("%s, one at a time: %v", name, err)
			}
		}
	}
}

// booking, reading and listing are calls that count against the bound of each kind.
func booking(s *store.Store, event store.EventRef) func(context.Context) error {
	return func(ctx context.Context) error {
		return second(s.Book(ctx, store.BookRequest{Event: event, User: "x", Quantity: 1}))
	}
}

func reading(s *store.Store, event store.EventRef) func(context.Context) error {
	return func(ctx context.Context) error { return second(s.Event(ctx, event)) }
}

func listing(s *store.Store, event store.EventRef) func(context.Context) error {
	return func(ctx context.Context) error {
		return second(s.Bookings(ctx, store.BookingsRequest{Event: event, Limit: 1}))
	}
}

// occupy fills the bound of a shard that does not answer with calls, until they are given up.
func occupy(t *testing.T, bound int, call func(context.Context) error) (giveUp func()) {
	t.Helper()
	patient, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	for range bound {
		waiting.Go(func() {
			err := call(patient)
			for errors.Is(err, store.ErrOverloaded) && patient.Err() == nil { // the probe is in flight
				err = call(patient)
			}
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a call that was given up: %v", err)
			}
		})
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		short, done := context.WithTimeout(ctx, 50*time.Millisecond)
		err := call(short)
		done()
		if errors.Is(err, store.ErrOverloaded) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the bound is not reached: %v", err)
		}
	}
	return func() {
		cancel()
		waiting.Wait()
	}
}

// Those who wait for a shard that is away keep nobody from the others.
func TestBoundIsOfEachShard(t *testing.T) {
	redistest.Require(t)
	nodes, err := redistest.StartCluster(3, "--cluster-require-full-coverage", "no")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nodes.Stop)
	const bound = 4
	s := open(t, store.Config{Addrs: nodes.Addrs(), MaxInFlight: bound})
	var shows []*show
	for range 12 { // spread over the shards
		shows = append(shows, newShow(t, s, tickets(1000)))
	}
	lost := nodes.Servers[0]
	client, ok := s.Client().(*redis.ClusterClient)
	if !ok {
		t.Fatalf("the client of a cluster is a %T", s.Client())
	}
	master, err := client.MasterForKey(ctx, "events")
	if err != nil {
		t.Fatal(err)
	}
	if lost.Addr == master.Options().Addr { // without that one nothing is created or listed
		lost = nodes.Servers[1]
	}
	if err := lost.Pause(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lost.Continue() }()

	var there, away []store.EventRef
	for _, show := range shows {
		short, done := context.WithTimeout(ctx, 500*time.Millisecond)
		if err := second(s.Book(short, store.BookRequest{Event: show.ref, User: "ann", Quantity: 1})); err != nil {
			away = append(away, show.ref)
		} else {
			there = append(there, show.ref)
		}
		done()
	}
	if len(away) == 0 || len(there) == 0 {
		t.Fatalf("%d events can be booked and %d cannot, want one shard to be away", len(there), len(away))
	}
	giveUp := occupy(t, bound, booking(s, away[0]))
	defer giveUp()
	patient, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	for range bound { // pages are of all shards, and events are created on any
		waiting.Go(func() {
			for errors.Is(second(s.Events(patient, "", 20)), store.ErrOverloaded) && patient.Err() == nil {
				runtime.Gosched()
			}
		})
		waiting.Go(func() { _, _ = s.Initialize(patient, tickets(1)) })
	}
	redistest.WaitUntil(t, func() bool {
		short, done := context.WithTimeout(ctx, 50*time.Millisecond)
		defer done()
		return errors.Is(second(s.Events(short, "", 20)), store.ErrOverloaded)
	})
	for _, event := range there {
		var err error
		redistest.WaitUntil(t, func() bool { // creations draw their numbers there, but do not stay
			err = booking(s, event)(ctx)
			return !errors.Is(err, store.ErrOverloaded)
		})
		if err != nil {
			t.Errorf("an event of a shard that is there: %v", err)
		}
	}
}

// Changes that are stuck, and fill their bound, keep nobody from reading: reads have a
// bound, pipelines and a command of their own, which Redis runs while writes are paused.
func TestReadingWhileChangesAreStuck(t *testing.T) {
	onRealEngines(t, func(t *testing.T, shared *store.Store) {
		const bound = 3
		config := asUser(store.Config{Addrs: addrsOf(t, shared), MaxInFlight: bound})
		s := open(t, config)
		show := newShow(t, s, tickets(1))
		booked := show.book("ann", 1)
		pauseWrites := func(milliseconds int) {
			onEachNode(t, s, func(node *redis.Client) error {
				return node.Do(ctx, "CLIENT", "PAUSE", milliseconds, "WRITE").Err()
			})
		}
		pauseWrites(600_000)
		goOn := sync.OnceFunc(func() {
			onEachNode(t, s, func(node *redis.Client) error { return node.Do(ctx, "CLIENT", "UNPAUSE").Err() })
		})
		defer goOn()
		giveUp := occupy(t, bound, booking(s, show.ref))
		readAll(t, s, show.ref, booked)
		giveUp()
		goOn()
	})
}

// readAll reads everything there is to read, again and again.
func readAll(t *testing.T, s *store.Store, event store.EventRef, booked store.BookResult) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for range 6 {
		for name, call := range every(s, event, booked) {
			if !strings.HasPrefix(name, "Event") && !strings.HasPrefix(name, "Booking") {
				continue
			}
			if err := call(limited); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := second(s.Events(limited, "", 10)); err != nil {
			t.Errorf("Events: %v", err)
		}
	}
}

// So does waiting for a replica that is stopped, or that there is not, with as few
// connections as can be.
func TestReadingWhileReplicasAreAway(t *testing.T) {
	const fewest, bookers = 4, 300 // more than four pipelines take
	p := startPair(t)
	show := newShow(t, p.Store, tickets(1000))
	booked := show.book("ann", 1)
	pause(t, p.replica)
	for _, c := range []struct {
		name   string
		queued bool // more wait than travel
		away   func(*store.Config)
	}{
		{"the service waits for it", true, func(c *store.Config) { c.AckReplicas, c.AckTimeout = 1, time.Minute }},
		{"Redis demands it", false, func(*store.Config) {
			p.replica.Stop()
			onEachNode(t, p.Store, func(node *redis.Client) error {
				return node.ConfigSet(ctx, "min-replicas-to-write", "1").Err()
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := store.Config{Addrs: []string{p.master.Addr}, MaxInFlight: bookers, PoolSize: fewest, ReadTimeout: 2 * time.Minute}
			c.away(&config)
			s, err := store.Open(ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			patient, giveUp := context.WithCancel(ctx)
			var waiting sync.WaitGroup
			defer func() {
				giveUp()
				_ = p.replica.Continue() // ends the waiting for it
				waiting.Wait()
			}()
			for i := range bookers {
				waiting.Go(func() {
					for patient.Err() == nil {
						_, _ = s.Book(patient, store.BookRequest{Event: show.ref, User: user(i), Quantity: 1})
						runtime.Gosched()
					}
				})
			}
			redistest.WaitUntil(t, func() bool {
				stats := s.Stats()
				return stats.InFlight[conn.Change] > 0 && (stats.Queued > 40 || !c.queued)
			})
			readAll(t, s, show.ref, booked)
		})
	}
}
