package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// from sends a request of a client at this address.
func (c *client) from(address, path string, headers ...string) *answer {
	c.t.Helper()
	request := httptest.NewRequest("GET", path, nil)
	request.RemoteAddr, request.Host = address, "localhost:3000"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	return c.do(request, "")
}

// limited serves at so slow a rate that no request is given back during a test.
func limited(t testing.TB, burst float64) *client {
	const never = 1e-9
	return serve(t, &fake{}, limitedTo(max(burst, never)))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"192.0.2.1:1234", "[2001:db8::1]:1234", "[fe80::1%eth0]:1234", "10.0.0.1:1", "192.0.2.2", "@"} {
		c := limited(t, 0)
		c.from(address, "/status/1").is(200, `{}`)
		c.from(address, "/status/1").is(429, `{"message":"Too many requests","code":"rate_limited"}`).hasHeader("Retry-After", "1000000000")
		c.from(address, "/api/events").is(429, `{"title":"Too many requests","error":"Too many requests","code":"rate_limited"}`).
			hasHeader("Retry-After", "1000000000")
		c.from("198.51.100.1:1234", "/status/1").is(200, `{}`) // another client has its own
	}
}

// Whatever a limited client asks for is refused in the words of its API.
func TestRateLimitOfEveryRoute(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	const address = "192.0.2.1:1234"
	c.from(address, "/status/1").is(200, `{}`)
	for _, call := range storeCalls {
		request := httptest.NewRequest(call.method, call.path, strings.NewReader(call.body))
		request.RemoteAddr = address
		c.do(request, call.body).is(429, `{"code":"rate_limited"}`).hasHeader("Retry-After", "1000000000")
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

// A probe from another host must not cause a restart of the instance.
func TestRateLimitLeavesHealthChecksAlone(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	for range 50 {
		c.from("192.0.2.1:1", "/livez").is(200, `{}`)
		c.from("192.0.2.1:1", "/readyz").is(200, `{}`)
	}
	c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
}

// A client of IPv6 has a whole /64 to send from.
func TestRateLimitCountsIPv6Networks(t *testing.T) {
	t.Parallel()
	c := limited(t, 0)
	c.from("[2001:db8:1:2::1]:1", "/status/1").is(200, `{}`)
	c.from("[2001:db8:1:2:ffff:ffff:ffff:ffff]:1", "/status/1").is(429, `{}`)
	c.from("[2001:db8:1:3::1]:1", "/status/1").is(200, `{}`)
}

// Behind a trusted proxy the client is who the proxy says; anybody else is not believed.
func TestRateLimitBehindProxies(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, func(o *handlers.Options) {
		o.RateLimit, o.TrustedProxies = 1e-9, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	})
	const proxy, local = "10.0.0.1:1", "127.0.0.1:1"
	c.from(proxy, "/status/1", "X-Forwarded-For: 203.0.113.1").is(200, `{}`)
	c.from(proxy, "/status/1", "X-Forwarded-For: 203.0.113.2").is(200, `{}`)
	c.from(proxy, "/status/1", "X-Forwarded-For: 198.51.100.7, 203.0.113.1").is(429, `{}`)
	c.from(proxy, "/status/1", "X-Forwarded-For: 127.0.0.1, 203.0.113.1").is(429, `{}`)
	c.from("10.0.0.2:1", "/status/1", "X-Forwarded-For: 203.0.113.1").is(429, `{}`)
	c.from(local, "/status/1", "X-Forwarded-For: 203.0.113.1").is(429, `{}`)
	c.from(proxy, "/status/1", "X-Forwarded-For: 127.0.0.5").is(200, `{}`)
	c.from(proxy, "/status/1", "X-Forwarded-For: 127.0.0.5").is(429, `{}`) // the proxy's loopback, not ours
	c.from(local, "/status/1").is(200, `{}`)
	c.from(local, "/status/1").is(429, `{}`) // from a proxy, even if that does not say so
	c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
	for _, forged := range []string{"203.0.113.3", "127.0.0.1", "10.0.0.1"} {
		c.from("192.0.2.1:1", "/status/1", "X-Forwarded-For: "+forged).is(429, `{}`)
	}
}

// A key is one client wherever it comes from, and does not pay for others there; a key
// that is none counts as its address.
func TestRateLimitOfKeys(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t), limitedTo(1e-9))
	c.from("192.0.2.1:1", "/status/1", bearer(bookingKey)).is(200, `{}`)
	c.from("192.0.2.1:1", "/status/1", bearer(organizerKey)).is(200, `{}`)
	c.from("192.0.2.2:1", "/status/1", bearer(bookingKey)).is(429, `{}`)
	c.from("192.0.2.1:1", "/status/1", bearer(unknownKey)).is(401, `{}`)
	c.from("192.0.2.1:1", "/status/1", bearer(unknownKey+"2")).is(429, `{}`)
	c.from("192.0.2.1:1", "/status/1").is(429, `{}`)
	for range 5 {
		c.from("127.0.0.1:1", "/status/1", bearer(bookingKey)).is(200, `{}`)
	}
}

// The fields tell what is allowed, what is left, and when there is more.
func TestRateLimitFields(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]struct{ policy, limit string }{
		0.001: {`"default";q=1;w=1000`, `"default";r=0;t=1000`},
		0.4:   {`"default";q=1;w=3`, `"default";r=0;t=3`},
		2.5:   {`"default";q=2;w=1`, `"default";r=1;t=1`},
		1e6:   {"", ""}, // far from it: not told
	} {
		c := serve(t, &fake{}, limitedTo(perSecond))
		for _, exempt := range []*answer{c.from("127.0.0.1:1", "/status/1"), c.from("192.0.2.1:1", "/livez")} {
			exempt.is(200, `{}`).hasHeader("RateLimit", "").hasHeader("RateLimit-Policy", "")
		}
		c.from("192.0.2.1:1", "/status/1").is(200, `{}`).
			hasHeader("RateLimit-Policy", want.policy).hasHeader("RateLimit", want.limit).hasHeader("Retry-After", "")
	}
	c := serve(t, &fake{}, limitedTo(0.001))
	c.from("192.0.2.1:1", "/status/1").is(200, `{}`)
	a := c.from("192.0.2.1:1", "/status/1").is(429, `{}`).hasHeader("RateLimit-Policy", `"default";q=1;w=1000`)
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 1000 {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	a.hasHeader("RateLimit", fmt.Sprintf(`"default";r=0;t=%d`, wait))
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

// remembered is how many clients the limiter remembers.
const remembered = 10_000

// flood sends one request of each of so many new clients, and calls now after every 1,000.
func (c *client) flood(network, clients int, now func()) {
	c.t.Helper()
	for i := range clients {
		if status := c.statusFor(fmt.Sprintf("[2001:db8:%x:%x::1]:1", network, i)); status != 200 {
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
	return c.recorded(request).Code
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
	c.flood(1, remembered-2, stillLimited)
	if c.statusFor(gone) != 429 {
		t.Errorf("the limiter forgot a client after fewer than %d others", remembered)
	}
	c.flood(2, 2*remembered+2, stillLimited)
	if c.statusFor(gone) != 200 {
		t.Errorf("the limiter still knows a client after %d others", 2*remembered)
	}
}

// Not parallel, so that no other test's memory is counted.
func TestRateLimitMemoryIsBounded(t *testing.T) {
	c := limited(t, 0)
	nothing := func() {}
	c.flood(1, 2*remembered, nothing)
	before := heapInUse()
	c.flood(2, 2*remembered, nothing)
	c.flood(3, 2*remembered, nothing)
	const most = 2 << 20 // forty thousand limiters more would be four times that
	if grown := heapInUse() - before; grown > most {
		t.Errorf("the heap grew by %d bytes with %d more clients", grown, 4*remembered)
	}
	runtime.KeepAlive(c)
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
