package handlers_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// A proxy whose clients count as one is named in the log once; nobody else is.
func TestHiddenClientsAreLogged(t *testing.T) {
	t.Parallel()
	const (
		untrusted = "it passes requests on, and is not in TRUSTED_PROXIES"
		silent    = "it is in TRUSTED_PROXIES, but sends no address in X-Forwarded-For"
	)
	for name, test := range map[string]struct {
		from, header string
		want         string // empty: nothing is logged
	}{
		"a proxy":                     {"192.0.2.7:1", "X-Forwarded-For: 203.0.113.9", "192.0.2.7 as one: " + untrusted},
		"one of IPv6":                 {"[2001:db8::7]:1", "X-Forwarded-For: 203.0.113.9", "2001:db8::7 as one: " + untrusted},
		"one on loopback":             {"127.0.0.1:1", "X-Real-IP: 203.0.113.9", "127.0.0.1 as one: " + untrusted},
		"one that sends Forwarded":    {"192.0.2.7:1", "Forwarded: for=203.0.113.9", "192.0.2.7 as one: " + untrusted},
		"one that sends Via":          {"192.0.2.7:1", "Via: 1.1 a", "192.0.2.7 as one: " + untrusted},
		"trusted, with another field": {"10.0.0.1:1", "Forwarded: for=203.0.113.9", "10.0.0.1 as one: " + silent},
		"trusted, with no address":    {"10.0.0.1:1", "X-Forwarded-For: unknown", "10.0.0.1 as one: " + silent},
		"trusted":                     {"10.0.0.1:1", "X-Forwarded-For: 203.0.113.9", ""},
		"no proxy":                    {"192.0.2.7:1", "Accept: */*", ""},
	} {
		var j journal
		c := serve(t, &fake{}, j.into, limitedTo(5), func(o *handlers.Options) {
			o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		})
		for range 12 {
			c.from(test.from, "/status/1", test.header)
		}
		text := j.text.String()
		if lines := strings.Count(text, "RATE_LIMIT"); !strings.Contains(text, test.want) || lines != min(1, len(test.want)) {
			t.Errorf("%s: want %q once in the log:\n%s", name, test.want, text)
		}
	}
}

// The log, and the memory, hold some of them only, whoever sends such headers.
func TestHiddenClientsAreBounded(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{}, j.into, limitedTo(1e9))
	for i := range 300 {
		c.from(fmt.Sprintf("192.0.%d.%d:1", i/200, i%200), "/status/1", "X-Forwarded-For: 203.0.113.9").is(200, `{}`)
	}
	if lines := strings.Count(j.text.String(), "RATE_LIMIT"); lines < 8 || lines > 100 {
		t.Errorf("%d of 300 addresses are in the log", lines)
	}
}

// A client with a key is counted by it, wherever it comes from.
func TestHiddenClientsWithKeysAreCounted(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{}, j.into, withKeys(t), limitedTo(5))
	c.from("192.0.2.7:1", "/status/1", "X-Forwarded-For: 203.0.113.9", bearer(bookingKey)).is(200, `{}`)
	if strings.Contains(j.text.String(), "RATE_LIMIT") {
		t.Error(j.text.String())
	}
}
