package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// A Redis that is emptied while the service runs takes no changes any more: the log, /readyz and
// the metrics say so. A restart accepts it, unless the settings name the store.
func TestEmptiedRedisIsNoticed(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	ctx := context.Background()
	t.Setenv("REDIS_ADDRS", server.Addr)
	t.Setenv("REDIS_CHECK_INTERVAL", "20ms")
	create := func(p *program, want int, code any) {
		t.Helper()
		if status, body := p.post("/initialize", `{"name":"x","totalTickets":5}`); status != want || body["code"] != code {
			t.Errorf("created: %d %v, want %d %v", status, body, want, code)
		}
	}
	p := start(t)
	create(p, http.StatusCreated, nil)
	id := client.HGet(ctx, "events", "store").Val()
	if id == "" || !strings.Contains(p.log.String(), id) {
		t.Errorf("the store has the id %q, and the log\n%s", id, p.log)
	}
	if err := client.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	create(p, http.StatusServiceUnavailable, "other_store")
	p.waitForReady(http.StatusServiceUnavailable, "this is another store")
	waitFor(t, p.log, "not ready: this is another store")
	if metrics := scraped(t, p.url+"/metrics"); !strings.Contains(metrics, "\nboxoffice_redis_up 0\n") {
		t.Errorf("the metrics do not say so:\n%s", metrics)
	}
	p.end()

	t.Setenv("REDIS_STORE_ID", id)
	p = start(t)
	p.waitForReady(http.StatusServiceUnavailable, "REDIS_STORE_ID")
	create(p, http.StatusServiceUnavailable, "other_store")
	p.end()

	t.Setenv("REDIS_STORE_ID", "")
	p = start(t)
	p.waitForReady(http.StatusOK, "")
	create(p, http.StatusCreated, nil)
	p.end()
}

// What an instance that died has left over is finished by the next start, without any request.
func TestStartFinishesLeftovers(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	ctx := context.Background()
	t.Setenv("REDIS_ADDRS", server.Addr)
	p := start(t)
	p.post("/initialize", `{"name":"x","totalTickets":1}`)
	for _, user := range []string{"ann", "bob"} {
		p.post("/book", `{"eventId":1,"userId":"`+user+`"}`)
	}
	p.end()
	counters := client.HGet(ctx, "event:{1}", "counters").Val()
	due, ok := layout.SetPart(layout.CountersParts(), counters, "promotionsDue", func(string) string { return "1" })
	if !ok {
		t.Fatal(counters)
	}
	if err := client.HSet(ctx, "event:{1}", "total", 2, "counters", due).Err(); err != nil {
		t.Fatal(err)
	}
	p = start(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		now := client.HGet(ctx, "event:{1}", "counters").Val()
		read, err := layout.ParseCounters(now)
		if err == nil && read.Version == 4 && read.Confirmed == 2 && read.Waiting == 0 && !read.PromotionsDue {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still left over: %s, at first %s", now, due)
		}
	}
	p.end()
}
