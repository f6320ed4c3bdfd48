package store_test

import (
	"context"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// Through sentinels the store finds the master, and the next one when that is gone.
func TestSentinelFailover(t *testing.T) {
	redistest.Require(t)
	start := func(server *redistest.Server, err error) *redistest.Server {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		return server
	}
	master := start(redistest.Start())
	replica := start(redistest.Start(redistest.ReplicaOf(master)...))
	sentinel := start(redistest.StartSentinel(master, "boxoffice"))

	s, err := store.Open(ctx, store.Config{Addrs: []string{sentinel.Addr}, SentinelMaster: "boxoffice"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if s.Engine() != store.EngineSentinel {
		t.Errorf("engine %s", s.Engine())
	}
	if got := s.Health(ctx); !got.Ready() || len(got.Warnings) != 0 {
		t.Errorf("nothing is wrong, yet: %q", got)
	}
	show := newShow(t, s, tickets(1))
	first := show.book("a", 1)
	waiting := show.book("b", 1)
	const replicas = 1
	show.waitFor(func(store.Event) bool { // a replica that is still being copied to does not count
		return s.Client().Do(ctx, "WAIT", replicas, 1000).Val() == int64(replicas)
	})
	if err := sentinel.WaitReplicas("boxoffice", replicas); err != nil {
		t.Fatal(err)
	}
	promoted := replica.Client()
	defer func() { _ = promoted.Close() }()
	master.Kill()

	long, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	got, err := s.Cancel(long, store.CancelRequest{Booking: first.Booking, User: "a"})
	if err != nil || got.Next != waiting.Booking {
		t.Fatalf("after the failover: %+v, %v", got, err)
	}
	show.wantCounts(0, 1, 0)
	if role, err := promoted.Do(ctx, "ROLE").Slice(); err != nil || role[0] != "master" {
		t.Errorf("the replica is %v, %v", role, err)
	}
}
