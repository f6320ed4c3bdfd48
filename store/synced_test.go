package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// synced is a config that wants the disk to have each change.
func synced(addrs ...string) store.Config {
	return store.Config{Addrs: addrs, AckSynced: true, AckTimeout: 50 * time.Millisecond}
}

// versionOf returns what a server says of itself.
func versionOf(t *testing.T, server *redistest.Server) string {
	t.Helper()
	client := server.Client()
	defer func() { _ = client.Close() }()
	version, err := redistest.Version(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// canSync tells whether the documented rule lets a server wait for its disk: Redis 8.0 and
// later.
func canSync(version string) bool {
	return strings.HasPrefix(version, "Redis ") && !strings.HasPrefix(version, "Redis 7.")
}

// requireSync skips the test on a server that cannot tell what is on disk.
func requireSync(t *testing.T, server *redistest.Server) {
	t.Helper()
	if version := versionOf(t, server); !canSync(version) {
		t.Skipf("%s cannot tell what is on disk", version)
	}
}

// A server that cannot tell what is on disk is refused at start, and by name.
func TestSyncedNeedsAServerThatCanTell(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	version := versionOf(t, server)
	s, err := store.Open(ctx, synced(server.Addr))
	if err == nil {
		_ = s.Close()
	}
	switch {
	case canSync(version) && err != nil:
		t.Errorf("%s: %v", version, err)
	case !canSync(version) && (!errors.Is(err, store.ErrCannotSync) || !strings.Contains(err.Error(), version)):
		t.Errorf("%s: %v, want %v", version, err, store.ErrCannotSync)
	}
	for name, config := range map[string]store.Config{
		"embedded":          synced(),
		"replicas and disk": {Addrs: []string{server.Addr}, AckSynced: true, AckReplicas: 1, AckTimeout: time.Second},
	} {
		if _, err := store.Open(ctx, config); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// While the file is not flushed nothing is answered: neither a change, nor a replay or a
// refusal of another instance. Once it is, all is.
func TestSyncedWaitsForTheDisk(t *testing.T) {
	onRealEngines(t, func(t *testing.T, shared *store.Store) {
		addrs := addrsOf(t, shared)
		requireSync(t, &redistest.Server{Addr: addrs[0]})
		grantWaitAOF(t, shared)
		d := &deployment{config: asUser(synced(addrs...))}
		flush := func(when string) { setEverywhere(t, shared, "appendfsync", when) }
		flush("always")
		t.Cleanup(func() { flush("everysec") })
		first := d.instance(t)
		calls := repeated(t, first)
		show := newShow(t, first, tickets(100))
		calls = append(calls, asked{"a booking", func(ctx context.Context, s *store.Store) error {
			return second(s.Book(ctx, store.BookRequest{Event: show.ref, User: "new", Quantity: 1, IdempotencyKey: "k"}))
		}, nil})
		instances := make([]*store.Store, len(calls))
		for i := range calls {
			instances[i] = d.instance(t)
		}

		flush("no")
		var callers sync.WaitGroup
		for i, one := range calls {
			callers.Go(func() {
				unknown(t, one.what, func(ctx context.Context) error { return one.call(ctx, instances[i]) })
			})
		}
		callers.Wait()
		if err := second(first.Event(ctx, show.ref)); err != nil {
			t.Errorf("reading needs no disk: %v", err)
		}
		flush("always")
		for i, one := range calls {
			if err := one.call(ctx, instances[i]); !errors.Is(err, one.want) {
				t.Errorf("%s: %v, want %v", one.what, err, one.want)
			}
		}
	})
}

// grantWaitAOF gives the documented user the right that the page names for synced.
func grantWaitAOF(t *testing.T, s *store.Store) {
	t.Helper()
	onEachNode(t, s, func(node *redis.Client) error {
		return node.Do(ctx, "ACL", "SETUSER", serviceUser, "+waitaof").Err()
	})
	t.Cleanup(func() {
		onEachNode(t, s, func(node *redis.Client) error { return node.Do(ctx, "ACL", "LOAD").Err() })
	})
}

// What keeps the disk from ever having a change is told.
func TestHealthOfSynced(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	requireSync(t, server)
	s := open(t, synced(server.Addr))
	wantHealth(t, s, "", "")
	set(t, s, "appendonly", "no")
	wantHealth(t, s, "changes cannot be acknowledged", "append-only file is off")
	set(t, s, "appendonly", "yes")
	wantHealth(t, s, "", "")
	if err := s.Client().Do(ctx, "ACL", "SETUSER", "default", "-waitaof").Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "changes cannot be acknowledged", "")
}

// With more replicas than must have a booking, a failover may promote one that lacks it.
func TestHealthOfReplicasThatNeedNotAcknowledge(t *testing.T) {
	p := startPair(t)
	wantHealth(t, p.Store, "", "")
	startServer(t, redistest.Start, redistest.ReplicaOf(p.master)...)
	if err := p.master.WaitOnline(2); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, p.Store, "", "2 replicas are connected, and only 1 must have a change")
}

// With appendfsync everysec an acknowledgement waits for the flush: of several in a row at
// least one finds that the disk does not have it yet.
func TestSyncedIsNotAnsweredBeforeTheFlush(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	requireSync(t, server)
	s := open(t, store.Config{Addrs: []string{server.Addr}, AckSynced: true, AckTimeout: time.Millisecond})
	for i := range 10 {
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		err := second(s.Initialize(short, store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: user(i)}))
		cancel()
		if errors.Is(err, store.ErrUnavailable) {
			return
		}
	}
	t.Error("ten changes in a row were acknowledged within 20 ms each, and the disk is flushed once a second")
}
