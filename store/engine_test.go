package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

func TestEngineIsRecognised(t *testing.T) {
	if got := open(t, store.Config{}).Engine(); got != store.EngineEmbedded {
		t.Errorf("nothing configured: %s", got)
	}
	if got := openRedis(t).Engine(); got != store.EngineSingle {
		t.Errorf("one address of one Redis: %s", got)
	}
	if got := openCluster(t).Engine(); got != store.EngineCluster {
		t.Errorf("one address of a cluster: %s", got)
	}
	nodes, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	addrs := append([]string{"127.0.0.1:1"}, nodes.Addrs()...) // the first one is away
	if got := open(t, store.Config{Addrs: addrs}).Engine(); got != store.EngineCluster {
		t.Errorf("several addresses of a cluster: %s", got)
	}
}

func TestOpenFails(t *testing.T) {
	redistest.Require(t)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := store.Open(short, store.Config{Addrs: []string{"127.0.0.1:1"}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("no Redis there: %v", err)
	}
	server, err := redistest.Start("--requirepass", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	for _, password := range []string{"", "wrong"} {
		_, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}, Password: password})
		if !errors.Is(err, store.ErrRefused) || strings.Contains(err.Error(), "secret") {
			t.Errorf("password %q: %v", password, err)
		}
	}
	open(t, store.Config{Addrs: []string{server.Addr}, Password: "secret"})
}

func TestSeveralAddressesThatAreNoCluster(t *testing.T) {
	openRedis(t)
	server, err := oneRedis()
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(ctx, store.Config{Addrs: []string{server.Addr, "127.0.0.1:1"}})
	if err == nil || !strings.Contains(err.Error(), server.Addr) {
		t.Errorf("got %v, want an error that names %s", err, server.Addr)
	}
}

func TestHealthWarnings(t *testing.T) {
	if got := open(t, store.Config{}).Health(ctx).Warnings(); len(got) != 1 || !strings.Contains(got[0], "lost on exit") {
		t.Errorf("embedded: %q", got)
	}
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		if got := s.Health(ctx); !got.Ready() || len(got.Conditions) != 0 {
			t.Errorf("nothing is wrong, yet: %+v", got)
		}
	})
	redistest.Require(t)
	server, err := redistest.Start("--appendonly", "no", "--maxmemory-policy", "allkeys-lru")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got := strings.Join(s.Health(ctx).Warnings(), "\n")
	for _, want := range []string{server.Addr, "append-only file is off", "allkeys-lru"} {
		if !strings.Contains(got, want) {
			t.Errorf("no word of %q in %q", want, got)
		}
	}
	client := server.Client()
	defer func() { _ = client.Close() }()
	if err := client.Do(ctx, "ACL", "SETUSER", "default", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.Health(ctx).Warnings(); len(got) != 1 || !strings.Contains(got[0], "unknown whether") {
		t.Errorf("INFO is forbidden: %q", got)
	}
}

// What was acknowledged is there after Redis was killed and started again, and the
// store finds its scripts missing without anybody noticing.
func TestRedisCrash(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start("--appendfsync", "always")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	show := newShow(t, s, tickets(1))
	booked := show.book("a", 1)
	waiting := show.book("b", 1)

	server.Kill()
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	request := store.BookRequest{Event: show.ref, User: "c", Quantity: 1, IdempotencyKey: "k"}
	if _, err := s.Book(short, request); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("booked without Redis: %v", err)
	}
	if got := s.Health(ctx); got.Ready() {
		t.Errorf("ready without Redis: %+v", got)
	}
	restarted := make(chan error)
	go func() { restarted <- server.Run() }()
	late, err := s.Book(ctx, request) // waits for Redis as long as it takes
	if err != nil || late.Position != 2 {
		t.Errorf("booked while Redis starts: %+v, %v", late, err)
	}
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	if got := show.cancel("a", booked); got.Next() != waiting.Booking {
		t.Errorf("after the crash: %+v", got)
	}
	show.wantCounts(0, 1, 1)
}

func TestClientLogIsRedirected(t *testing.T) {
	said := make(chan string, 100)
	store.ClientLog(func(message string) {
		select {
		case said <- message:
		default:
		}
	})
	defer store.ClientLog(func(string) {})
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	go func() { _, _ = store.Open(short, store.Config{Addrs: []string{"127.0.0.1:1"}}) }()
	select {
	case <-said:
	case <-short.Done():
		t.Error("the library said nothing of a Redis that is not there")
	}
}
