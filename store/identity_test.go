package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// beside opens a further instance on the same Redis, which ends with the test.
func beside(t *testing.T, s *store.Store) *store.Store {
	t.Helper()
	second := store.Beside(s)
	t.Cleanup(func() { _ = second.Close() })
	return second
}

// Instances that start at once on an empty Redis agree on one id, which stays.
func TestStoreGetsOneID(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		ids := make([]string, 8)
		var starting sync.WaitGroup
		for i := range ids {
			instance := beside(t, s)
			starting.Go(func() { ids[i] = instance.Identify(ctx, "") })
		}
		starting.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("the ids %q", ids)
			}
		}
		newShow(t, s, tickets(1)).book("a", 1)
		if id := beside(t, s).Identify(ctx, ""); id != ids[0] {
			t.Errorf("a later instance: %q, not %q", id, ids[0])
		}
		if page, err := s.Events(ctx, "", 10); err != nil || len(page.Events) != 1 {
			t.Errorf("listed: %+v, %v", page, err)
		}
		wantNoBreach(t, s, store.EventNumber(1))
	})
}

// wantOtherStore checks that changes are refused, that nothing came of them, and that the
// health says why.
func wantOtherStore(t *testing.T, s *store.Store, why string) {
	t.Helper()
	if _, err := s.Initialize(ctx, tickets(1)); !errors.Is(err, store.ErrOtherStore) {
		t.Errorf("created: %v", err)
	}
	if keys := admin(t, s).Exists(ctx, layout.Keys{}.OfEvent(1)...).Val(); keys > 0 {
		t.Errorf("%d keys of event 1 are there", keys)
	}
	if !s.OtherStore() {
		t.Error("it is not noted after a creation")
	}
	if h := s.Health(ctx); h.Ready() || !strings.Contains(strings.Join(h.Problems(), "\n"), why) {
		t.Errorf("health: %+v, want %q", h, why)
	}
	for call, err := range map[string]error{
		"book":   second(s.Book(ctx, store.BookRequest{Event: store.EventNumber(1), User: "a", Quantity: 1})),
		"cancel": second(s.CancelOldest(ctx, store.CancelOldestRequest{Event: store.EventNumber(1), User: "a"})),
	} {
		if !errors.Is(err, store.ErrOtherStore) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if _, err := s.Event(ctx, store.EventNumber(1)); !errors.Is(err, store.ErrEventNotFound) {
		t.Errorf("read: %v", err)
	}
}

// A Redis that was emptied or exchanged takes no changes from an instance that knew it, and
// number 1 is not given again. The former data ends that, and so does a restart.
func TestOtherStoreIsRefused(t *testing.T) {
	for name, exchange := range map[string]func(redis.Pipeliner){
		"emptied":       func(redis.Pipeliner) {},
		"another id":    func(pipe redis.Pipeliner) { pipe.HSet(ctx, layout.Keys{}.Events(), "store", "x", "last", "7") },
		"another start": func(pipe redis.Pipeliner) { pipe.HSet(ctx, layout.Keys{}.Events(), "last", "7") },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				if s.Identify(ctx, "") == "" {
					t.Fatal("no id")
				}
				if h := s.Health(ctx); !h.Ready() {
					t.Fatalf("%+v", h)
				}
				show := newShow(t, s, tickets(1))
				kept := admin(t, s).HGetAll(ctx, layout.Keys{}.Events()).Val()
				client := admin(t, s)
				if err := client.Del(ctx, layout.Keys{}.Events()).Err(); err != nil {
					t.Fatal(err)
				}
				for _, key := range (layout.Keys{}).OfEvent(1) {
					if err := client.Rename(ctx, key, "kept:"+key).Err(); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error { exchange(pipe); return nil }); err != nil {
					t.Fatal(err)
				}
				wantOtherStore(t, s, "this is another store")

				restarted := beside(t, s)
				restarted.Identify(ctx, "")
				if h := restarted.Health(ctx); !h.Ready() {
					t.Errorf("restarted: %+v", h)
				}

				if err := client.Del(ctx, layout.Keys{}.Events()).Err(); err != nil {
					t.Fatal(err)
				}
				if err := client.HSet(ctx, layout.Keys{}.Events(), kept).Err(); err != nil {
					t.Fatal(err)
				}
				for _, key := range (layout.Keys{}).OfEvent(1) {
					if err := client.Rename(ctx, "kept:"+key, key).Err(); err != nil {
						t.Fatal(err)
					}
				}
				if h := s.Health(ctx); !h.Ready() || s.OtherStore() {
					t.Errorf("with the former data: %+v", h)
				}
				show.book("a", 1)
			})
		})
	}
}

// An id that was given is not learned: even an instance that starts on an emptied Redis notices.
func TestPinnedStore(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		first := beside(t, s)
		id := first.Identify(ctx, "")
		pinned := beside(t, s)
		if got := pinned.Identify(ctx, id); got != id {
			t.Errorf("knows %q", got)
		}
		if h := pinned.Health(ctx); !h.Ready() {
			t.Errorf("%+v", h)
		}
		if err := admin(t, s).Del(ctx, layout.Keys{}.Events()).Err(); err != nil {
			t.Fatal(err)
		}
		started := beside(t, s)
		started.Identify(ctx, id)
		wantOtherStore(t, started, "change REDIS_STORE_ID")
		if exists := admin(t, s).Exists(ctx, layout.Keys{}.Events()).Val(); exists > 0 {
			t.Error("the emptied Redis got an id")
		}
	})
}

// Something else at the key of all events, from before the first start, is named.
func TestForeignKeyOfEvents(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		if err := admin(t, s).RPush(ctx, layout.Keys{}.Events(), "x").Err(); err != nil {
			t.Fatal(err)
		}
		if id := s.Identify(ctx, ""); id != "" {
			t.Errorf("it got the id %s", id)
		}
		if h := s.Health(ctx); h.Ready() || !strings.Contains(strings.Join(h.Problems(), "\n"), "the key events") {
			t.Errorf("%+v", h)
		}
		if _, err := s.Initialize(ctx, tickets(1)); !errors.Is(err, store.ErrOtherStore) {
			t.Errorf("created: %v", err)
		}
		if err := admin(t, s).Del(ctx, layout.Keys{}.Events()).Err(); err != nil {
			t.Fatal(err)
		}
		if h := s.Health(ctx); !h.Ready() || s.OtherStore() {
			t.Errorf("without it: %+v", h)
		}
		newShow(t, s, tickets(1))
	})
}

// A counter that is broken keeps events from being created, and nothing else.
func TestBrokenCounterIsAWarning(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		s.Identify(ctx, "")
		show := newShow(t, s, tickets(1))
		for _, last := range []string{"notanumber", "-1", "281474976710656"} {
			if err := admin(t, s).HSet(ctx, layout.Keys{}.Events(), layout.LastField, last).Err(); err != nil {
				t.Fatal(err)
			}
			if h := s.Health(ctx); !h.Ready() || !strings.Contains(strings.Join(h.Warnings(), "\n"), "counter of events") {
				t.Errorf("%q: %+v", last, h)
			}
		}
		if err := admin(t, s).HSet(ctx, layout.Keys{}.Events(), layout.LastField, uint64(layout.MaxNumber)).Err(); err != nil {
			t.Fatal(err)
		}
		if h := s.Health(ctx); !h.Ready() || !strings.Contains(strings.Join(h.Warnings(), "\n"), "last event number") {
			t.Errorf("no number is left: %+v", h)
		}
		show.book("a", 1)
	})
}

// A node that became a replica of another store's master is found out, though it is not ready anyway:
// it may be made a master again.
func TestReplicaOfAnotherStore(t *testing.T) {
	redistest.Require(t)
	server, other := startServer(t, redistest.Start), startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	open(t, store.Config{Addrs: []string{other.Addr}}).Identify(ctx, "")
	if s.Identify(ctx, "") == "" {
		t.Fatal("no id")
	}
	host, port, _ := strings.Cut(other.Addr, ":")
	if err := admin(t, s).Do(ctx, "REPLICAOF", host, port).Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "this is another store", "")
	if !s.OtherStore() {
		t.Error("changes are not refused")
	}
}
