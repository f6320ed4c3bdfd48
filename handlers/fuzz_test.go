package handlers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"boxoffice/handlers"
	"boxoffice/store"
)

// Nothing a client sends gives a 5xx or a panic, or leaves a key in Redis that is not an
// event's own. The seeds run with every `go test`.

// startFuzz serves an empty store on a miniredis of its own, and returns a check of its
// keys, for after each input. It throws away the events that inputs created, all but the
// first, so that it stays quick.
func startFuzz(f *testing.F, changes ...func(*handlers.Options)) (c *client, checkKeys func(*testing.T)) {
	f.Helper()
	redis := miniredis.RunT(f)
	redis.Server().SetPreHook(func(peer *server.Peer, command string, _ ...string) bool {
		if command != "INFO" {
			return false
		}
		peer.WriteBulk("cluster_enabled:0") // miniredis knows no such section
		return true
	})
	own := regexp.MustCompile(`^(event|log|waitlist|withdrawn|deadlines):\{([1-9][0-9]*)\}$`)
	return serve(f, open(f, store.Config{Addrs: []string{redis.Addr()}}), changes...), func(t *testing.T) {
		t.Helper()
		var created []string
		for _, key := range redis.Keys() {
			number := own.FindStringSubmatch(key)
			switch {
			case strings.HasPrefix(key, "due:{"): // where events that may have work are noted
			case key == "events" || number != nil && number[2] == "1":
			case number != nil && redis.HGet("event:{"+number[2]+"}", "counters") != "":
				created = append(created, key)
			default:
				t.Errorf("%q is no event's key", key)
			}
		}
		for _, key := range created {
			redis.Del(key)
		}
		if len(created) > 0 { // else a list of events would look for all of them
			redis.Del("events")
			redis.HSet("events", "last", "1")
		}
	}
}

// survives checks that one request has an answer that is not the server's fault.
func (c *client) survives(request *http.Request, body string) {
	c.t.Helper()
	recorder := c.recorded(request)
	what := fmt.Sprintf("%s %q %q", request.Method, request.URL, body)
	switch {
	case recorder.Code >= 500:
		c.t.Errorf("%s answered %d %s", what, recorder.Code, recorder.Body)
	case recorder.Code == http.StatusMovedPermanently: // of a path with // or .. in it
	case !utf8.Valid(recorder.Body.Bytes()):
		c.t.Errorf("%s answered invalid UTF-8: %q", what, recorder.Body)
	case recorder.Code == http.StatusNoContent: // to a preflight
	case documents[request.URL.Path] == "":
		parse(c.t, recorder.Body.String())
	}
	for name, values := range recorder.Header() {
		for _, value := range values {
			if name == "Tracestate" { // whose list may have tabs between its members
				value = strings.ReplaceAll(value, "\t", "")
			}
			if strings.ContainsFunc(value, func(char rune) bool { return char < ' ' || char > '~' }) {
				c.t.Errorf("%s answered with the header %s: %q", what, name, value)
			}
		}
	}
}

func fuzzBodies(f *testing.F, method string, paths func(event) []string, seeds ...string) {
	c, checkKeys := startFuzz(f)
	e := c.event(3, `"maxPerUser":5`, `"waitingListLimit":4`)
	known := strings.NewReplacer("EVENT", e.uuid, "BOOKING", c.confirmed(e, "7"), "NUMBER", strconv.FormatInt(e.number, 10))
	general := []string{
		"", " ", "{", "{}", "[]", "null", `"x"`, "1e999", "{}{}", "\xff", "\ufeff{}", strings.Repeat("[", 9000),
		strings.Repeat(`{"userId":`, 1500), `{"userId":` + strings.Repeat("9", 4000) + `}`,
		`{"userId":"\ud800","eventId":"` + strings.Repeat("a", 36) + `"}`, `{"userId":-0}`, `{"USERID":7,"userid":8}`,
	}
	for _, seed := range append(seeds, general...) {
		f.Add(known.Replace(seed), "")
		f.Add(known.Replace(seed), "a key")
	}
	f.Fuzz(func(t *testing.T, body, key string) {
		c := &client{t: t, api: c.api}
		for _, path := range paths(e) {
			request := httptest.NewRequest(method, path, strings.NewReader(body))
			if key != "" {
				request.Header["Idempotency-Key"] = []string{key}
			}
			c.survives(request, body)
		}
		checkKeys(t)
	})
}

func FuzzEventAPIBodies(f *testing.F) {
	fuzzBodies(f, "POST",
		func(event) []string {
			return []string{"/api/events/initialize", "/api/events/book", "/api/events/hold", "/api/events/cancel"}
		},
		`{"eventName":"Concert","totalTickets":1,"maxPerUser":2,"waitingListLimit":3}`,
		`{"eventName":"\u0000|\n","totalTickets":1000000000}`,
		`{"eventId":"EVENT","userId":7,"quantity":2}`, `{"eventId":"EVENT","userId":"a|b"}`,
		`{"eventId":"EVENT","userId":7,"userId":8}`, `{"eventId":"EVENT","userId":7,"bookingId":"BOOKING"}`,
		`{"eventId":"EVENT","userId":7,"qty":2,"x":{},"X":[]}`, `{"bookingId":"BOOKING","userId":7,"quantity":1}`,
		`{"eventId":"EVENT","userId":"a\u200db"}`, `{"eventId":"EVENT","userId":"\u202ea"}`, `{"eventId":"EVENT","userId":"\u0301"}`,
		`{"eventName":"x\ufe0f","totalTickets":1,"state":"paused"}`,
		`{"eventId":"BOOKING","userId":7}`, `{"eventId":"ffffffff-ffff-8fff-bfff-ffffffffffff","userId":7}`,
		`{"bookingId":"BOOKING","userId":7}`, `{"bookingId":"EVENT","userId":7}`,
	)
}

func FuzzShortAPIBodies(f *testing.F) {
	fuzzBodies(f, "POST",
		func(event) []string { return []string{"/initialize", "/book", "/cancel"} },
		`{"name":"Concert","totalTickets":1}`, `{"eventId":NUMBER,"userId":7}`, `{"eventId":NUMBER,"userId":"x","quantity":3}`,
		`{"eventId":18446744073709551616,"userId":7}`, `{"eventId":281474976710655,"userId":7}`, `{"eventId":-1,"userId":7}`,
	)
}

func FuzzPatchBodies(f *testing.F) {
	fuzzBodies(f, "PATCH",
		func(e event) []string { return []string{e.path()} },
		`{"totalTickets":5,"eventName":"Opera","maxPerUser":0,"waitingListLimit":0,"state":"paused"}`,
		`{"state":"open"}`, `{"state":null}`, `{"totalTickets":1}`, `{"totalTickets":-5}`, `{"state":"closed"}`,
	)
}

func FuzzPaths(f *testing.F) {
	c, checkKeys := startFuzz(f)
	e := c.event(3)
	booking := c.confirmed(e, "7")
	c.confirmed(e, "7")
	cursor := c.get(e.path() + "/bookings?limit=1").text("nextCursor")
	for _, id := range []string{
		"1", "0", "-1", "01", "18446744073709551616", "281474976710655", "1e3", "٣", " ", "%", "%00", "\x00", "\xff", ".", "..", "/",
		"//", "../book", "a b", "a?b#c", "*", ";", "{1}", "null", strings.Repeat("9", 5000),
		e.uuid, strings.ToUpper(e.uuid), booking, "{" + e.uuid + "}", "urn:uuid:" + e.uuid, strings.ReplaceAll(e.uuid, "-", ""),
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-8fff-bfff-ffffffffffff", cursor, cursor + "=", cursor[:13],
	} {
		f.Add(id, "5", cursor)
		f.Add(e.uuid, "5", id)
		f.Add(e.uuid, id, "")
	}
	f.Fuzz(func(t *testing.T, id, limit, cursor string) {
		c := &client{t: t, api: c.api}
		query := url.Values{"limit": {limit}, "cursor": {cursor}}.Encode()
		for _, path := range []string{
			"/status/" + id, "/api/events/status/" + id, "/api/events/" + id, "/api/bookings/" + id,
			"/api/events/" + id + "/bookings", "/api/events", "/" + id,
		} {
			for _, method := range []string{"GET", "POST"} {
				request := httptest.NewRequest(method, "/", nil)
				request.URL = &url.URL{Path: path, RawQuery: query}
				c.survives(request, "")
			}
		}
		for _, path := range []string{e.path(), "/api/events/" + id} {
			request := httptest.NewRequest("PATCH", "/", strings.NewReader("{}"))
			request.URL = &url.URL{Path: path}
			c.survives(request, "{}")
		}
		checkKeys(t)
	})
}

// Headers are sent as they are, which no client library would.
func FuzzHeaders(f *testing.F) {
	c, checkKeys := startFuzz(f)
	e := c.event(3)
	booking := c.confirmed(e, "7")
	for _, value := range []string{
		"", " ", "a key", "a\x00b", "\r\nX: y", "\xff", "\u00e9", "\ud7ff", `"quoted"`, "{1}", "|", "!", "@7", ",", ";",
		strings.Repeat("k", 255), strings.Repeat("k", 256), strings.Repeat("k", 70_000), booking, "urn:uuid:" + e.uuid,
		"application/json", "application/json; charset=utf-8", "application/json; charset=", "application/vnd.api+json",
		"+json", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-0-0-0", "text/plain",
		"application/json, text/plain", "multipart/form-data; boundary=x", "APPLICATION/JSON",
	} {
		f.Add(value, "", "", "")
		f.Add("a key", value, "", "")
		f.Add("", "application/json", value, value)
	}
	f.Fuzz(func(t *testing.T, key, contentType, requestID, trace string) {
		c := &client{t: t, api: c.api}
		for _, call := range []struct{ method, path, body string }{
			{"POST", "/api/events/initialize", `{"eventName":"Concert","totalTickets":3}`},
			{"POST", "/initialize", `{"name":"Concert","totalTickets":3}`},
			{"POST", "/api/events/book", e.bookBody("/api/events/book", `"7"`)},
			{"POST", "/book", e.bookBody("/book", `"7"`)},
			{"POST", "/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":"7"}`, booking)},
			{"POST", "/cancel", e.bookBody("/cancel", `"7"`)},
			{"PATCH", e.path(), `{"totalTickets":3}`},
			{"GET", e.path() + "/bookings?limit=1", ""},
			{"GET", fmt.Sprintf("/status/%d", e.number), ""},
		} {
			request := httptest.NewRequest(call.method, call.path, strings.NewReader(call.body))
			for name, value := range map[string]string{
				"Idempotency-Key": key, "Content-Type": contentType, "X-Request-Id": requestID, "Traceparent": trace,
			} {
				if value != "" {
					request.Header[name] = []string{value}
				}
			}
			c.survives(request, call.body)
		}
		checkKeys(t)
	})
}

// The headers that say who asks, and from where, to a service that goes by all of them.
func FuzzAccessHeaders(f *testing.F) {
	c, checkKeys := startFuzz(f, withKeys(f), func(o *handlers.Options) {
		o.RateLimit, o.CORSOrigins = 1e9, []string{shop}
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's
		o.AccessLog = true
		o.Log.SetOutput(io.Discard)
	})
	for _, value := range []string{
		"localhost", "[::1]:3000", "127.0.0.1:", "[", "[::1%", "http://[", "http://localhost:5173", "cross-site", "1.1 a",
		"", " ", "Bearer", "Bearer ", "Bearer " + bookingKey, "bearer  " + organizerKey + "=", "Basic YTpi",
		"Bearer " + strings.Repeat("k", 70_000),
		"Bearer \xff", "10.0.0.1", "10.0.0.1, 192.0.2.9", "::1", "[::1]:80", "fe80::1%eth0", "999.1.1.1", ",,,", "unknown", "for=10.0.0.1",
		strings.Repeat("1.1.1.1,", 5000), shop, "null", "https://", "*", "POST", "authorization,x-y", "a=b", "a=\x00", "\u00e9",
	} {
		f.Add(value, "", "", "", "")
		f.Add("Bearer "+bookingKey, value, "", "", "")
		f.Add("Bearer "+organizerKey, "198.51.100.7", value, value, value)
	}
	f.Fuzz(func(t *testing.T, authorization, forwardedFor, origin, asked, state string) {
		c := &client{t: t, api: c.api}
		for _, call := range storeCalls {
			for _, method := range []string{call.method, "OPTIONS"} {
				request := httptest.NewRequest(method, call.path, strings.NewReader(call.body))
				for name, value := range map[string]string{
					"Authorization": authorization, "X-Forwarded-For": forwardedFor, "Origin": origin, "Tracestate": state,
					"Access-Control-Request-Method": asked, "Access-Control-Request-Headers": asked,
				} {
					if value != "" {
						request.Header[name] = []string{value}
					}
				}
				if state != "" {
					request.Header["Traceparent"] = []string{someTP}
				}
				c.survives(request, call.body)
			}
		}
		checkKeys(t)
	})
}

// The headers that say whether a program on this machine asks. Whoever is served without a key
// sent no sign of a proxy or of another site.
func FuzzLocalHeaders(f *testing.F) {
	c, checkKeys := startFuzz(f, func(o *handlers.Options) { o.OpenToAll, o.RateLimit, o.CORSOrigins = false, 1e9, []string{shop} })
	for _, l := range localRequests {
		header := func(name string) string {
			for _, one := range l.headers {
				if value, found := strings.CutPrefix(one, name+": "); found {
					return value
				}
			}
			return ""
		}
		f.Add(l.from, l.host, header("Origin"), header("Sec-Fetch-Site"), "Via", header("Via"))
		f.Add("127.0.0.1:1", l.host, header("Origin"), header("Sec-Fetch-Site"), "", "")
	}
	f.Fuzz(func(t *testing.T, from, host, origin, site, name, value string) {
		c := &client{t: t, api: c.api}
		request := httptest.NewRequest("GET", "/status/1", nil)
		request.RemoteAddr, request.Host = from, host
		for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site, http.CanonicalHeaderKey(name): value} {
			if value != "" {
				request.Header[name] = []string{value}
			}
		}
		c.survives(request, "")
		foreign := !strings.Contains(strings.ToLower(host), "localhost") && !strings.Contains(host, "127.") && !strings.Contains(host, ":") ||
			site == "cross-site" && origin != shop || origin == "null" || request.Header["Via"] != nil || request.Header["Forwarded"] != nil
		if status := c.recorded(request).Code; foreign && status != http.StatusUnauthorized {
			t.Errorf("from %q at %q with %v: %d", from, host, request.Header, status)
		}
		checkKeys(t)
	})
}

var misleading = regexp.MustCompile(`^\s|\s$|^[\p{M}\p{Z}]*$|` +
	`[\p{Cc}\p{Zl}\p{Zp}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200b}\x{200e}\x{200f}\x{feff}\x{ad}]`)

// A text is refused, or it is a user who books under exactly this name, and nothing in it hides or
// turns around what stands next to it.
func FuzzTexts(f *testing.F) {
	c, checkKeys := startFuzz(f)
	e := c.event(1_000_000_000)
	for _, text := range []string{
		"ann", "a b", " a", "a\u200db", "\u202ea", "\u0301", "e\u0301", "\u2800", "\u3164", "\ufe0f", "❤\ufe0f", "\U000e0041", "\x00", "\xff",
		"\ufdd0", "\u2028", "👩\u200d👧", "نمی\u200cخواهم", strings.Repeat("é", 128), strings.Repeat("a", 129),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &client{t: t, api: c.api}
		body := fmt.Sprintf(`{"eventId":%q,"userId":%s}`, e.uuid, jsonText(text))
		booked := c.recorded(httptest.NewRequest("POST", "/api/events/book", strings.NewReader(body)))
		switch booked.Code {
		case http.StatusBadRequest:
			if regexp.MustCompile(`^[!-~]{1,128}$`).MatchString(text) {
				t.Errorf("%q was refused: %s", text, booked.Body)
			}
		case http.StatusOK:
			var answer struct {
				BookingID string `json:"bookingId"`
			}
			if err := json.Unmarshal(booked.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			id := answer.BookingID
			if shown := c.get("/api/bookings/" + id).text("userId"); shown != text {
				t.Errorf("%q booked as %q", text, shown)
			}
			if misleading.MatchString(text) {
				t.Errorf("%q was taken for a user", text)
			}
		default:
			t.Errorf("%q was answered %d %s", text, booked.Code, booked.Body)
		}
		checkKeys(t)
	})
}
