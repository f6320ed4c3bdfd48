package handlers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"boxoffice/handlers"
	"boxoffice/store"
)

func TestLivezNeverCallsTheStore(t *testing.T) {
	t.Parallel()
	f := &fake{fails: func(context.Context) error { panic("the store was called") }}
	c := serve(t, f)
	c.get("/livez").is(200, `{"status":"ok"}`)
	c.api.Drain()
	c.get("/livez").is(200, `{"status":"ok"}`)
	if calls := f.calls.Load(); calls != 0 {
		t.Errorf("the store was called %d times", calls)
	}
}

func TestReadyz(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		c.get("/readyz").is(200, `{"status":"ok","engine":"a test's","version":"v1"}`)
	})
}

// What keeps bookings from being made is 503, what may lose them a warning.
func TestReadyzTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	var now store.Health
	var j journal
	c := serve(t, &fake{}, j.into, func(o *handlers.Options) {
		o.Health = func(context.Context) store.Health { return now }
	})
	now = store.Health{Problems: []string{"Redis is full", "Redis is a replica"}, Warnings: []string{"AOF off"}}
	c.get("/readyz").is(503, `{"code":"unavailable","status":503,"detail":"Redis is full; Redis is a replica"}`).
		hasHeader("Retry-After", "1")
	if lines := j.take(t); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "Redis is full") {
		t.Errorf("logged %v", lines)
	}
	now.Problems = nil
	c.get("/readyz").is(200, `{"status":"ok","warnings":["AOF off"]}`)
	now.Warnings = nil
	c.get("/readyz").is(200, `{"status":"ok","warnings":"<absent>"}`)
}

// Where clients need keys, /readyz, which needs none, does not say where Redis is.
func TestReadyzOnANetwork(t *testing.T) {
	t.Parallel()
	now := store.Health{Problems: []string{"10.0.0.7:6379: Redis is full"}, Warnings: []string{"10.0.0.8:6379: AOF off"}}
	c := serve(t, &fake{}, withKeys(t), func(o *handlers.Options) {
		o.Health = func(context.Context) store.Health { return now }
	})
	a := c.get("/readyz").is(503, `{"code":"unavailable"}`)
	now.Problems = nil
	d := c.get("/readyz").is(200, `{"status":"ok","warnings":"<absent>"}`)
	for _, answer := range []*answer{a, d} {
		if strings.Contains(answer.body, "10.0.0") {
			t.Errorf("answered %s", answer.body)
		}
	}
}

// While it drains, an instance is not ready, does not ask Redis, and serves on.
func TestReadyzWhileDraining(t *testing.T) {
	t.Parallel()
	f := &fake{}
	var j journal
	c := serve(t, f, j.into)
	c.get("/readyz").is(200, `{}`)
	c.api.Drain()
	c.get("/readyz").is(503, `{"code":"draining","detail":"This instance is shutting down"}`).hasHeader("Retry-After", "1")
	if calls := f.calls.Load(); calls != 1 {
		t.Errorf("the store was called %d times, want once", calls)
	}
	c.get("/status/1").is(200, `{}`)
}
