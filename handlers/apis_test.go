package handlers_test

import (
	"fmt"
	"testing"
)

// An event made through one API is booked, cancelled and read through the other.
func TestAPIsShareEvents(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, api := range []string{"event API", "short API"} {
			t.Run("made through the "+api, func(t *testing.T) {
				c := &client{t: t, api: c.api}
				e := c.event(1)
				if api == "short API" {
					created := c.post("/initialize", `{"name":"Concert","totalTickets":1,"maxPerUser":2,"waitingListLimit":9}`).
						is(201, `{"event":{"maxPerUser":2,"waitingListLimit":9}}`)
					e = event{created.text("event.uuid"), created.integer("event.number")}
				}
				both := func(available, waiting int) {
					t.Helper()
					c.get("/api/events/status/"+e.uuid).is(200, fmt.Sprintf(
						`{"eventId":%q,"number":%d,"availableTickets":%d,"waitingListCount":%d}`, e.uuid, e.number, available, waiting))
					c.get(fmt.Sprintf("/status/%d", e.number)).is(200, fmt.Sprintf(
						`{"uuid":%q,"eventId":%d,"remainingTickets":%d,"waitingListCount":%d}`, e.uuid, e.number, available, waiting))
				}
				both(1, 0)
				short := c.post("/book", e.bookBody("/book", "7")).is(201, `{}`).text("bookingId")
				long := c.post("/api/events/book", e.bookBody("", `"8"`)).is(201, `{"position":1}`).text("bookingId")
				c.post("/book", e.bookBody("/book", `"9"`)).is(202, `{"position":2}`)
				both(0, 2)
				c.stands(short, "Confirmed", 0).holds(fmt.Sprintf(`{"eventId":%q,"eventNumber":%d,"userId":"7"}`, e.uuid, e.number))
				c.cancel(short, "7").is(200, fmt.Sprintf(`{"details":{"waitingListAssigned":true,"nextBookingId":%q}}`, long))
				c.post("/cancel", e.bookBody("/cancel", "8")).is(200, fmt.Sprintf(`{"bookingId":%q,"reassigned":true}`, long))
				both(0, 0)
			})
		}
	})
}

// Users are texts: a number is the text of its digits, in every call.
func TestNumberAndTextAreTheSameUser(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(10, `"maxPerUser":2`)
		c.post("/book", e.bookBody("/book", "7")).is(201, `{}`)
		c.post("/api/events/book", e.bookBody("", `"7"`)).is(200, `{}`)
		for _, user := range []string{"7", `"7"`} {
			c.post("/book", e.bookBody("/book", user)).is(409, `{"code":"user_limit"}`)
			c.post("/api/events/book", e.bookBody("", user)).is(409, `{"code":"user_limit"}`)
		}
		// Only what is the same text is the same user.
		for _, user := range []string{`"07"`, `"7 7"`, `"7.0"`, `"７"`, "70"} {
			c.post("/book", e.bookBody("/book", user)).is(201, `{}`)
		}
		c.post("/cancel", e.bookBody("/cancel", `"7"`)).is(200, `{}`)
		c.post("/cancel", e.bookBody("/cancel", "7")).is(200, `{}`)
		c.post("/cancel", e.bookBody("/cancel", "7")).is(404, `{}`)
	})
}
