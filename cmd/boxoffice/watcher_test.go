package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// away is the health of a Redis that does not answer.
func away(detail string) store.Health {
	return store.Health{Conditions: []store.Condition{{Kind: store.Unreachable, Detail: detail, Blocks: true}}}
}

func newTestWatcher(ask func(context.Context) store.Health) *watcher {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return newWatcher(ask, time.Minute, log)
}

// However many probes come at once, Redis is asked once, and not again while the
// answer is fresh.
func TestProbesShareOneAnswer(t *testing.T) {
	var asked atomic.Int64
	goOn := make(chan struct{})
	w := newTestWatcher(func(context.Context) store.Health {
		asked.Add(1)
		<-goOn
		return away("x")
	})
	var probes sync.WaitGroup
	begun := make(chan struct{}, 50)
	for range 50 {
		probes.Go(func() {
			begun <- struct{}{}
			if got := w.health(context.Background()); got.Ready() {
				t.Errorf("%+v", got)
			}
		})
	}
	for range 50 {
		<-begun
	}
	close(goOn)
	probes.Wait()
	// One that began after the first was answered may have found it stale on a machine
	// that slept in between, but fifty cannot.
	if got := asked.Load(); got > 5 {
		t.Errorf("Redis was asked %d times", got)
	}
}

// Who goes away while Redis is asked neither waits nor spoils the answer of others.
func TestProbeThatGoesAway(t *testing.T) {
	asking, goOn := make(chan struct{}), make(chan struct{})
	w := newTestWatcher(func(ctx context.Context) store.Health {
		close(asking)
		<-goOn
		if ctx.Err() != nil {
			return away(ctx.Err().Error())
		}
		return store.Health{}
	})
	gone, leave := context.WithCancel(context.Background())
	var first sync.WaitGroup
	first.Go(func() {
		if got := w.health(gone); !got.Ready() {
			t.Errorf("the answer ended with who asked: %+v", got)
		}
	})
	<-asking
	leave()
	w.health(gone) // returns, though nobody has answered
	close(goOn)
	first.Wait()
}

// A degraded store, as in a failover, brings a check long before the interval is over; and while
// Redis takes no bookings it is asked until it does.
func TestDegradedStoreBringsACheck(t *testing.T) {
	answers := make(chan store.Health)
	w := newTestWatcher(func(context.Context) store.Health { return <-answers })
	degraded := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx, time.Hour, degraded) })
	degraded <- struct{}{}
	for _, health := range []store.Health{away("x"), away("x"), {}} {
		select {
		case answers <- health:
		case <-time.After(20 * time.Second):
			t.Fatal("it was not asked")
		}
	}
	stop()
	running.Wait()
}

// Each condition is logged once when it begins and once when it ends, by its kind: an error if
// nothing can be booked for it, otherwise a warning.
func TestConditionsAreLoggedOnce(t *testing.T) {
	var now store.Health
	w := newTestWatcher(func(context.Context) store.Health { return now })
	hook := test.NewLocal(w.log)
	full := store.Condition{Kind: "storage_full", Detail: "Redis is full"}
	disk := store.Condition{Kind: "disk_failed", Detail: "no disk", Blocks: true}
	other := store.Condition{Kind: "disk_failed", Detail: "still no disk", Blocks: true}
	for _, step := range []struct {
		conditions []store.Condition
		want       []string
	}{
		{nil, nil},
		{[]store.Condition{full}, []string{"warning storage_full Redis is full"}},
		{[]store.Condition{full}, nil},
		{[]store.Condition{full, disk}, []string{"error disk_failed not ready: no disk"}},
		{[]store.Condition{disk}, []string{"info storage_full over: Redis is full"}},
		{[]store.Condition{disk}, nil},
		{[]store.Condition{other}, []string{"error disk_failed not ready: still no disk"}}, // it goes on in other words
		{[]store.Condition{disk}, []string{"error disk_failed not ready: no disk"}},
		{nil, []string{"info disk_failed over: no disk", "info <nil> ready again: Redis takes bookings"}},
	} {
		now = store.Health{Conditions: step.conditions}
		hook.Reset()
		w.check(context.Background())
		var logged []string
		for _, entry := range hook.AllEntries() {
			logged = append(logged, fmt.Sprint(entry.Level, " ", entry.Data["kind"], " ", entry.Message))
		}
		if !slices.Equal(logged, step.want) {
			t.Errorf("%+v: logged %q, want %q", step.conditions, logged, step.want)
		}
	}
}

// waitForReady waits until /readyz answers with this status and these words.
func (p *program) waitForReady(status int, words string) {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got, body := p.get("/readyz")
		said := body["detail"]
		if got == http.StatusOK {
			said = body["warnings"]
		}
		text, _ := said.(string)
		if list, ok := said.([]any); ok && len(list) > 0 {
			text, _ = list[0].(string)
		}
		if got == status && strings.Contains(text, words) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("/readyz: %d %v, want %d with %q\n%s", got, body, status, words, p.log)
		}
		<-tick.C
	}
}

// What goes wrong with Redis while the service runs is in its log and in /readyz, and
// over again with its cause; the service serves on.
func TestReadinessFollowsRedis(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	master, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Stop()
	t.Setenv("REDIS_ADDRS", server.Addr)
	t.Setenv("REDIS_CHECK_INTERVAL", "20ms")
	t.Setenv("REQUEST_TIMEOUT", "300ms")
	p := start(t)
	p.waitForReady(http.StatusOK, "")
	if status, body := p.post("/initialize", `{"name":"x","totalTickets":5}`); status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	client := server.Client()
	defer func() { _ = client.Close() }()
	host, port, _ := net.SplitHostPort(master.Addr)
	do := func(args ...any) func() {
		return func() {
			t.Helper()
			if err := client.Do(context.Background(), args...).Err(); err != nil {
				t.Fatalf("%v: %v", args, err)
			}
		}
	}
	for _, fault := range []struct {
		name        string
		begin, end  func()
		ready       int
		words       string
		bookingGets int
		code        string
	}{
		{
			"AOF off", do("CONFIG", "SET", "appendonly", "no"), do("CONFIG", "SET", "appendonly", "yes"),
			200, "append-only file is off", 201, "",
		},
		{
			"eviction", do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"), do("CONFIG", "SET", "maxmemory-policy", "noeviction"),
			200, "maxmemory-policy", 201, "",
		},
		{
			"full", do("CONFIG", "SET", "maxmemory", "1"), do("CONFIG", "SET", "maxmemory", "0"),
			200, "Redis is full", 503, "storage_full",
		},
		{
			"hangs", func() { _ = server.Pause() }, func() { _ = server.Continue() },
			503, "does not answer in time", 503, "unavailable",
		},
		{
			"replica", do("REPLICAOF", host, port), do("REPLICAOF", "NO", "ONE"),
			503, "the node is a replica", 503, "unavailable",
		},
	} {
		fault.begin()
		p.waitForReady(fault.ready, fault.words)
		waitFor(t, p.log, fault.words)
		if fault.name != "replica" { // which may have lost the event to its new master
			if status, body := p.post("/book", `{"eventId":1,"userId":"`+fault.name+`"}`); status != fault.bookingGets ||
				fault.code != "" && body["code"] != fault.code {
				t.Errorf("%s: booking gets %d %v", fault.name, status, body)
			}
		}
		if fault.name == "full" {
			if status, body := p.post("/cancel", `{"eventId":1,"userId":"eviction"}`); status != http.StatusOK {
				t.Errorf("a cancellation while Redis is full: %d %v", status, body)
			}
		}
		fault.end()
		if fault.name == "replica" { // it comes back with its master's data, which is none
			p.waitForReady(http.StatusServiceUnavailable, "this is another store")
		} else {
			p.waitForReady(http.StatusOK, "")
		}
	}
	if err := client.ConfigSet(context.Background(), "requirepass", "hunter2").Err(); err != nil {
		t.Fatal(err)
	}
	again := redis.NewClient(&redis.Options{Addr: server.Addr, Password: "hunter2"})
	defer func() { _ = again.Close() }()
	if err := again.Do(context.Background(), "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil {
		t.Fatal(err)
	}
	p.waitForReady(http.StatusServiceUnavailable, "rejects the user or the password")
	waitFor(t, p.log, "rejects the user or the password")
	p.end()
	lines := strings.Split(p.log.String(), "\n")
	if told := slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "not ready: ") }); len(told) > 12 {
		t.Errorf("the same problem is logged again and again:\n%s", strings.Join(told, "\n"))
	}
}
