package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

var goodUsers = []struct{ name, json, text string }{
	{"number", `7`, "7"},
	{"zero", `0`, "0"},
	{"negative number", `-7`, "-7"},
	{"beyond 2^53", `9007199254740993`, "9007199254740993"},
	{"beyond 2^64", `12345678901234567890123`, "12345678901234567890123"},
	{"128 digits", strings.Repeat("9", 128), strings.Repeat("9", 128)},
	{"text", `"ann"`, "ann"},
	{"one character", `"x"`, "x"},
	{"128 characters", `"` + strings.Repeat("x", 128) + `"`, strings.Repeat("x", 128)},
	{"128 characters of several bytes", `"` + strings.Repeat("é", 128) + `"`, strings.Repeat("é", 128)},
	{"escapes", `"\u0061\"\\\/"`, `a"\/`},
	{"surrogate pair", `"\ud83d\ude00"`, "😀"},
	{"text of a number in another form", `"1e3"`, "1e3"},
	{"text of a word", `"null"`, "null"},
	{"characters with a meaning in the store", `"a|b:c{d}%s@<>"`, "a|b:c{d}%s@<>"},
	{"HTML", `"<script>&"`, "<script>&"},
}

var badUsers = []struct{ name, json string }{
	{"empty", `""`},
	{"129 characters", `"` + strings.Repeat("x", 129) + `"`},
	{"129 characters of several bytes", `"` + strings.Repeat("é", 129) + `"`},
	{"129 digits", strings.Repeat("9", 129)},
	{"NUL", `"a\u0000b"`},
	{"newline", `"a\nb"`},
	{"tab", `"\t"`},
	{"DEL", `"a\u007f"`},
	{"C1 control", `"\u0085"`},
	{"half a surrogate pair", `"a\ud800"`},
	{"fraction", `1.5`},
	{"fraction that is whole", `7.0`},
	{"exponent", `1e3`},
	{"capital exponent", `1E3`},
	{"true", `true`},
	{"null", `null`},
	{"array", `[]`},
	{"array of one", `["ann"]`},
	{"object", `{}`},
}

func TestUserIDIsKept(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1000)
	for _, test := range goodUsers {
		t.Run(test.name, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			for _, path := range []string{"/book", "/api/events/book"} {
				booking := c.post(path, e.bookBody(path, test.json)).text("bookingId")
				got := c.get("/api/bookings/"+booking).is(200, `{"status":"Confirmed"}`).text("userId")
				if got != test.text {
					t.Errorf("%s with userId %s booked for %q, want %q", path, test.json, got, test.text)
				}
			}
			oldest := c.post("/cancel", e.bookBody("/cancel", test.json)).is(200, `{}`).text("bookingId")
			c.post("/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":%s}`, oldest, test.json)).is(200, `{}`)
		})
	}
}

func TestUserIDIsRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1000)
	booking := c.confirmed(e, "ann")
	for _, test := range append(badUsers, struct{ name, json string }{name: "missing"}) {
		t.Run(test.name, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			member := `,"userId":` + test.json
			if test.json == "" {
				member = ""
			}
			short := fmt.Sprintf(`{"eventId":%d%s}`, e.number, member)
			c.post("/book", short).is(400, `{"code":"invalid_input"}`).names("message", "userId")
			c.post("/cancel", short).is(400, `{"code":"invalid_input"}`).names("message", "userId")
			const problem = `{"title":"Invalid input","error":"Invalid input","code":"invalid_input"}`
			c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q%s}`, e.uuid, member)).is(400, problem).
				names("details", "userId")
			if test.json != "" && test.json != "null" { // without keys, everybody is an organizer, who need not name the user
				c.post("/api/events/cancel", fmt.Sprintf(`{"bookingId":%q%s}`, booking, member)).is(400, problem).
					names("details", "userId")
			}
		})
	}
	c.get(e.path()).is(200, `{"confirmedTickets":1,"version":2}`)
}
