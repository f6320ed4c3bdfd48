package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// replicated is a config that wants one replica to have each change.
func replicated(addrs ...string) store.Config {
	return store.Config{Addrs: addrs, AckReplicas: 1, AckTimeout: 50 * time.Millisecond}
}

// pair is a master with a replica, and a store that waits for it.
type pair struct {
	*store.Store
	master, replica *redistest.Server
}

func startPair(t *testing.T) *pair {
	t.Helper()
	redistest.Require(t)
	master := startServer(t, redistest.Start)
	replica := startServer(t, redistest.Start, redistest.ReplicaOf(master)...)
	if err := master.WaitOnline(1); err != nil {
		t.Fatal(err)
	}
	return &pair{open(t, replicated(master.Addr)), master, replica}
}

func startServer(t testing.TB, start func(...string) (*redistest.Server, error), args ...string) *redistest.Server {
	t.Helper()
	server, err := start(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func pause(t *testing.T, server *redistest.Server) (goOn func()) {
	t.Helper()
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := server.Continue(); err != nil {
			t.Fatal(err)
		}
	}
}

// unknown checks that calls are not acknowledged, and end with their deadline.
func unknown(t *testing.T, what string, call func(context.Context) error) {
	t.Helper()
	const deadline = 700 * time.Millisecond // some tries, each of which waits for a tick of Redis's clock, 100 ms
	short, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	began := time.Now()
	if err := call(short); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%s without a replica: %v, want %v", what, err, store.ErrUnavailable)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%s took %s with a deadline of %s", what, took, deadline)
	}
}

// What is acknowledged is on the replica at that moment.
func TestAcknowledgedIsOnTheReplica(t *testing.T) {
	p := startPair(t)
	show := newShow(t, p.Store, tickets(50))
	reader := p.replica.Client()
	defer func() { _ = reader.Close() }()
	key := layout.Keys{}.Event(show.event.Number)
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() {
			booked := show.book(user(i), 1)
			if held, err := reader.HExists(ctx, key, "@"+user(i)).Result(); err != nil || !held {
				t.Errorf("%s was acknowledged, but is not on the replica: %v", user(i), err)
			}
			if i%3 == 0 {
				show.cancel(user(i), booked)
				if held, err := reader.HGet(ctx, key, "@"+user(i)).Result(); err != nil || held != "" {
					t.Errorf("the cancellation of %s was acknowledged, but is not on the replica: %v", user(i), err)
				}
			}
		})
	}
	callers.Wait()
}

// No change is acknowledged while the replica does not have it, however often it is
// tried, and over whatever connection; a retry gives the first answer once it is there.
func TestReplicaAway(t *testing.T) {
	p := startPair(t)
	show := newShow(t, p.Store, tickets(1))
	first := show.book("ann", 1)
	second := show.book("bob", 1)
	request := store.BookRequest{Event: show.ref, User: "cid", Quantity: 1, IdempotencyKey: "k"}
	cancel := store.CancelRequest{Booking: first.Booking, User: "ann"}
	oldest := store.CancelOldestRequest{Event: show.ref, User: "dan", IdempotencyKey: "k"}
	dan := show.book("dan", 1)
	initialize := store.InitializeRequest{Settings: store.Settings{Name: "new", TotalTickets: 1}, IdempotencyKey: "k"}
	calls := map[string]func(s *store.Store) func(context.Context) error{
		"book": func(s *store.Store) func(context.Context) error {
			return func(ctx context.Context) error { _, err := s.Book(ctx, request); return err }
		},
		"cancel": func(s *store.Store) func(context.Context) error {
			return func(ctx context.Context) error { _, err := s.Cancel(ctx, cancel); return err }
		},
		"cancel oldest": func(s *store.Store) func(context.Context) error {
			return func(ctx context.Context) error { _, err := s.CancelOldest(ctx, oldest); return err }
		},
		"initialize": func(s *store.Store) func(context.Context) error {
			return func(ctx context.Context) error { _, err := s.Initialize(ctx, initialize); return err }
		},
		"update": func(s *store.Store) func(context.Context) error {
			name := "other"
			return func(ctx context.Context) error {
				_, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{Name: &name}))
				return err
			}
		},
		"promote": func(s *store.Store) func(context.Context) error {
			return func(ctx context.Context) error { _, err := s.PromoteOnce(ctx, show.event.Number); return err }
		},
	}
	goOn := pause(t, p.replica)
	var callers sync.WaitGroup
	for what, call := range calls {
		callers.Go(func() { unknown(t, what, call(p.Store)) })
	}
	callers.Wait()
	// All has happened on the master by now: these are replays, over new connections.
	for what, call := range calls {
		callers.Go(func() {
			beside := store.Beside(p.Store)
			unknown(t, what+" again", call(beside))
			if err := beside.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if _, err := p.Booking(ctx, second.Booking); err != nil {
		t.Errorf("reading needs no replica: %v", err)
	}

	goOn()
	got, err := p.Book(ctx, request)
	if err != nil || got.Status != store.StatusWaiting || !got.Replayed {
		t.Errorf("the retry booked %+v, %v", got, err)
	}
	if got, err := p.Cancel(ctx, cancel); err != nil || got.Next() != second.Booking || !got.Replayed {
		t.Errorf("the retry cancelled %+v, %v", got, err)
	}
	if got, err := p.CancelOldest(ctx, oldest); err != nil || got.Booking != dan.Booking || !got.Replayed {
		t.Errorf("the retry cancelled the oldest %+v, %v", got, err)
	}
	if got, err := p.Initialize(ctx, initialize); err != nil || got.Event.Number != 2 {
		t.Errorf("the retry created %+v, %v", got, err)
	}
	show.wantCounts(0, 1, 1)
}

// A script that the node does not know is waited for too.
func TestReplicaAwayAndScriptsFlushed(t *testing.T) {
	p := startPair(t)
	show := newShow(t, p.Store, tickets(1))
	goOn := pause(t, p.replica)
	request := store.BookRequest{Event: show.ref, User: "ann", Quantity: 1, IdempotencyKey: "k"}
	if err := p.Client().ScriptFlush(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	unknown(t, "book", func(short context.Context) error { _, err := p.Book(short, request); return err })
	goOn()
	if err := p.Client().ScriptFlush(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Book(ctx, request); err != nil || !got.Replayed {
		t.Errorf("the retry booked %+v, %v", got, err)
	}
}

func TestReplicasThatCannotBeWaitedFor(t *testing.T) {
	embedded := replicated()
	if _, err := store.Open(ctx, embedded); err == nil || !strings.Contains(err.Error(), "embedded") {
		t.Errorf("the embedded engine was opened: %v", err)
	}
	for name, change := range map[string]func(*store.Config){
		"less than none":     func(c *store.Config) { c.AckReplicas = -1 },
		"no time":            func(c *store.Config) { c.AckTimeout = 0 },
		"more than a reply":  func(c *store.Config) { c.ReadTimeout = c.AckTimeout },
		"below WAIT's grain": func(c *store.Config) { c.AckTimeout = time.Microsecond },
	} {
		config := replicated("127.0.0.1:1")
		change(&config)
		if _, err := store.Open(ctx, config); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, replicated(server.Addr))
	if got := s.Health(ctx); got.Ready() || !strings.Contains(got.Problems()[0], "0 of the 1 replicas") {
		t.Errorf("a Redis without replicas: %+v", got)
	}
	unknown(t, "initialize", func(short context.Context) error {
		_, err := s.Initialize(short, tickets(1))
		return err
	})
	// A WAIT that is forbidden is no acknowledgement, and no mistake of the request.
	replica := startServer(t, redistest.Start, redistest.ReplicaOf(server)...)
	_ = replica
	if err := server.WaitOnline(1); err != nil {
		t.Fatal(err)
	}
	if got := s.Health(ctx); !got.Ready() {
		t.Errorf("with its replica: %+v", got)
	}
	newShow(t, s, tickets(1))
	if err := s.Client().Do(ctx, "ACL", "SETUSER", "default", "-wait").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.Health(ctx); got.Ready() || !strings.Contains(got.Problems()[0], "changes cannot be acknowledged") {
		t.Errorf("WAIT is forbidden: %+v", got)
	}
	unknown(t, "initialize", func(short context.Context) error {
		_, err := s.Initialize(short, tickets(1))
		return err
	})
}

// shard is the place of an event's master among those of a cluster that
// redistest.StartCluster made.
func shard(t *testing.T, s *store.Store, masters int, number uint64) int {
	t.Helper()
	return shardOfKey(t, s, masters, layout.Keys{}.Event(number))
}

func shardOfKey(t *testing.T, s *store.Store, masters int, key string) int {
	t.Helper()
	slot, err := s.Client().ClusterKeySlot(ctx, key).Result()
	if err != nil {
		t.Fatal(err)
	}
	const slots = 16384
	for i := range masters {
		if int(slot) < slots*(i+1)/masters {
			return i
		}
	}
	t.Fatalf("slot %d", slot)
	return 0
}

// On a cluster it is the replica of the event's own master that counts; while a slot
// moves, that of the node which took the change; and after a failover the retries find
// what was acknowledged.
func TestReplicatedCluster(t *testing.T) {
	redistest.Require(t)
	const masters = 3
	nodes, err := redistest.StartCluster(masters, "--cluster-require-full-coverage", "no")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop() })
	if err := nodes.AddReplicas("--cluster-require-full-coverage", "no"); err != nil {
		t.Fatal(err)
	}
	s := open(t, replicated(nodes.Addrs()[0]))
	byShard := map[int]*show{} // an event on each shard
	for len(byShard) < masters {
		show := newShow(t, s, tickets(10))
		byShard[shard(t, s, masters, show.event.Number)] = show
	}
	book := func(show *show, user string) (store.BookResult, error) {
		long, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return s.Book(long, store.BookRequest{Event: show.ref, User: user, Quantity: 1, IdempotencyKey: user})
	}
	for i, show := range byShard {
		goOn := pause(t, nodes.Servers[masters+i])
		request := store.BookRequest{Event: show.ref, User: "late", Quantity: 1, IdempotencyKey: "late"}
		unknown(t, fmt.Sprint("book on shard ", i), func(short context.Context) error { _, err := s.Book(short, request); return err })
		for other := range byShard {
			if other == i {
				continue
			}
			if _, err := book(byShard[other], fmt.Sprint("other", i)); err != nil {
				t.Errorf("shard %d while the replica of shard %d is away: %v", other, i, err)
			}
		}
		goOn()
		if got, err := book(show, "late"); err != nil || !got.Replayed {
			t.Errorf("the retry on shard %d: %+v, %v", i, got, err)
		}
	}

	// Event 0's slot is half way to shard 1: its keys are there, and it is not.
	moving := byShard[0]
	moveKeys(t, nodes, s, moving.event.Number, 0, 1)
	if _, err := book(moving, "asked"); err != nil {
		t.Errorf("while the slot moves: %v", err)
	}
	goOn := pause(t, nodes.Servers[masters+1])
	request := store.BookRequest{Event: moving.ref, User: "asked-late", Quantity: 1, IdempotencyKey: "k"}
	unknown(t, "book while the slot moves", func(short context.Context) error { _, err := s.Book(short, request); return err })
	goOn()
	long, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if got, err := s.Book(long, request); err != nil || !got.Replayed {
		t.Errorf("the retry while the slot moves: %+v, %v", got, err)
	}

	// A master dies.
	failing := byShard[2]
	const count = 5
	var want []store.BookResult
	for i := range count {
		got, err := book(failing, user(i))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, got)
	}
	nodes.Servers[2].Kill()
	successor := nodes.Servers[masters+2]
	waitForRole(t, successor, "master")
	unknown(t, "book on a master that has no replica", func(short context.Context) error {
		_, err := s.Book(short, store.BookRequest{Event: failing.ref, User: user(0), Quantity: 1, IdempotencyKey: user(0)})
		return err
	})
	if err := nodes.Servers[2].Run(); err != nil { // comes back as the replica
		t.Fatal(err)
	}
	if err := successor.WaitOnline(1); err != nil {
		t.Fatal(err)
	}
	for i := range count {
		want[i].Replayed, want[i].Current = true, want[i].Status
		if got, err := book(failing, user(i)); err != nil || got != want[i] {
			t.Errorf("after the failover: %+v, %v, want %+v", got, err, want[i])
		}
	}
}

func waitForRole(t *testing.T, server *redistest.Server, role string) {
	t.Helper()
	client := server.Client()
	defer func() { _ = client.Close() }()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := client.Do(ctx, "ROLE").Slice()
		if err == nil && now[0] == role {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, %v, not a %s", server.Addr, now, err, role)
		}
		<-tick.C
	}
}

// moveKeys moves an event's keys, and leaves the slot where it is: the way a live
// reshard looks just before its end.
func moveKeys(t *testing.T, nodes *redistest.Cluster, s *store.Store, number uint64, from, to int) {
	t.Helper()
	source, target := nodes.Servers[from].Client(), nodes.Servers[to].Client()
	defer func() { _, _ = source.Close(), target.Close() }()
	slot := s.Client().ClusterKeySlot(ctx, layout.Keys{}.Event(number)).Val()
	host, port, _ := strings.Cut(nodes.Servers[to].Addr, ":")
	do := func(client *redis.Client, args ...any) {
		t.Helper()
		if err := client.Do(ctx, args...).Err(); err != nil {
			t.Fatal(args, err)
		}
	}
	do(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.ClusterMyID(ctx).Val())
	do(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.ClusterMyID(ctx).Val())
	migrate := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
	for _, key := range (layout.Keys{}).OfEvent(number) {
		migrate = append(migrate, key)
	}
	do(source, migrate...)
}
