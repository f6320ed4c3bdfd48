package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// writes are all requests that have a body; the booking and the event exist.
type write struct{ name, method, path, body string }

func (c *client) writes() []write {
	c.t.Helper()
	e := c.event(1_000_000)
	booking := c.confirmed(e, "7")
	return []write{
		{"event API initialize", "POST", "/api/events/initialize", `{"eventName":"x","totalTickets":1}`},
		{"event API book", "POST", "/api/events/book", e.bookBody("", "7")},
		{"hold", "POST", "/api/events/hold", fmt.Sprintf(`{"eventId":%q,"userId":7}`, e.uuid)},
		{"confirm", "POST", "/api/bookings/" + booking + "/confirm", `{"userId":7}`},
		{"extend", "POST", "/api/bookings/" + c.held(e, "7") + "/extend", `{"userId":7}`},
		{"reduce", "PATCH", "/api/bookings/" + c.confirmed(e, "7"), `{"userId":7,"quantity":1}`},
		{"event API cancel", "POST", "/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":7}`, booking)},
		{"event API change", "PATCH", e.path(), `{"maxPerUser":0}`},
		{"short API initialize", "POST", "/initialize", `{"name":"x","totalTickets":1}`},
		{"short API book", "POST", "/book", e.bookBody("/book", "7")},
		{"short API cancel", "POST", "/cancel", e.bookBody("/cancel", "7")},
	}
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, w := range c.writes() {
		for _, test := range []struct{ name, body, says string }{
			{"nothing", "", "empty"},
			{"only white space", " \r\n\t ", "empty"},
			{"cut short", w.body[:len(w.body)-1], "not valid JSON"},
			{"trailing text", w.body + "x", "not valid JSON"},
			{"trailing value", w.body + " {}", "not valid JSON"},
			{"trailing brace", w.body + "}", "not valid JSON"},
			{"trailing NUL", w.body + "\x00", "not valid JSON"},
			{"two byte order marks", "\ufeff\ufeff" + w.body, "not valid JSON"},
			{"byte order mark at the end", w.body + "\ufeff", "not valid JSON"},
			{"space that is none to JSON", "\u00a0" + w.body, "not valid JSON"},
			{"comment", "/**/" + w.body, "not valid JSON"},
			{"single quotes", strings.ReplaceAll(w.body, `"`, `'`), "not valid JSON"},
			{"a form", "userId=7&eventId=1", "not valid JSON"},
			{"NaN", `{"userId":NaN}`, "not valid JSON"},
			{"leading zero", `{"userId":007}`, "not valid JSON"},
			{"deep nesting", strings.Repeat("[", 16000), "not valid JSON"},
			{"null", "null", "must be a JSON object"},
			{"array", "[" + w.body + "]", "must be a JSON object"},
			{"text", `"x"`, "must be a JSON object"},
			{"number", "7", "must be a JSON object"},
			{"true", "true", "must be a JSON object"},
			{"invalid UTF-8", strings.Replace(w.body, "{", "{\"x\":\"\xff\",", 1), "not valid UTF-8"},
			{"UTF-16", "{\x00\"\x00}\x00", "not valid JSON"},
		} {
			t.Run(w.name+"/"+test.name, func(t *testing.T) {
				c := &client{t: t, api: c.api}
				c.send(w.method, w.path, test.body).is(400, `{"code":"invalid_input"}`).
					names(explainedIn(w.path), "The body").names(explainedIn(w.path), test.says)
			})
		}
	}
}

// A member that no request has is ignored, where that leaves nothing undone that was asked for.
func TestUnknownMembersAreIgnored(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, w := range c.writes() {
		body := strings.Replace(w.body, "{", `{"unknown":{"a":[1,{}]},"":null,"status":"Cancelled","version":"x",`, 1)
		a := c.send(w.method, w.path, " \n"+body+"\n ")
		if w.method == "PATCH" {
			a.is(400, `{}`).names("details", "unknown is no member").names("details", "status is no member")
		} else if a.status >= 300 {
			t.Errorf("%s answered %d %s", a.request, a.status, a.body)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, w := range c.writes() {
		if a := c.send(w.method, w.path, "\ufeff"+w.body); a.status >= 300 {
			t.Errorf("%s answered %d %s", a.request, a.status, a.body)
		}
	}
}

func TestBodySize(t *testing.T) {
	t.Parallel()
	c := start(t)
	const most = 16 << 10
	for _, w := range c.writes() {
		for _, padding := range []string{"white space", "unknown field"} {
			if w.method == "PATCH" && padding == "unknown field" {
				continue // which it does not take
			}
			padded := func(size int) string {
				if padding == "white space" {
					return w.body + strings.Repeat(" ", size-len(w.body))
				}
				const empty = `"pad":"",`
				return strings.Replace(w.body, "{", `{"pad":"`+strings.Repeat("x", size-len(w.body)-len(empty))+`",`, 1)
			}
			if a := c.send(w.method, w.path, padded(most)); a.status >= 300 {
				t.Errorf("%s with %d bytes, the last ones %s, answered %d %s", w.name, most, padding, a.status, a.body)
			}
			for _, size := range []int{most + 1, 10 * most} {
				c.send(w.method, w.path, padded(size)).is(413, `{"code":"body_too_large"}`).names(explainedIn(w.path), "16384 bytes")
			}
		}
	}
}

// Over a real connection, with a length that is not told.
func TestBodyOfUnknownSize(t *testing.T) {
	t.Parallel()
	c := start(t)
	server := httptest.NewServer(c.api)
	defer server.Close()
	response, err := http.Post(server.URL+"/book", "application/json", io.LimitReader(spaces{}, 64<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("answered %d, want 413", response.StatusCode)
	}
}

// spaces never end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	c := start(t)
	request := httptest.NewRequest("POST", "/book", brokenBody{})
	c.do(request, "broken").is(400, `{"message":"The body could not be read"}`)
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, http.ErrBodyReadAfterClose }

func TestContentType(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, w := range c.writes() {
		for _, good := range []string{
			"application/json", "application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8",
			"application/merge-patch+json", "",
		} {
			if a := c.send(w.method, w.path, w.body, "Content-Type: "+good); a.status >= 300 {
				t.Errorf("%s as %q answered %d %s", w.name, good, a.status, a.body)
			}
		}
		for _, bad := range []string{
			"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
			"application/jsonx", "text/json", "json", "*/*", "; ;", "application/json; charset",
		} {
			c.send(w.method, w.path, w.body, "Content-Type: "+bad).is(415, `{"code":"unsupported_media_type"}`).
				names(explainedIn(w.path), "The body must be JSON in UTF-8 and not compressed: Content-Type application/json, no Content-Encoding")
		}
	}
}

func TestBadFields(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(5)
	for name, fields := range map[string]struct {
		paths, values []string
		body          string // with %s in place of the field
	}{
		"eventId": {
			paths: []string{"/api/events/book"}, body: `{%s"userId":7}`,
			values: []string{
				"5", "true", "[]", "{}", "null", `""`, `"5"`, `"x"`, `"{` + e.uuid + `}"`, `"urn:uuid:` + e.uuid + `"`,
				`"` + strings.ReplaceAll(e.uuid, "-", "") + `"`, `"` + e.uuid + ` "`, `"` + e.uuid[:35] + `"`, `"` + e.uuid[:35] + `g"`,
			},
		},
		"bookingId": {
			paths: []string{"/api/events/cancel"}, body: `{%s"userId":7}`,
			values: []string{"5", "true", "[]", "{}", "null", `""`, `"x"`, `"{` + e.uuid + `}"`, `"` + e.uuid + `0"`},
		},
		"quantity": {
			paths: []string{"/api/events/book", "/book"}, body: `{%s"userId":7}`,
			values: []string{"0", "-1", "1.5", "1e0", `"1"`, "true", "[]", "{}", "1000000001", "99999999999999999999"},
		},
	} {
		for _, path := range fields.paths {
			for _, value := range append(fields.values, "missing") {
				if name == "quantity" && value == "missing" {
					continue // it may be missing
				}
				field := fmt.Sprintf("%q:%s,", name, value)
				if value == "missing" {
					field = ""
				}
				member := "message"
				if strings.HasPrefix(path, "/api/") {
					member = "details"
				}
				c.post(path, fmt.Sprintf(fields.body, field)).is(400, `{"code":"invalid_input"}`).names(member, name)
			}
		}
	}
	for _, bad := range []string{"x", "1", "{" + e.uuid + "}", e.uuid + "0", "urn:uuid:" + e.uuid} {
		for _, path := range []string{"/api/events/status/" + bad, "/api/events/" + bad, "/api/events/" + bad + "/bookings"} {
			c.get(path).is(400, `{"error":"Invalid input","details":"eventId must be a UUID","code":"invalid_input"}`)
		}
		c.patch("/api/events/"+bad, `{}`).is(400, `{"details":"eventId must be a UUID"}`)
		c.get("/api/bookings/"+bad).is(400, `{"details":"bookingId must be a UUID"}`)
	}
	// The case of the digits says nothing.
	c.get("/api/events/"+strings.ToUpper(e.uuid)).is(200, fmt.Sprintf(`{"eventId":%q}`, e.uuid))
}
