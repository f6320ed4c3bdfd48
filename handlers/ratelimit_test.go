package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// from sends a request of a client at this address.
func (c *client) from(address, path string) *answer {
	c.t.Helper()
	request := httptest.NewRequest("GET", path, nil)
	request.RemoteAddr = address
	return c.do(request, "")
}

// limited serves so slow a rate that a test never sees a request given back.
func limited(t testing.TB, burst float64) *client {
	const never = 1e-9
	return serve(t, &fake{}, func(o *handlers.Options) { o.RateLimit = max(burst, never) })
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"192.0.2.1:1234", "[2001:db8::1]:1234", "[fe80::1%eth0]:1234", "10.0.0.1:1", "192.0.2.2", "@"} {
		c := limited(t, 0)
		c.from(address, "/status/1").is(200, `{}`)
		c.from(address, "/status/1").is(429, `{"message":"Too many requests","code":"rate_limited"}`).hasHeader("Retry-After", "1")
		c.from(address, "/api/events").is(429, `{"title":"Too many requests","error":"Too many requests","code":"rate_limited"}`).
			hasHeader("Retry-After", "1")
		c.from("198.51.100.1:1234", "/status/1").is(200, `{}`) // another client has its own
	}
}

// Whatever a limited client asks for is refused in the words of its spelling.
func TestRateLimitOfEveryRoute(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	const address = "192.0.2.1:1234"
	c.from(address, "/status/1").is(200, `{}`)
	for _, call := range storeCalls {
		request := httptest.NewRequest(call.method, call.path, strings.NewReader(call.body))
		request.RemoteAddr = address
		c.do(request, call.body).is(429, `{"code":"rate_limited"}`).hasHeader("Retry-After", "1")
	}
	for path := range documents {
		c.from(address, path).is(429, `{"code":"rate_limited"}`)
	}
}

// A client is an address: a new port does not make a new one.
func TestRateLimitIgnoresPorts(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
	c.from("192.0.2.1:2", "/status/1").is(429, `{}`)
}

func TestRateLimitNeverLimitsLoopback(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	for _, address := range []string{"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"} {
		for range 50 {
			c.from(address, "/status/1").is(200, `{}`)
		}
	}
}

// A probe from another host must not have the instance restarted.
func TestRateLimitLeavesHealthChecksAlone(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	for range 50 {
		c.from("192.0.2.1:1", "/livez").is(200, `{}`)
		c.from("192.0.2.1:1", "/readyz").is(200, `{}`)
	}
	c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
}

func TestRateLimitOff(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	for range 200 {
		c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
	}
}

// A second's worth of requests may come at once.
func TestRateLimitBurst(t *testing.T) {
	t.Parallel()
	const perSecond = 5
	c := limited(t, perSecond)
	served := 0
	for range 10_000 {
		if c.from("192.0.2.1:1", "/status/1").status == 200 {
			served++
			continue
		}
		break
	}
	if served < perSecond || served > 10*perSecond {
		t.Errorf("%d requests were served at once, want %d and what time gave back", served, perSecond)
	}
}

// generation is how many clients the limiter remembers at least; twice as many at most.
const generation = 10_000

// flood sends one request each of clients who were never seen, and calls each
// now and then.
func (c *client) flood(network, clients int, now func()) {
	c.t.Helper()
	for i := range clients {
		if status := c.statusFor(fmt.Sprintf("[2001:db8:%x::%x]:1", network, i)); status != 200 {
			c.t.Fatalf("the first request of client %d of network %d was answered %d", i, network, status)
		}
		if i%1000 == 0 {
			now()
		}
	}
}

// statusFor is from without its checks, of which there would be too many here.
func (c *client) statusFor(address string) int {
	request := httptest.NewRequest("GET", "/status/1", nil)
	request.RemoteAddr = address
	recorder := httptest.NewRecorder()
	c.api.ServeHTTP(recorder, request)
	return recorder.Code
}

// An active client is never forgotten, and one not seen for long starts anew.
func TestRateLimitForgetsOldClients(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	const active, gone = "192.0.2.1:1", "192.0.2.2:1"
	if c.statusFor(active) != 200 || c.statusFor(gone) != 200 {
		t.Fatal("the first request of a client was refused")
	}
	stillLimited := func() {
		t.Helper()
		if c.statusFor(active) != 429 {
			t.Fatal("the limiter forgot an active client")
		}
	}
	c.flood(1, generation-2, stillLimited)
	if c.statusFor(gone) != 429 {
		t.Errorf("the limiter forgot a client after fewer than %d others", generation)
	}
	c.flood(2, 2*generation+2, stillLimited)
	if c.statusFor(gone) != 200 {
		t.Errorf("the limiter still knows a client after %d others", 2*generation)
	}
}

// Not parallel, so that no other test's memory is counted.
func TestRateLimitMemoryIsBounded(t *testing.T) {
	c := limited(t, 0)
	nothing := func() {}
	c.flood(1, 2*generation, nothing)
	before := heapInUse()
	c.flood(2, 2*generation, nothing)
	c.flood(3, 2*generation, nothing)
	const most = 2 << 20 // forty thousand limiters more would be four times that
	if grown := heapInUse() - before; grown > most {
		t.Errorf("the heap grew by %d bytes with %d more clients", grown, 4*generation)
	}
	runtime.KeepAlive(c)
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
