package store_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
)

// move is the slot of an event on its way from one node of a cluster to another, in
// the steps that `redis-cli --cluster reshard` takes.
type move struct {
	t        *testing.T
	slot     int64
	names    []string // keys of the event
	from, to *redis.Client
}

// startMove announces the move at both nodes.
func startMove(t *testing.T, s *store.Store, event uint64) *move {
	t.Helper()
	m := &move{t: t, names: layout.Keys{}.OfEvent(event)}
	all, ok := admin(t, s).(*redis.ClusterClient)
	if !ok {
		t.Fatalf("the engine is %s", s.Engine())
	}
	var err error
	if m.slot, err = all.ClusterKeySlot(ctx, m.names[0]).Result(); err != nil {
		t.Fatal(err)
	}
	if m.from, err = all.MasterForKey(ctx, m.names[0]); err != nil {
		t.Fatal(err)
	}
	// Any other master: the one of some slot that this one does not serve.
	for other := 1; m.to == nil || m.to.Options().Addr == m.from.Options().Addr; other++ {
		if m.to, err = all.MasterForKey(ctx, strconv.Itoa(other)); err != nil {
			t.Fatal(err)
		}
	}
	fromID, toID := m.id(m.from), m.id(m.to)
	m.do(m.to, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", fromID)
	m.do(m.from, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", toID)
	return m
}

func (m *move) id(node *redis.Client) string {
	m.t.Helper()
	id, err := node.Do(ctx, "CLUSTER", "MYID").Text()
	if err != nil {
		m.t.Fatal(err)
	}
	return id
}

func (m *move) do(node *redis.Client, args ...any) {
	m.t.Helper()
	if err := node.Do(ctx, args...).Err(); err != nil {
		m.t.Fatalf("%v: %v", args, err)
	}
}

// migrate sends keys from one node to another.
func (m *move) migrate(from, to *redis.Client, keys ...string) {
	m.t.Helper()
	host, port, err := net.SplitHostPort(to.Options().Addr)
	if err != nil {
		m.t.Fatal(err)
	}
	args := []any{"MIGRATE", host, port, "", 0, 60_000, "KEYS"}
	for _, key := range keys {
		args = append(args, key)
	}
	m.do(from, args...)
}

// keys moves all keys of the event.
func (m *move) keys() { m.t.Helper(); m.migrate(m.from, m.to, m.names...) }

// back undoes the move before it is finished.
func (m *move) back() {
	m.t.Helper()
	m.do(m.from, "CLUSTER", "SETSLOT", m.slot, "STABLE")
	m.migrate(m.to, m.from, m.names...)
	m.do(m.to, "CLUSTER", "SETSLOT", m.slot, "STABLE")
}
