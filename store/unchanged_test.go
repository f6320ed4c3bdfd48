package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
	"boxoffice/store/verify"
)

// deployment is Redis with a replica for each master, and how to reach it.
type deployment struct {
	config            store.Config
	masters, replicas []*redistest.Server
}

// onReplicatedEngines runs a test on each engine that has replicas.
func onReplicatedEngines(t *testing.T, test func(t *testing.T, d *deployment)) {
	t.Helper()
	redistest.Require(t)
	startPair := func(t *testing.T) *deployment {
		t.Helper()
		master := startServer(t, redistest.Start)
		replica := startServer(t, redistest.Start, redistest.ReplicaOf(master)...)
		if err := master.WaitOnline(1); err != nil {
			t.Fatal(err)
		}
		return &deployment{replicated(master.Addr), []*redistest.Server{master}, []*redistest.Server{replica}}
	}
	t.Run("redis", func(t *testing.T) { test(t, startPair(t)) })
	t.Run("sentinel", func(t *testing.T) {
		d := startPair(t)
		sentinel, err := redistest.StartSentinel(d.masters[0], "boxoffice")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(sentinel.Stop)
		d.config.Addrs, d.config.SentinelMaster = []string{sentinel.Addr}, "boxoffice"
		test(t, d)
	})
	t.Run("cluster", func(t *testing.T) {
		const masters = 3
		nodes, err := redistest.StartCluster(masters)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nodes.Stop() })
		if err := nodes.AddReplicas(); err != nil {
			t.Fatal(err)
		}
		test(t, &deployment{replicated(nodes.Addrs()[0]), nodes.Servers[:masters], nodes.Servers[masters:]})
	})
}

// instance opens one more store, as one more instance of the service does.
func (d *deployment) instance(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, d.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// pauseReplicas stops all replicas. Their masters take them for connected for a while.
func (d *deployment) pauseReplicas(t *testing.T) (goOn func()) {
	t.Helper()
	var all []func()
	for _, replica := range d.replicas {
		all = append(all, pause(t, replica))
	}
	return func() {
		for _, one := range all {
			one()
		}
	}
}

// asked is a call, and what it comes to where nothing is wrong.
type asked struct {
	what string
	call func(ctx context.Context, s *store.Store) error
	want error
}

// repeated are calls that change nothing: replays of what the event's first user did,
// refusals of every kind, settings that are there already.
func repeated(t *testing.T, s *store.Store) []asked {
	t.Helper()
	request := tickets(2)
	request.MaxPerUser, request.WaitlistLimit, request.IdempotencyKey = 2, 1, "created"
	show := newShow(t, s, request)
	booking := store.BookRequest{Event: show.ref, User: "ann", Quantity: 1, IdempotencyKey: "booked"}
	cancelled := show.book("ann", 1)
	show.cancel("ann", cancelled)
	show.book("dan", 1)
	byUser := store.CancelOldestRequest{Event: show.ref, User: "dan", IdempotencyKey: "cancelled"}
	if err := errors.Join(second(s.CancelOldest(ctx, byUser)), second(s.Book(ctx, booking))); err != nil {
		t.Fatal(err)
	}
	show.book("bob", 1)
	show.book("cid", 1) // waits, and the list is full
	paused, closed := newShow(t, s, tickets(1)), newShow(t, s, tickets(1))
	paused.setState(store.StatePaused)
	closed.setState(store.StateClosed)

	book := func(event store.EventRef, user string, quantity int64, key string) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error {
			return second(s.Book(ctx, store.BookRequest{Event: event, User: user, Quantity: quantity, IdempotencyKey: key}))
		}
	}
	update := func(request store.UpdateRequest) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error { return second(s.Update(ctx, request)) }
	}
	initialize := func(total int64) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error {
			again := request
			again.Name, again.TotalTickets = "a show", total
			return second(s.Initialize(ctx, again))
		}
	}
	cancel := func(user string) func(context.Context, *store.Store) error {
		return func(ctx context.Context, s *store.Store) error {
			return second(s.Cancel(ctx, store.CancelRequest{Booking: cancelled.Booking, User: user}))
		}
	}
	same, fewer, open := int64(2), int64(1), store.StateOpen
	return []asked{
		{"a booking again", book(show.ref, "ann", 1, "booked"), nil},
		{"a cancellation again", cancel("ann"), nil},
		{"a cancellation by user again", func(ctx context.Context, s *store.Store) error {
			return second(s.CancelOldest(ctx, byUser))
		}, nil},
		{"a creation again", initialize(2), nil},
		{"a total that is there", update(changeOf(show.ref, store.SettingsChange{TotalTickets: &same})), nil},
		{"promotions when there are none", func(ctx context.Context, s *store.Store) error {
			return second(s.PromoteOnce(ctx, show.event.Number))
		}, nil},
		{"the key of another booking", book(show.ref, "ann", 2, "booked"), store.ErrIdempotencyMismatch},
		{"the key of another creation", initialize(3), store.ErrIdempotencyMismatch},
		{"more than a user may have", book(show.ref, "ann", 2, ""), store.ErrUserLimit},
		{"a full waiting list", book(show.ref, "eve", 1, ""), store.ErrWaitingListFull},
		{"more than the total", book(show.ref, "eve", 3, ""), store.ErrOverCapacity},
		{"a booking of a paused event", book(paused.ref, "eve", 1, ""), store.ErrEventPaused},
		{"a booking of a closed event", book(closed.ref, "eve", 1, ""), store.ErrEventClosed},
		{"a closed event to be opened", update(changeOf(closed.ref, store.SettingsChange{State: &open})), store.ErrEventClosed},
		{
			"a total below what is confirmed", update(changeOf(show.ref, store.SettingsChange{TotalTickets: &fewer})),
			store.ErrCapacityBelowConfirmed,
		},
		{"a booking of somebody else", cancel("eve"), store.ErrBookingNotFound},
	}
}

// An answer that changes nothing rests on changes that may not be on the replica yet: it
// is given when they are. Each call comes over connections that have written nothing.
func TestNothingIsAnsweredThatTheReplicaLacks(t *testing.T) {
	onReplicatedEngines(t, func(t *testing.T, d *deployment) {
		first := d.instance(t)
		calls := repeated(t, first)
		// One more, of a change that was never acknowledged.
		late := newShow(t, first, tickets(1))
		request := store.BookRequest{Event: late.ref, User: "ann", Quantity: 1, IdempotencyKey: "late"}
		book := func(ctx context.Context, s *store.Store) error { return second(s.Book(ctx, request)) }
		calls = append(calls, asked{"a booking whose outcome is unknown", book, nil})
		instances := make([]*store.Store, len(calls))
		for i := range calls {
			instances[i] = d.instance(t)
		}

		goOn := d.pauseReplicas(t)
		unknown(t, "book", func(ctx context.Context) error { return book(ctx, first) })
		var callers sync.WaitGroup
		for i, one := range calls {
			callers.Go(func() {
				unknown(t, one.what, func(ctx context.Context) error { return one.call(ctx, instances[i]) })
			})
		}
		callers.Wait()
		goOn()
		for i, one := range calls {
			if err := one.call(ctx, instances[i]); !errors.Is(err, one.want) {
				t.Errorf("%s: %v, want %v", one.what, err, one.want)
			}
		}
	})
}

// Where connections break, the second try of one and the same call is a replay over
// another connection.
func TestASecondTryIsNotAnsweredEither(t *testing.T) {
	onReplicatedEngines(t, func(t *testing.T, d *deployment) {
		s := d.instance(t)
		show := newShow(t, s, tickets(10))
		booked := show.book("ann", 1)
		show.book("bob", 1)
		goOn := d.pauseReplicas(t)
		cutting, stop := context.WithCancel(ctx)
		var cutter sync.WaitGroup
		cutter.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for cutting.Err() == nil {
				for _, master := range d.masters {
					client := master.Client()
					_ = client.ClientKillByFilter(cutting, "TYPE", "normal", "SKIPME", "yes")
					_ = client.Close()
				}
				<-tick.C
			}
		})
		calls := map[string]func(ctx context.Context) error{
			"cancel": func(ctx context.Context) error {
				return second(s.Cancel(ctx, store.CancelRequest{Booking: booked.Booking, User: "ann"}))
			},
			"cancel by user": func(ctx context.Context) error {
				return second(s.CancelOldest(ctx, store.CancelOldestRequest{Event: show.ref, User: "bob"}))
			},
			"update": func(ctx context.Context) error {
				name := "another name"
				return second(s.Update(ctx, changeOf(show.ref, store.SettingsChange{Name: &name})))
			},
			"initialize": func(ctx context.Context) error { return second(s.Initialize(ctx, tickets(1))) },
		}
		for i := range 8 {
			calls[user(i)] = func(ctx context.Context) error {
				return second(s.Book(ctx, store.BookRequest{Event: show.ref, User: user(i), Quantity: 1}))
			}
		}
		var callers sync.WaitGroup
		for what, call := range calls {
			callers.Go(func() { unknown(t, what, call) })
		}
		callers.Wait()
		stop()
		cutter.Wait()
		goOn()
	})
}

// What answers without a change leaves behind is no part of an event, and goes through
// where Redis is full.
func TestMarksOfAnswersThatChangeNothing(t *testing.T) {
	onReplicatedEngines(t, func(t *testing.T, d *deployment) {
		s := d.instance(t)
		calls := repeated(t, s)
		for range 3 { // the mark comes, goes, and comes
			before, err := s.Event(ctx, store.EventNumber(1))
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range calls {
				if err := one.call(ctx, s); !errors.Is(err, one.want) {
					t.Errorf("%s: %v, want %v", one.what, err, one.want)
				}
			}
			if after, err := s.Event(ctx, store.EventNumber(1)); err != nil || after != before {
				t.Errorf("the event changed from %+v to %+v, %v", before, after, err)
			}
			_, err = s.Verifier().All(ctx, func(breach verify.Breach) { t.Error(breach) },
				func(_ verify.Result, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			if err != nil {
				t.Error(err)
			}
		}
		setEverywhere(t, s, "maxmemory", "1")
		defer setEverywhere(t, s, "maxmemory", "0")
		for range 2 {
			for _, one := range calls {
				if err := one.call(ctx, s); !errors.Is(err, one.want) {
					t.Errorf("%s on a full Redis: %v, want %v", one.what, err, one.want)
				}
			}
		}
	})
}

// A creation touches two shards: that of the key events, and that of its event. Repeated,
// it changes neither, and waits for the replica of each.
func TestARepeatedCreationWaitsForBothShards(t *testing.T) {
	redistest.Require(t)
	const masters = 3
	nodes, err := redistest.StartCluster(masters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop() })
	if err := nodes.AddReplicas(); err != nil {
		t.Fatal(err)
	}
	d := &deployment{config: replicated(nodes.Addrs()[0])}
	first := d.instance(t)
	numbers := shardOfKey(t, first, masters, "events")
	for _, same := range []bool{true, false} {
		var request store.InitializeRequest
		var at int
		for i := 0; ; i++ {
			request = store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: fmt.Sprint(same, i)}
			created, err := first.Initialize(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			if at = shard(t, first, masters, created.Event.Number); (at == numbers) == same {
				break
			}
		}
		again, other := d.instance(t), d.instance(t)
		goOn := pause(t, nodes.Servers[masters+at])
		unknown(t, "a creation again", func(ctx context.Context) error { return second(again.Initialize(ctx, request)) })
		another := request
		another.TotalTickets = 2
		unknown(t, "the key of another creation", func(ctx context.Context) error { return second(other.Initialize(ctx, another)) })
		goOn()
		if got, err := again.Initialize(ctx, request); err != nil || !got.Replayed {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := other.Initialize(ctx, another); !errors.Is(err, store.ErrIdempotencyMismatch) {
			t.Error(err)
		}
	}
}

// Promotions in many steps are acknowledged once, at their end, and not step by step.
func TestPromotionsAreAcknowledgedOnce(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start) // appendfsync everysec: each acknowledgement takes up to a second
	requireSync(t, server)
	local := open(t, store.Config{Addrs: []string{server.Addr}})
	const steps = 12
	show := newShow(t, local, tickets(1))
	first := show.book("first", 1)
	show.waitlist(steps * lookLimit)
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}, AckSynced: true, AckTimeout: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	limited, cancel := context.WithTimeout(ctx, steps/2*time.Second)
	defer cancel()
	total := int64(steps*lookLimit - 10)
	if _, err := s.Update(limited, changeOf(show.ref, store.SettingsChange{TotalTickets: &total})); err != nil {
		t.Errorf("raise the total: %v", err)
	}
	if err := s.RaiseOnly(ctx, show.event.Number, total+9); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cancel(limited, store.CancelRequest{Booking: first.Booking, User: "first"}); err != nil {
		t.Errorf("cancel while promotions are due: %v", err)
	}
	show.wantCounts(0, total+9, 1)
}
