package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// localRequest is a request that reaches an instance on loopback; what it leaves out is as a
// program on this machine sends it.
type localRequest struct {
	from    string // default: a port of loopback
	host    string // default: the instance's address; "-" is none
	headers []string
	local   bool
}

var localRequests = map[string]localRequest{
	"a program":                {local: true},
	"another port of loopback": {from: "127.9.9.9:1", local: true},
	"IPv6":                     {from: "[::1]:4711", host: "[::1]:3000", local: true},
	"mapped IPv4":              {from: "[::ffff:127.0.0.1]:4711", host: "[::ffff:127.0.0.1]", local: true},
	"localhost":                {host: "localhost", local: true},
	"localhost with a port":    {host: "LocalHost:3000", local: true},
	"another loopback address": {host: "127.8.8.8", local: true},
	"a person's browser":       {headers: []string{"Sec-Fetch-Site: none"}, local: true},
	"a page of the instance":   {headers: []string{"Origin: http://127.0.0.1:3000", "Sec-Fetch-Site: same-origin"}, local: true},
	"a developer's page": {
		host: "localhost:3000", headers: []string{"Origin: http://localhost:5173", "Sec-Fetch-Site: same-site"}, local: true,
	},
	"a page over TLS":       {headers: []string{"Origin: https://[::1]:8443"}, local: true},
	"a page that is listed": {headers: []string{"Origin: https://shop.example", "Sec-Fetch-Site: cross-site"}, local: true},
	"a page below a name":   {headers: []string{"Origin: https://west.shops.example"}, local: true},

	"another machine":             {from: "192.0.2.1:4711"},
	"a trusted proxy that hides":  {from: "127.0.0.2:4711"},
	"a Unix socket":               {from: "@"},
	"X-Forwarded-For":             {headers: []string{"X-Forwarded-For: 203.0.113.9"}},
	"X-Forwarded-For of loopback": {headers: []string{"X-Forwarded-For: 127.0.0.1"}},
	"an empty X-Forwarded-For":    {headers: []string{"X-Forwarded-For: "}},
	"X-Forwarded-Host":            {headers: []string{"X-Forwarded-Host: shop.example"}},
	"X-Forwarded-Proto":           {headers: []string{"X-Forwarded-Proto: https"}},
	"X-Forwarded-Prefix":          {headers: []string{"X-Forwarded-Prefix: /box"}},
	"Forwarded":                   {headers: []string{"Forwarded: for=203.0.113.9"}},
	"X-Real-IP":                   {headers: []string{"X-Real-IP: 203.0.113.9"}},
	"Via":                         {headers: []string{"Via: 1.1 proxy"}},
	"a rebound name":              {host: "evil.example"},
	"a rebound name with a port":  {host: "evil.example:3000"},
	"a name below localhost":      {host: "evil.localhost"},
	"a name like localhost":       {host: "localhost.evil.example"},
	"a name like an address":      {host: "127.0.0.1.evil.example"},
	"all addresses":               {host: "0.0.0.0:3000"},
	"a short address":             {host: "127.1"},
	"no Host":                     {host: "-"},
	"a page of another site":      {headers: []string{"Origin: https://evil.example"}},
	"a page of no site":           {headers: []string{"Origin: null"}},
	"a page like localhost":       {headers: []string{"Origin: http://localhost.evil.example"}},
	"a page of an extension":      {headers: []string{"Origin: chrome-extension://localhost"}},
	"two origins":                 {headers: []string{"Origin: http://localhost", "Origin: https://evil.example"}},
	"a listed page without TLS":   {headers: []string{"Origin: http://shop.example"}},
	"the name above those listed": {headers: []string{"Origin: https://.shops.example"}},
	"an image on another site":    {headers: []string{"Sec-Fetch-Site: cross-site"}},
	"an unknown site":             {headers: []string{"Sec-Fetch-Site: elsewhere"}},
	"a page across loopback":      {headers: []string{"Origin: http://localhost:5173", "Sec-Fetch-Site: cross-site"}},
}

func (c *client) reach(l localRequest, method, path, body string) *answer {
	c.t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.RemoteAddr, request.Host = "127.0.0.1:4711", "127.0.0.1:3000"
	if l.from != "" {
		request.RemoteAddr = l.from
	}
	if l.host != "" {
		request.Host = strings.TrimPrefix(l.host, "-")
	}
	for _, header := range l.headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Add(name, value)
	}
	return c.do(request, body)
}

// behind believes a proxy on loopback, and lets pages of a shop call.
func behind(o *handlers.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	o.CORSOrigins = []string{"https://shop.example", "https://*.shops.example"}
}

// Without keys, every route but the health checks and the documents serves programs on this
// machine, and nobody else.
func TestOpenOnLoopback(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := serve(t, f, behind, func(o *handlers.Options) { o.OpenToAll = false })
	for name, l := range localRequests {
		t.Run(name, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			for _, call := range storeCalls {
				before := f.calls.Load()
				a := c.reach(l, call.method, call.path, call.body)
				switch served := f.calls.Load() > before; {
				case l.local && (a.status >= 300 || !served):
					t.Errorf("%s was answered %d %s", a.request, a.status, a.body)
				case !l.local && (a.status != 401 || served):
					t.Errorf("%s was answered %d %s", a.request, a.status, a.body)
				case !l.local:
					a.hasHeader("WWW-Authenticate", "Bearer")
				}
			}
			for _, path := range []string{"/livez", "/readyz", "/openapi.yaml", "/docs"} {
				if a := c.reach(l, "GET", path, ""); a.status != 200 {
					t.Errorf("%s was answered %d %s", a.request, a.status, a.body)
				}
			}
		})
	}
	c.reach(localRequests["Via"], "GET", "/api/events", "").is(401, `{"code":"unauthorized"}`).
		names("detail", "An instance without keys serves only programs on its own machine")
}

// The rate is limited for all but programs on this machine, who need a key or not.
func TestLocalIsNotLimited(t *testing.T) {
	t.Parallel()
	for _, keyed := range []bool{false, true} {
		for name, l := range localRequests {
			t.Run(fmt.Sprintf("%s, keys %t", name, keyed), func(t *testing.T) {
				t.Parallel()
				c := serve(t, &fake{}, behind, limitedTo(1e-9), func(o *handlers.Options) {
					if keyed {
						withKeys(t)(o)
					}
				})
				c.reach(l, "GET", "/status/1", "")
				if second := c.reach(l, "GET", "/status/1", ""); (second.status != 429) != l.local {
					t.Errorf("the second request was answered %d", second.status)
				}
				c.reach(l, "GET", "/livez", "").is(200, `{}`)
			})
		}
	}
}

// A * in CORS_ORIGINS is for pages that have a key: it names nobody.
func TestAnyOriginNeedsKey(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, func(o *handlers.Options) { o.OpenToAll, o.CORSOrigins = false, []string{"*"} })
	c.reach(localRequest{headers: []string{"Origin: https://evil.example"}}, "GET", "/status/1", "").is(401, `{}`)
	c.reach(localRequest{headers: []string{"Origin: http://localhost:5173"}}, "GET", "/status/1", "").is(200, `{}`)
}

// Keys that are configured are required of programs on this machine too.
func TestLocalNeedsConfiguredKey(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t))
	c.reach(localRequest{}, "GET", "/status/1", "").is(401, `{}`)
	c.reach(localRequest{headers: []string{bearer(bookingKey)}}, "GET", "/status/1", "").is(200, `{}`)
}
