package handlers_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
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

// The id of a request is the client's if that is plain, else one of our own.
func TestRequestID(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	const header = "X-Request-Id: "
	for _, kept := range []string{"a", "0198c1e2-7c1d-7abc-9def-0123456789ab", "a/b:c{d}~", strings.Repeat("x", 128)} {
		for _, path := range []string{"/status/1", "/livez", "/unknown", "/book"} {
			c.send("GET", path, "", header+kept).hasHeader("X-Request-Id", kept)
		}
	}
	seen := map[string]bool{}
	for _, headers := range [][]string{
		nil, nil, {header}, {header + " "}, {header + "a b"}, {header + "a\x1b[31m"}, {header + "a\x7f"}, {header + "é"},
		{header + strings.Repeat("x", 129)}, {header + "a", header + "b"},
	} {
		ids := c.send("GET", "/status/1", "", headers...).header.Values("X-Request-Id")
		id := strings.Join(ids, ", ")
		switch {
		case !regexp.MustCompile(`^[!-~]{8,128}$`).MatchString(id) || len(ids) != 1:
			t.Errorf("with %q the id is %q", headers, ids)
		case slices.Contains(headers, header+id):
			t.Errorf("with %q the id is the client's", headers)
		case seen[id]:
			t.Errorf("the id %q was given twice", id)
		}
		seen[id] = true
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		var j journal
		c := serve(t, &fake{}, j.into, func(o *handlers.Options) { o.AccessLog = on })
		for _, request := range []struct {
			method, path, body string
			status             float64
			route, outcome     string
			event              any
			user               bool
		}{
			{"GET", "/status/1?x=hunter2", "", 200, "/status/{eventId}", "ok", 1.0, false},
			{"GET", "/status/hunter2", "", 400, "/status/{eventId}", "invalid_input", nil, false},
			{"POST", "/book", `{"eventId":7,"userId":"hunter2"}`, 201, "/book", "confirmed", 7.0, true},
			{"POST", "/book", `{"eventId":"x","userId":"hunter2"}`, 400, "/book", "invalid_input", nil, true},
			{"POST", "/api/events/cancel", `{"bookingId":"` + someID + `","userId":"hunter2"}`, 200,
				"/api/events/cancel", "cancelled", 1.0, true},
			{"POST", "/api/events/book", `{`, 400, "/api/events/book", "invalid_input", nil, false},
			{"GET", "/unknown/hunter2", "", 404, "unmatched", "route_not_found", nil, false},
			{"DELETE", "/book", "", 405, "/book", "method_not_allowed", nil, false},
			{"GET", "/livez", "", 200, "/livez", "<nil>", nil, false},
		} {
			c.send(request.method, request.path, request.body, "X-Request-Id: the-id", "Idempotency-Key: hunter2",
				"Authorization: hunter2")
			lines := j.take(t)
			if !on {
				if len(lines) != 0 {
					t.Errorf("switched off, it logged %v", lines)
				}
				continue
			}
			if len(lines) != 1 {
				t.Fatalf("%v logged %d lines", request, len(lines))
			}
			line := lines[0]
			if line["level"] != "info" || line["msg"] != "request" || line["method"] != request.method ||
				line["route"] != request.route || line["status"] != request.status || line["request_id"] != "the-id" ||
				fmt.Sprint(line["outcome"]) != request.outcome || line["event"] != request.event {
				t.Errorf("%v logged %v", request, line)
			}
			if user, told := line["user"].(string); told != request.user || told && !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(user) {
				t.Errorf("%v logged the user %v", request, line["user"])
			}
			if took, ok := line["duration_ms"].(float64); !ok || took < 0 || took > 60_000 {
				t.Errorf("%v took %v ms", request, line["duration_ms"])
			}
			if strings.Contains(fmt.Sprint(line), "hunter2") {
				t.Errorf("%v logged a secret: %v", request, line)
			}
		}
	}
}
