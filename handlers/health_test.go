package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	now = health("Redis is loading", "Redis is a replica")
	now.Add(store.Condition{Kind: "aof_off", Detail: "AOF off"})
	c.get("/readyz").is(503, `{"code":"unavailable","status":503,"detail":"Redis is a replica; Redis is loading",
		"conditions":["aof_off","loading"]}`).hasHeader("Retry-After", "1")
	if lines := j.take(t); len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0]["error"]), "Redis is loading") {
		t.Errorf("logged %v", lines)
	}
	now = store.Health{}
	now.Add(store.Condition{Kind: "aof_off", Detail: "AOF off"})
	c.get("/readyz").is(200, `{"status":"ok","warnings":["AOF off"],"conditions":["aof_off"]}`)
	now = store.Health{}
	c.get("/readyz").is(200, `{"status":"ok","warnings":"<absent>","conditions":"<absent>"}`)
}

// health has problems with these details.
func health(details ...string) (h store.Health) {
	for _, detail := range details {
		h.Add(store.Condition{Kind: "loading", Detail: detail, Blocks: true})
	}
	return h
}

// Strangers learn from /readyz, which needs no key, what kind of trouble there is, and not where
// Redis is. Who runs the service learns that.
func TestReadyzOnANetwork(t *testing.T) {
	t.Parallel()
	now := health("10.0.0.7:6379: Redis is loading")
	now.Add(store.Condition{Kind: "aof_off", Detail: "10.0.0.8:6379: AOF off"})
	c := serve(t, &fake{}, withKeys(t), func(o *handlers.Options) {
		o.Health = func(context.Context) store.Health { return now }
	})
	const stranger = "X-Forwarded-For: 192.0.2.7"
	knows := map[string]bool{
		"Accept: */*": false, bearer(bookingKey): false, bearer(organizerKey): true, bearer(metricsKey): true,
	}
	for who, told := range knows {
		answer := c.send("GET", "/readyz", "", stranger, who).is(503, `{"code":"unavailable","conditions":["aof_off","loading"]}`)
		if strings.Contains(answer.body, "10.0.0") != told {
			t.Errorf("with %s: %s", who, answer.body)
		}
	}
	local := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:3000/readyz", nil)
	local.RemoteAddr = "127.0.0.1:4711"
	answered := httptest.NewRecorder()
	if c.api.ServeHTTP(answered, local); !strings.Contains(answered.Body.String(), "10.0.0.7:6379: Redis is loading") {
		t.Errorf("a program on this machine is answered %s", answered.Body)
	}
	now = store.Health{Conditions: []store.Condition{{Kind: "aof_off", Detail: "10.0.0.8:6379: AOF off"}}}
	for who, told := range knows {
		answer := c.send("GET", "/readyz", "", stranger, who).is(200, `{"status":"ok","conditions":["aof_off"]}`)
		if strings.Contains(answer.body, "10.0.0") != told {
			t.Errorf("with %s: %s", who, answer.body)
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
