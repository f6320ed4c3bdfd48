package handlers_test

import (
	"fmt"
	"testing"
)

// What newcomers can get is told wherever an event is shown.
func TestBookableTickets(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(4)
		bookable := func(want int) {
			t.Helper()
			shown := fmt.Sprintf(`{"bookableTickets":%d}`, want)
			c.get(e.path()).is(200, shown)
			c.get("/api/events/status/"+e.uuid).is(200, shown)
			c.get(fmt.Sprintf("/status/%d", e.number)).is(200, shown)
			c.get(fmt.Sprintf("/api/events?limit=1&cursor=%d", e.number)).is(200, `{"events":[`+shown+`]}`) // others create events meanwhile
			c.patch(e.path(), "{}").is(200, shown)
		}
		bookable(4)
		first := c.confirmed(e, "ann")
		bookable(3)
		c.patch(e.path(), `{"state":"paused"}`).is(200, `{"bookableTickets":0,"availableTickets":3}`)
		bookable(0)
		c.patch(e.path(), `{"state":"open"}`).is(200, `{"bookableTickets":3}`)
		waits := c.post("/api/events/book", e.bookBody("", `"bob"`, `"quantity":4`)).is(201, `{}`).text("bookingId")
		bookable(0)
		c.get(e.path()).is(200, `{"availableTickets":3}`)
		c.cancel(waits, "bob").is(200, `{}`)
		bookable(3)
		c.cancel(first, "ann").is(200, `{}`)
		c.patch(e.path(), `{"state":"closed"}`).is(200, `{"bookableTickets":0}`)
		bookable(0)
	})
}

func TestMaxQuantity(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(9, `"maxQuantity":2`)
		c.get(e.path()).is(200, `{"maxQuantity":2}`)
		c.post("/api/events/book", e.bookBody("", "7", `"quantity":3`)).is(409, `{"code":"quantity_limit"}`)
		c.post("/book", e.bookBody("/book", "7", `"quantity":3`)).is(409, `{"code":"quantity_limit"}`)
		c.post("/book", e.bookBody("/book", "7", `"quantity":2`)).is(201, `{}`)
		c.patch(e.path(), `{"maxQuantity":0}`).is(200, `{"maxQuantity":0}`)
		c.post("/book", e.bookBody("/book", "7", `"quantity":3`)).is(201, `{}`)
		c.patch(e.path(), `{"maxQuantity":-1}`).is(400, `{}`).names("details", "maxQuantity")
		c.post("/initialize", `{"name":"x","totalTickets":1,"maxQuantity":1}`).is(201, `{"event":{"maxQuantity":1}}`)
	})
}
