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

// requireWaitAOF skips the test on a server that cannot tell what is on disk: Redis
// before 7.2.
func requireWaitAOF(t *testing.T, server *redistest.Server) {
	t.Helper()
	client := server.Client()
	defer func() { _ = client.Close() }()
	known, err := client.Do(ctx, "COMMAND", "INFO", "waitaof").Slice()
	if err != nil {
		t.Fatal(err)
	}
	if len(known) == 1 && known[0] != nil {
		return
	}
	version, err := redistest.Version(ctx, client)
	if err != nil || !strings.HasPrefix(version, "Redis 7.0.") {
		t.Fatalf("%s, %v, has no WAITAOF", version, err)
	}
	t.Skipf("%s has no WAITAOF", version)
}

// A server that cannot tell what is on disk is refused at start, and by name.
func TestSyncedNeedsWaitAOF(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	client := server.Client()
	defer func() { _ = client.Close() }()
	version, err := redistest.Version(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, synced(server.Addr))
	if err == nil {
		_ = s.Close()
	}
	switch old := strings.HasPrefix(version, "Redis 7.0."); {
	case old && !errors.Is(err, store.ErrNoWaitAOF):
		t.Errorf("%s: %v, want %v", version, err, store.ErrNoWaitAOF)
	case !old && err != nil:
		t.Errorf("%s: %v", version, err)
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
		requireWaitAOF(t, &redistest.Server{Addr: addrs[0]})
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
	requireWaitAOF(t, server)
	s := open(t, synced(server.Addr))
	wantHealth(t, s, "", "")
	set(t, s, "appendonly", "no")
	wantHealth(t, s, "none can be acknowledged", "append-only file is off")
	set(t, s, "appendonly", "yes")
	wantHealth(t, s, "", "")
	if err := s.Client().Do(ctx, "ACL", "SETUSER", "default", "-waitaof").Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "no change can be acknowledged", "")
}

// With more replicas than must have a booking, a failover may promote one that lacks it.
func TestHealthOfReplicasThatNeedNotAcknowledge(t *testing.T) {
	p := startPair(t)
	wantHealth(t, p.Store, "", "")
	startServer(t, redistest.Start, redistest.ReplicaOf(p.master)...)
	if err := p.master.WaitOnline(2); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, p.Store, "", "2 replicas are connected, and 1 of them must have a booking")
}
