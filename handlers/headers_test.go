package handlers_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// secured are the headers of every answer: browsers and caches are to leave it alone.
var secured = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
}

func TestSecureHeaders(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := serve(t, f, withKeys(t), limitedTo(5), accessLogged)
	answers := []*answer{
		c.get("/livez").is(200, `{}`), c.get("/status/1").is(401, `{}`), c.get("/nothing").is(404, `{}`),
		c.send("PUT", "/book", "").is(405, `{}`),
		c.send("GET", "/status/1", "", bearer(bookingKey)).is(200, `{}`),
		c.send("GET", "/api/events/"+someID+"/bookings", "", bearer(bookingKey)).is(403, `{}`),
		c.post("/book", `{`, bearer(bookingKey)).is(400, `{}`),
	}
	for range 10_000 {
		if a := c.get("/status/1"); a.status == 429 {
			answers = append(answers, a)
			break
		}
	}
	if last := answers[len(answers)-1]; last.status != 429 {
		t.Errorf("no answer was 429")
	}
	f.fails = hang
	c.api.Options.RequestTimeout = 1
	answers = append(answers, c.send("GET", "/status/1", "", bearer(bookingKey)).is(503, `{}`))
	f.fails = func(context.Context) error { panic(secret) }
	answers = append(answers, c.send("GET", "/status/1", "", bearer(bookingKey)).is(500, `{}`))
	for _, a := range answers {
		for name, want := range secured {
			a.hasHeader(name, want)
		}
	}
	// The values are shared: none of the answers may have changed them.
	a := c.get("/livez")
	a.header.Add("Cache-Control", "private")
	c.get("/livez").hasHeader("Cache-Control", "no-store")
}

const shop = "https://shop.example"

func cross(t testing.TB, origins ...string) *client {
	return serve(t, &fake{replayed: true}, withKeys(t), func(o *handlers.Options) {
		o.CORSOrigins, o.RateLimit = origins, 1e-9
	})
}

// preflight is what a browser asks before it books.
func (c *client) preflight(origin, method, headers string) (status int, allowed string) {
	c.t.Helper()
	request := httptest.NewRequest("OPTIONS", "/api/events/book", nil)
	request.RemoteAddr = "192.0.2.1:1"
	request.Header.Set("Origin", origin)
	request.Header.Set("Access-Control-Request-Method", method)
	request.Header.Set("Access-Control-Request-Headers", headers)
	recorder := c.recorded(request)
	return recorder.Code, recorder.Header().Get("Access-Control-Allow-Origin")
}

// A preflight carries no key, and does not count as a request of the client.
func TestCORSPreflight(t *testing.T) {
	t.Parallel()
	c := cross(t, shop, "https://*.tickets.example")
	for _, test := range []struct{ origin, method, headers, allowed string }{
		{shop, "POST", "authorization,content-type,idempotency-key", shop},
		{shop, "PATCH", "authorization,content-type", shop},
		{shop, "GET", "traceparent,x-request-id", shop},
		{"https://a.tickets.example", "POST", "", "https://a.tickets.example"},
		{"https://evil.example", "POST", "", ""},
		{"https://shop.example.evil.example", "POST", "", ""},
		{"https://eviltickets.example", "POST", "", ""},
		{"http://shop.example", "POST", "", ""},
		{"null", "POST", "", ""},
		{shop, "DELETE", "", ""},
		{shop, "POST", "x-forwarded-for", ""},
	} {
		if status, allowed := c.preflight(test.origin, test.method, test.headers); status != 204 || allowed != test.allowed {
			t.Errorf("%v: %d, allowed is %q", test, status, allowed)
		}
	}
}

// A page reads what it needs of answers, those that refuse too.
func TestCORSAnswers(t *testing.T) {
	t.Parallel()
	c := cross(t, shop)
	book := `{"eventId":1,"userId":7}`
	for status, headers := range map[int][]string{
		200: {bearer(bookingKey), "Idempotency-Key: k"}, 401: nil, 403: {bearer(organizerKey)},
	} {
		a := c.post("/api/events/book", strings.Replace(book, "1", `"`+someID+`"`, 1), append(headers, "Origin: "+shop)...)
		a.is(status, `{}`).hasHeader("Access-Control-Allow-Origin", shop).hasHeader("Access-Control-Allow-Credentials", "")
		exposed := strings.Split(a.header.Get("Access-Control-Expose-Headers"), ", ")
		for _, name := range []string{"Idempotent-Replayed", "Retry-After", "Ratelimit", "X-Request-Id"} {
			if !slices.Contains(exposed, name) {
				t.Errorf("%s is not exposed: %q", name, exposed)
			}
		}
		c.post("/api/events/book", book, append(headers, "Origin: https://evil.example")...).
			hasHeader("Access-Control-Allow-Origin", "")
	}
}

// Without CORS, OPTIONS is a method like any other that a path does not have.
func TestCORSOff(t *testing.T) {
	t.Parallel()
	c := cross(t)
	if status, allowed := c.preflight(shop, "POST", ""); status == 204 || allowed != "" {
		t.Errorf("%d, %q", status, allowed)
	}
	c.send("GET", "/livez", "", "Origin: "+shop).hasHeader("Access-Control-Allow-Origin", "").hasHeader("Vary", "")
}
