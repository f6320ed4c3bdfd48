package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/redistest"
)

// evictedAfter is how many scripts that came by EVAL Redis 7.4 and later, and Valkey 8,
// keep.
const evictedAfter = 500

// Redis keeps the scripts from the start on, and however many others run: it is never
// asked to compile one of them for a call.
func TestScriptsStayLoaded(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, emptied *store.Store) {
		onEachNode(t, emptied, func(node *redis.Client) error { return node.ScriptFlush(ctx).Err() })
		s := emptied
		if emptied.Engine() != store.EngineEmbedded {
			var err error
			if s, err = store.Open(ctx, asUser(store.Config{Addrs: addrsOf(t, emptied)})); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			wantLoaded(t, s, len(scripts.All())) // before any call
		}
		show := newShow(t, s, tickets(1))
		cancelled := show.book("ann", 1)
		s.Register(ctx, show.event.Number) // or the cancellation does, with a script of its own
		onEachNode(t, s, func(node *redis.Client) error { return node.ScriptFlush(ctx).Err() })
		show.cancel("ann", cancelled) // brings one script back
		wantLoaded(t, s, 1)
	})
}

// wantLoaded wants every node, or the event's if not all scripts are meant, to know so
// many scripts, others having run since.
func wantLoaded(t *testing.T, s *store.Store, want int) {
	t.Helper()
	var hashes []string
	for _, script := range scripts.All() {
		hashes = append(hashes, redis.NewScript(script.Source).Hash())
	}
	var mutex sync.Mutex // the nodes are asked at once
	most := 0
	onEachNode(t, s, func(node *redis.Client) error {
		others := node.Pipeline()
		for i := range evictedAfter + 1 {
			others.Eval(ctx, fmt.Sprintf("return %d", i), nil)
		}
		_, err := others.Exec(ctx)
		known, askErr := node.ScriptExists(ctx, hashes...).Result()
		loaded := 0
		for _, one := range known {
			if one {
				loaded++
			}
		}
		if want == len(hashes) && loaded != want {
			t.Errorf("%s knows %d of %d scripts", node.Options().Addr, loaded, want)
		}
		mutex.Lock()
		most = max(most, loaded)
		mutex.Unlock()
		return errors.Join(err, askErr)
	})
	if most != want {
		t.Errorf("a node knows %d scripts, want %d", most, want)
	}
}

// Without the right to load scripts nothing would work: that is said at start.
func TestScriptsThatMayNotBeLoaded(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	client := server.Client()
	defer func() { _ = client.Close() }()
	if err := client.Do(ctx, "ACL", "SETUSER", "limited", "on", "nopass", "~*", "+@all", "-script").Err(); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}, Username: "limited", Password: "x"})
	if !redis.IsPermissionError(err) {
		t.Errorf("opened: %v", err)
	}
}

// A slot on its way to a master that has none yet, as when a shard is added, is followed
// there: no topology names that master.
func TestSlotMovesToAMasterWithoutSlots(t *testing.T) {
	redistest.Require(t)
	nodes, err := redistest.StartCluster(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop() })
	if err := nodes.AddMaster(); err != nil {
		t.Fatal(err)
	}
	s := open(t, store.Config{Addrs: nodes.Addrs()[:1]})
	show := newShow(t, s, tickets(10))
	moveKeys(t, nodes, s, show.event.Number, 0, 1)
	booked := show.book("ann", 1)
	if got := show.booking(booked); got.Status != store.StatusConfirmed {
		t.Errorf("%+v", got)
	}
	show.cancel("ann", booked)
}
