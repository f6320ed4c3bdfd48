package store_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
	"boxoffice/store/verify"
)

// Two stores share a Redis, each under a prefix of its own and with rights to that alone: neither
// sees, counts or verifies anything of the other's.
func TestStoresSideBySide(t *testing.T) {
	onRealEngines(t, func(t *testing.T, first *store.Store) {
		a, b := underPrefix(t, first, "a:"), underPrefix(t, first, "b.")
		for _, s := range []*store.Store{a, b} {
			s.Identify(ctx, "")
			show := newShow(t, s, tickets(1))
			if show.event.Number != 1 {
				t.Errorf("its first event is number %d", show.event.Number)
			}
			booked, waits := show.book("ann", 1), show.book("bob", 1)
			show.cancel("ann", booked)
			show.want(waits, store.StatusConfirmed, 0)
			show.wantCounts(0, 1, 0)
			if h := s.Health(ctx); !h.Ready() {
				t.Errorf("%+v", h)
			}
			result, err := s.Verifier().Event(ctx, store.EventNumber(1), func(b verify.Breach) { t.Error(b) })
			if err != nil || result.Bookings != 2 {
				t.Errorf("%+v, %v", result, err)
			}
		}
		for range 3 {
			newShow(t, b, tickets(1))
		}
		page, err := a.Events(ctx, "", 10)
		if err != nil || len(page.Events) != 1 {
			t.Errorf("%+v, %v", page, err)
		}
		onEachNode(t, first, func(node *redis.Client) error {
			keys, err := node.Keys(ctx, "*").Result()
			for _, key := range keys {
				if !strings.HasPrefix(key, "a:") && !strings.HasPrefix(key, "b.") {
					t.Errorf("the key %s has no prefix", key)
				}
			}
			return err
		})
		if err := admin(t, first).Del(ctx, layout.Keys{Prefix: "a:"}.Events()).Err(); err != nil {
			t.Fatal(err)
		}
		if h := a.Health(ctx); h.Ready() {
			t.Error("the hash of all events of a is gone, and a is ready")
		}
		if h := b.Health(ctx); !h.Ready() {
			t.Errorf("b lost nothing, and is not ready: %+v", h)
		}
	})
}

// underPrefix opens a store under a prefix in the Redis of another, as a user with the documented
// rights to its own keys alone.
func underPrefix(t *testing.T, other *store.Store, prefix string) *store.Store {
	t.Helper()
	user, err := documentedRights(serviceUser)
	if err != nil {
		t.Fatal(err)
	}
	name := "service-" + prefix
	rights := strings.Fields(strings.ReplaceAll(user, "~", "~"+prefix))[2:]
	set := []any{"ACL", "SETUSER", name}
	for _, right := range rights {
		set = append(set, right)
	}
	onEachNode(t, other, func(node *redis.Client) error { return node.Do(ctx, set...).Err() })
	config := store.Config{Username: name, Password: servicePassword, KeyPrefix: prefix}
	switch of := other.Client().(type) {
	case *redis.ClusterClient:
		config.Addrs = of.Options().Addrs[:1]
	case *redis.Client:
		config.Addrs = []string{of.Options().Addr}
	}
	s, err := store.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		onEachNode(t, other, func(node *redis.Client) error { return node.Do(ctx, "ACL", "DELUSER", name).Err() })
	})
	return s
}

func TestPrefixesThatCannotBe(t *testing.T) {
	redistest.Require(t)
	for _, prefix := range []string{"{a}", "a}", "a b", "a\n", "ä:", strings.Repeat("a", 65)} {
		_, err := store.Open(ctx, store.Config{Addrs: []string{"127.0.0.1:1"}, KeyPrefix: prefix})
		if err == nil || strings.Contains(err.Error(), "connect") {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}
