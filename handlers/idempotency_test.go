package handlers_test

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

const replayed = "Idempotent-Replayed"

var currentMember = regexp.MustCompile(`,"current":"[A-Za-z ]+"`)

// repeats sends a request twice and expects the first answer word for word; that of a booking
// also tells where the booking stands now.
func (c *client) repeats(first *answer, again func() *answer) {
	c.t.Helper()
	first.hasHeader(replayed, "")
	second := again().hasHeader(replayed, "true")
	repeated := second.body
	if !strings.Contains(first.body, `"promoted"`) && strings.Contains(first.body, `"bookingId"`) {
		repeated = currentMember.ReplaceAllString(repeated, "")
		if repeated == second.body || strings.Contains(first.body, `"current"`) {
			c.t.Errorf("%s\n answered %s and then %s", first.request, first.body, second.body)
		}
	}
	if second.status != first.status || repeated != first.body {
		c.t.Errorf("%s\n answered %d %s and then %d %s", first.request, first.status, first.body, second.status, second.body)
	}
}

func TestIdempotencyKeyBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, path := range []string{"/book", "/api/events/book"} {
			e := c.event(1)
			book := func(user, key string, members ...string) *answer {
				t.Helper()
				return c.post(path, e.bookBody(path, user, members...), "Idempotency-Key: "+key)
			}
			confirmed := book("1", "k")
			c.repeats(confirmed, func() *answer { return book("1", "k") })
			c.repeats(confirmed, func() *answer { return book(`"1"`, "k", `"quantity":1`) })
			waiting := book("2", "k").holds(`{"position":1}`)
			c.repeats(waiting, func() *answer { return book("2", "k") })
			book("2", "K").holds(`{"position":2}`).hasHeader(replayed, "")
			c.get(e.path()).is(200, `{"confirmedTickets":1,"waitingListCount":2,"version":4}`)

			// What became of a booking changes nothing about the answer to its request,
			// nor does what became of the event.
			c.cancel(confirmed.text("bookingId"), "1").is(200, `{"details":{"waitingListAssigned":true}}`)
			c.stands(waiting.text("bookingId"), "Confirmed", 0)
			c.patch(e.path(), `{"state":"closed"}`).is(200, `{}`)
			c.repeats(confirmed, func() *answer { return book("1", "k").holds(`{"current":"Cancelled"}`) })
			c.repeats(waiting, func() *answer { return book("2", "k").holds(`{"current":"Confirmed"}`) })
			c.get(e.path()).is(200, `{"confirmedTickets":1,"waitingListCount":1,"version":6}`)
		}
	})
}

// The key means one booking, whichever API is asked.
func TestIdempotencyKeyAcrossAPIs(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		id := c.post("/book", e.bookBody("/book", "1"), "Idempotency-Key: k").is(201, `{}`).text("bookingId")
		c.post("/api/events/book", e.bookBody("", "1"), "Idempotency-Key: k").
			is(200, fmt.Sprintf(`{"bookingId":%q,"status":"Confirmed"}`, id)).hasHeader(replayed, "true")

		key := "Idempotency-Key: " + rand.Text()
		event := c.post("/initialize", `{"name":"Concert","totalTickets":3}`, key).is(201, `{}`).text("event.uuid")
		c.post("/api/events/initialize", `{"eventName":"Concert","totalTickets":3}`, key).
			is(201, fmt.Sprintf(`{"eventId":%q}`, event)).hasHeader(replayed, "true")
	})
}

// The same key of another user or for another event is another request.
func TestIdempotencyKeyScope(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		first, second := c.event(9), c.event(9)
		ids := map[string]bool{}
		for _, e := range []event{first, second} {
			for _, user := range []string{"1", "11"} {
				booked := c.post("/book", e.bookBody("/book", user), "Idempotency-Key: 1").is(201, `{}`).hasHeader(replayed, "")
				ids[booked.text("bookingId")] = true
			}
		}
		if len(ids) != 4 {
			t.Errorf("4 requests made %d bookings", len(ids))
		}
	})
}

// Without a key each request is one of its own.
func TestNoIdempotencyKey(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(9)
	for version := 2; version < 5; version++ {
		c.book(e, "ann").is(200, fmt.Sprintf(`{"version":%d}`, version)).hasHeader(replayed, "")
	}
}

func TestIdempotencyKeyMismatch(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		const code = `{"code":"idempotency_mismatch"}`
		e := c.event(9)
		c.post("/book", e.bookBody("/book", "1"), "Idempotency-Key: k").is(201, `{}`)
		two := `"quantity":2`
		c.post("/book", e.bookBody("/book", "1", two), "Idempotency-Key: k").is(422, code)
		c.post("/api/events/book", e.bookBody("", "1", two), "Idempotency-Key: k").is(422, code)
		c.get(e.path()).is(200, `{"confirmedTickets":1,"version":2}`)

		key := "Idempotency-Key: " + rand.Text()
		c.post("/initialize", `{"name":"Concert","totalTickets":3}`, key).is(201, `{}`)
		for _, other := range []string{
			`{"name":"Opera","totalTickets":3}`, `{"name":"Concert","totalTickets":4}`,
			`{"name":"Concert","totalTickets":3,"maxPerUser":1}`, `{"name":"Concert","totalTickets":3,"waitingListLimit":1}`,
		} {
			c.post("/initialize", other, key).is(422, code)
			c.post("/api/events/initialize", strings.Replace(other, "name", "eventName", 1), key).is(422, code)
		}
	})
}

func TestIdempotencyKeyInitialize(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for path, body := range map[string]string{
			"/initialize":            `{"name":"Concert","totalTickets":3,"maxPerUser":2,"waitingListLimit":5}`,
			"/api/events/initialize": `{"eventName":"Concert","totalTickets":3,"maxPerUser":2,"waitingListLimit":5}`,
		} {
			key := "Idempotency-Key: " + rand.Text()
			created := c.post(path, body, key).is(201, `{}`)
			id := "eventId"
			if path == "/initialize" {
				id = "event.uuid"
			}
			e := event{uuid: created.text(id)}
			c.confirmed(e, "ann")
			c.patch(e.path(), `{"eventName":"Opera","totalTickets":7}`).is(200, `{}`)
			c.repeats(created, func() *answer { return c.post(path, body, key) })
			c.get(e.path()).is(200, `{"eventName":"Opera","totalTickets":7,"version":3}`)
		}
	})
}

func TestIdempotencyKeyCancelByUser(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2)
		c.confirmed(e, "7")
		c.confirmed(e, "7")
		next := c.waiting(e, "8")
		cancel := func(key string) *answer {
			t.Helper()
			return c.post("/cancel", e.bookBody("/cancel", "7"), "Idempotency-Key: "+key)
		}
		first := cancel("k").is(200, fmt.Sprintf(`{"reassigned":true,"nextBookingId":%q}`, next))
		c.repeats(first, func() *answer { return cancel("k") })
		second := cancel("l").is(200, `{"reassigned":false,"nextBookingId":null}`)
		c.repeats(first, func() *answer { return cancel("k") })
		c.repeats(second, func() *answer { return cancel("l") })
		cancel("m").is(404, `{"message":"Booking not found"}`)
		c.get(e.path()).is(200, `{"confirmedTickets":1,"version":6}`)
	})
}

func TestIdempotencyKeyForm(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1000)
	c.confirmed(e, "7")
	requests := []struct{ path, body string }{
		{"/initialize", `{"name":"x","totalTickets":1}`},
		{"/api/events/initialize", `{"eventName":"x","totalTickets":1}`},
		{"/book", e.bookBody("/book", "7")},
		{"/api/events/book", e.bookBody("", "7")},
		{"/cancel", e.bookBody("/cancel", "7")},
	}
	const key = "Idempotency-Key: "
	for _, test := range []struct {
		name    string
		headers []string
		good    bool
	}{
		{"one character", []string{key + "!"}, true},
		{"all visible ones", []string{key + "azAZ09~!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}"}, true},
		{"255 characters", []string{key + strings.Repeat("k", 255)}, true},
		{"256 characters", []string{key + strings.Repeat("k", 256)}, false},
		{"empty", []string{key}, false},
		{"space", []string{key + "a b"}, false},
		{"tab", []string{key + "a\tb"}, false},
		{"DEL", []string{key + "a\x7f"}, false},
		{"not ASCII", []string{key + "é"}, false},
		{"two headers", []string{key + "a", key + "b"}, false},
		{"two equal headers", []string{key + "a", key + "a"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &client{t: t, api: c.api}
			for _, request := range requests {
				a := c.post(request.path, request.body, test.headers...)
				if test.good {
					if a.status >= 300 {
						t.Errorf("%s answered %d %s", a.request, a.status, a.body)
					}
					continue
				}
				a.is(400, `{"code":"invalid_input"}`).names(explainedIn(request.path), "Idempotency-Key")
			}
		})
	}
}
