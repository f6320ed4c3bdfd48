package store_test

import (
	"context"
	"strings"
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
	acl, err := aclArgs()
	if err != nil {
		t.Fatal(err)
	}
	master := start(redistest.Start(acl...))
	replica := start(redistest.Start(append(redistest.ReplicaOf(master), acl...)...))
	sentinel := start(redistest.StartSentinel(master, "boxoffice"))
	config := asUser(store.Config{Addrs: []string{sentinel.Addr}, SentinelMaster: "boxoffice"})
	config.SentinelUsername, config.SentinelPassword = sentinelUser, servicePassword
	checkSentinelRights(t, sentinel, config)

	s, err := store.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if s.Engine() != store.EngineSentinel {
		t.Errorf("engine %s", s.Engine())
	}
	if got := s.Health(ctx); !got.Ready() || len(got.Conditions) != 0 {
		t.Errorf("nothing is wrong, yet: %+v", got)
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
	if err != nil || got.Next() != waiting.Booking {
		t.Fatalf("after the failover: %+v, %v", got, err)
	}
	show.wantCounts(0, 1, 0)
	if role, err := promoted.Do(ctx, "ROLE").Slice(); err != nil || role[0] != "master" {
		t.Errorf("the replica is %v, %v", role, err)
	}
}

// checkSentinelRights gives the sentinels the documented user, and checks that each of
// its rights is needed to find the master and to hear of the next one.
func checkSentinelRights(t *testing.T, sentinel *redistest.Server, config store.Config) {
	t.Helper()
	rights, err := documentedRights(sentinelUser)
	if err != nil {
		t.Fatal(err)
	}
	client := sentinel.Client()
	defer func() { _ = client.Close() }()
	grant := func(rules ...any) {
		t.Helper()
		if err := client.Do(ctx, append([]any{"ACL", "SETUSER", sentinelUser}, rules...)...).Err(); err != nil {
			t.Fatalf("%v: %v", rules, err)
		}
	}
	all := []any{"reset"}
	for _, right := range strings.Fields(rights)[2:] {
		all = append(all, right)
	}
	// subscribed tells whether a store listens for the next master.
	subscribed := func() bool {
		t.Helper()
		clients, err := client.ClientList(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(clients) {
			if strings.Contains(line, " user="+sentinelUser+" ") && !strings.Contains(line, " sub=0 ") {
				return true
			}
		}
		return false
	}
	// outcome opens a store, and tells how it fares: it is refused something, or listens,
	// or neither. With patience it goes on looking at one that listens, which says
	// something every few seconds.
	outcome := func(patience bool) string {
		t.Helper()
		if err := client.ACLLogReset(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.ClientKillByFilter(ctx, "USER", sentinelUser).Err(); err != nil { // of the store before
			t.Fatal(err)
		}
		opening, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		s, err := store.Open(opening, config)
		if err != nil {
			return "refused"
		}
		defer func() { _ = s.Close() }()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
			denied, err := client.ACLLog(ctx, 10).Result()
			if err != nil {
				t.Fatal(err)
			}
			if len(denied) > 0 {
				return "refused"
			}
			if !patience && subscribed() {
				return "listens"
			}
		}
		return "neither"
	}
	grant(all...)
	if got := outcome(false); got != "listens" {
		t.Fatalf("with the documented rights: %s", got)
	}
	for right := range strings.FieldsSeq(rights) {
		switch {
		case strings.HasPrefix(right, "+"):
			grant("-" + right[1:])
		case strings.HasPrefix(right, "&"):
			others := []any{"resetchannels"}
			for other := range strings.FieldsSeq(rights) {
				if strings.HasPrefix(other, "&") && other != right {
					others = append(others, other)
				}
			}
			grant(others...)
		default:
			continue
		}
		if got := outcome(right == "+ping"); got != "refused" {
			t.Errorf("without %s: %s, so the service does not need it", right, got)
		}
		grant(all...)
	}
}
