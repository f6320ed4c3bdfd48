package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What is asked for is done or refused, and never silently ignored.
func TestMembersOfOtherRequestsAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(9)
	booking := c.confirmed(e, "ann")
	eventID, number := fmt.Sprintf(`"eventId":%q`, e.uuid), fmt.Sprintf(`"eventId":%d`, e.number)
	for _, test := range []struct{ path, body, says string }{
		{"/book", `{"eventId":1,"userId":"ann","quantity.":3}`, "quantity. is no member of this request; did you mean quantity?"},
		{"/book", `{"eventId":1,"userId":"ann","quantities":3}`, "quantities is no member of this request; did you mean quantity?"},
		{"/initialize", `{"name":"x","totalTickets":1,"max.per_user":3}`, "max.per_user is no member of this request; did you mean maxPerUser?"},
		{"/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":"ann","quantity":1}`, booking), "quantity is no member of this request"},
		{"/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":"ann",%s}`, booking, eventID), "eventId is no member of this request"},
		{"/cancel", fmt.Sprintf(`{%s,"userId":"ann","bookingId":%q}`, number, booking), "bookingId is no member of this request"},
		{"/cancel", fmt.Sprintf(`{%s,"userId":"ann","quantity":1}`, number), "quantity is no member of this request"},
		{"/book", fmt.Sprintf(`{%s,"userId":"bob","maxPerUser":1}`, number), "maxPerUser is no member of this request"},
		{"/api/events/book", fmt.Sprintf(`{%s,"userId":"bob","qty":3}`, eventID), didYouMean("qty", "quantity")},
		{"/api/events/book", fmt.Sprintf(`{%s,"userId":"bob","tickets":3}`, eventID), didYouMean("tickets", "quantity")},
		{"/api/events/book", fmt.Sprintf(`{%s,"userId":"bob","Quantity":3}`, eventID), didYouMean("Quantity", "quantity")},
		{"/api/events/book", fmt.Sprintf(`{%s,"userId":"bob","quantities":3,"user_ids":1}`, eventID), didYouMean("user_ids", "userId")},
		{"/api/events/book", fmt.Sprintf(`{"EVENTID":%q,"userId":"bob"}`, e.uuid), didYouMean("EVENTID", "eventId")},
		{"/api/events/book", fmt.Sprintf(`{%s,"userId":"bob","name":"x"}`, eventID), "name is no member of this request"},
		{"/api/events/initialize", `{"eventName":"x","totalTickets":1,"name":"y"}`, "name is no member of this request"},
		{"/api/events/initialize", `{"eventName":"x","totalTickets":1,"maxperuser":1}`, didYouMean("maxperuser", "maxPerUser")},
		{"/initialize", `{"name":"x","totalTickets":1,"eventName":"y"}`, "eventName is no member of this request"},
		{"/initialize", `{"name":"x","capacity":50}`, didYouMean("capacity", "totalTickets")},
	} {
		explained := explainedIn(test.path)
		a := c.post(test.path, test.body).is(400, `{"code":"invalid_input"}`)
		if test.path == "/api/events/initialize" {
			if !strings.Contains(a.body, test.says) {
				t.Errorf("%s %s answered %s", test.path, test.body, a.body)
			}
			continue
		}
		a.names(explained, test.says)
	}
	for _, body := range []string{`{"capacity":50}`, `{"name":"x"}`, `{"userId":1}`, `{"totaltickets":9}`, `{"x":1}`, `{"":1}`} {
		c.patch(e.path(), body).is(400, `{}`).names("details", "is no member of this request")
	}
	c.get(e.path()).is(200, `{"totalTickets":9,"confirmedTickets":1,"version":2}`)
	c.get("/api/events").is(200, fmt.Sprintf(`{"events":[{"eventId":%q}]}`, e.uuid))
}

func TestMembersGivenTwice(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(9)
	for _, twice := range []string{
		`"userId":"first","userId":"second"`, `"userId":"same","userId":"same"`, `"userId":"first","user\u0049d":"second"`,
		`"userId":"a","quantity":1,"quantity":null`, `"userId":"a","x":1,"x":2`,
		`"userId":"a",` + strings.Repeat(`"pad":1,`, 1) + manyMembers(40) + `"m39":2`,
	} {
		c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,%s}`, e.uuid, twice)).is(400, `{}`).names("details", "is given twice")
		c.post("/book", fmt.Sprintf(`{"eventId":%d,%s}`, e.number, twice)).is(400, `{}`).names("message", "is given twice")
	}
	c.patch(e.path(), `{"totalTickets":5,"totalTickets":6}`).is(400, `{}`).names("details", "totalTickets is given twice")
	c.post("/book", fmt.Sprintf(`{"eventId":%d,"userId":"a",%s"z":1}`, e.number, manyMembers(200))).is(201, `{}`)
	c.get(e.path()).is(200, `{"totalTickets":9,"confirmedTickets":1}`)
}

func manyMembers(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, `"m%d":1,`, i)
	}
	return text.String()
}

func TestQueriesAreStrict(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(9)
	for _, list := range []string{"/api/events", e.path() + "/bookings"} {
		for query, says := range map[string]string{
			"cursor=%zz": "malformed", "limit=1;cursor=2": "malformed", "%": "malformed",
			"Limit=1":         "Limit is no query parameter of this request; did you mean limit?",
			"limits=1":        "limits is no query parameter of this request; did you mean limit?",
			"limit=1&limit=2": "The query parameter limit is given twice",
			"page=2":          "page is no query parameter of this request",
			"=1":              "is no query parameter of this request",
		} {
			c.get(list+"?"+query).is(400, `{"code":"invalid_input"}`).names("details", says)
		}
		for _, query := range []string{"", "limit=1", "limit=1&cursor=", "&", "limit=%31"} {
			c.get(list+"?"+query).is(200, `{}`)
		}
	}
	for _, path := range []string{e.path(), "/api/events/status/" + e.uuid} {
		c.get(path+"?limit=1").is(400, `{}`).names("details", "limit is no query parameter of this request")
	}
	c.get(fmt.Sprintf("/status/%d?x=1", e.number)).is(400, `{}`).names("message", "x is no query parameter of this request")
	c.post("/book?userId=7", e.bookBody("/book", "7")).is(400, `{}`).names("message", "userId is no query parameter of this request")
	c.get("/livez?probe=1").is(200, `{}`)
	c.get(e.path()).is(200, `{"confirmedTickets":0}`)
}

func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(9)
	body := e.bookBody("/book", "7")
	for _, encoding := range []string{"gzip", "br", "gzip, identity", "x"} {
		a := c.post("/book", body, "Content-Encoding: "+encoding)
		a.is(http.StatusUnsupportedMediaType, `{"code":"unsupported_media_type"}`).hasHeader("Accept-Encoding", "identity")
	}
	for _, content := range []string{"application/json; charset=utf-16", "application/json; charset=latin1"} {
		c.post("/book", body, "Content-Type: "+content).is(http.StatusUnsupportedMediaType, `{}`).names("message", "UTF-8")
	}
	for _, header := range []string{
		"Content-Encoding: identity", "Content-Type: application/json; charset=UTF-8", "Content-Type: application/json; charset=us-ascii",
	} {
		c.post("/book", body, header).is(201, `{}`)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1_000)
	refused := map[string][]string{
		"must not begin or end with a blank": {"ann ", " ann", "\u00a0ann", "ann\u3000", "ann\u2003"},
		"must have a visible character":      {" ", "\u3000", "\u0301", "\u2800"},
		"must not contain the character": {
			"a\u200bb", "\u202eann", "a\u2066b", "\ufeffann", "a\u00adb", "a\u0000b", "a\nb", "a\tb", "\u001bann", "a\u007fb", "a\u0085b",
			"a\u2028b", "a\u2029b", "a\ufdd0", "a\uffff", "\u3164", "a\u115f", "a\u034fb", "a\U000e0041", "a\U0001ffff",
		},
		"only within a word":    {"\u200dann", "ann\u200c", "a \u200db", "\ufe0f", "\u200d"},
		"must be valid Unicode": {`\ud800`, `\udc00a`},
	}
	for says, texts := range refused {
		for _, text := range texts {
			quoted := `"` + text + `"`
			if !strings.HasPrefix(text, `\u`) {
				quoted = jsonText(text)
			}
			c.post("/book", e.bookBody("/book", quoted)).is(400, `{}`).names("message", says)
			c.post("/initialize", `{"name":`+quoted+`,"totalTickets":1}`).is(400, `{}`).names("message", says)
			c.patch(e.path(), `{"eventName":`+quoted+`}`).is(400, `{}`).names("details", says)
		}
	}
	for _, text := range []string{
		"a b", "Zoë", "Zoe\u0308", "王小明", "मुंबई", "نمی\u200cخواهم", "क्\u200dष",
		"👩\u200d👩\u200d👧", "❤\ufe0f", "☎\ufe0e x", "|", "{1}", "@", "-", "😀",
	} {
		c.post("/book", e.bookBody("/book", jsonText(text))).is(201, `{}`)
		c.patch(e.path(), `{"eventName":`+jsonText(text)+`}`).is(200, fmt.Sprintf(`{"eventName":%s}`, jsonText(text)))
	}
}

func jsonText(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

func didYouMean(given, meant string) string {
	return given + " is no member of this request; did you mean " + meant + "?"
}
