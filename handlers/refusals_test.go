package handlers_test

import (
	"fmt"
	"testing"
)

// Each refusal: its code in both APIs, and that nothing has changed.
func TestBookingRefusals(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		for _, test := range []struct {
			code, title string
			total       int
			settings    string
			prepare     func(c *client, e event)
			quantity    int
		}{
			{code: "event_paused", title: "Event is paused", total: 5, quantity: 1, prepare: func(c *client, e event) {
				c.patch(e.path(), `{"state":"paused"}`).is(200, `{}`)
			}},
			{code: "event_closed", title: "Event is closed", total: 5, quantity: 1, prepare: func(c *client, e event) {
				c.patch(e.path(), `{"state":"closed"}`).is(200, `{}`)
			}},
			{code: "user_limit", title: "User limit reached", total: 5, settings: `"maxPerUser":2`, quantity: 1,
				prepare: func(c *client, e event) { c.confirmed(e, "7", `"quantity":2`) }},
			{code: "user_limit", title: "User limit reached", total: 5, settings: `"maxPerUser":2`, quantity: 3},
			{code: "user_limit", title: "User limit reached", total: 1, settings: `"maxPerUser":2`, quantity: 1,
				prepare: func(c *client, e event) { // those who wait count too
					c.confirmed(e, "7")
					c.waiting(e, "7")
				}},
			{code: "waiting_list_full", title: "Waiting list is full", total: 1, settings: `"waitingListLimit":1`, quantity: 1,
				prepare: func(c *client, e event) {
					c.confirmed(e, "8")
					c.waiting(e, "9")
				}},
			{code: "quantity_over_capacity", title: "Quantity is over capacity", total: 5, quantity: 6},
			{code: "quantity_over_capacity", title: "Quantity is over capacity", total: 5, quantity: 1_000_000_000},
		} {
			t.Run(fmt.Sprintf("%s of %d tickets", test.code, test.quantity), func(t *testing.T) {
				c := &client{t: t, api: c.api}
				settings := test.settings
				if settings == "" {
					settings = `"maxPerUser":0`
				}
				e := c.event(test.total, settings)
				if test.prepare != nil {
					test.prepare(c, e)
				}
				before := c.get(e.path()).body
				quantity := fmt.Sprintf(`"quantity":%d`, test.quantity)
				c.book(e, "7", quantity).is(409, fmt.Sprintf(
					`{"type":"urn:boxoffice:problem:%s","title":%q,"status":409,"code":%[1]q,"error":%q,"details":"<text>"}`,
					test.code, test.title, test.title))
				c.post("/book", e.bookBody("/book", "7", quantity)).is(409, fmt.Sprintf(
					`{"message":%q,"code":%q}`, test.title, test.code))
				if after := c.get(e.path()).body; after != before {
					t.Errorf("a refusal changed %s to %s", before, after)
				}
			})
		}
	})
}

// What is freed can be taken again: the limits count what is held now.
func TestLimitsCountWhatIsHeld(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1, `"maxPerUser":1`, `"waitingListLimit":1`)
		first := c.confirmed(e, "7")
		waits := c.waiting(e, "8")
		c.book(e, "9").is(409, `{"code":"waiting_list_full"}`)
		c.cancel(waits, "8").is(200, `{}`)
		c.waiting(e, "9")
		c.cancel(first, "7").is(200, `{"details":{"waitingListAssigned":true}}`)
		c.book(e, "9").is(409, `{"code":"user_limit"}`)
		c.waiting(e, "7")
	})
}

// A paused event takes cancellations and promotes nobody until it is open again.
func TestPausedEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2)
		held := []string{c.confirmed(e, "a"), c.confirmed(e, "b")}
		waits := []string{c.waiting(e, "c"), c.waiting(e, "d"), c.waiting(e, "e")}
		c.patch(e.path(), `{"state":"paused"}`).is(200, `{"state":"paused","version":7}`)
		for i, user := range []string{"a", "b"} {
			c.cancel(held[i], user).is(200, `{"details":{"waitingListAssigned":false,"nextBookingId":null}}`)
		}
		c.cancel(waits[0], "c").is(200, `{"details":{"waitingListAssigned":false,"nextBookingId":null}}`)
		c.stands(waits[1], "Waiting List", 1)
		c.get(e.path()).is(200, `{"availableTickets":2,"waitingListCount":2,"state":"paused"}`)

		c.patch(e.path(), `{"state":"open"}`).is(200, `{"state":"open","availableTickets":0,"waitingListCount":0}`)
		c.stands(waits[1], "Confirmed", 0)
		c.stands(waits[2], "Confirmed", 0)
	})
}

// A closed event takes cancellations, promotes nobody and never opens again.
func TestClosedEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		held, waits := c.confirmed(e, "a"), c.waiting(e, "b")
		c.patch(e.path(), `{"state":"closed"}`).is(200, `{"state":"closed"}`)
		c.cancel(held, "a").is(200, `{"details":{"waitingListAssigned":false,"nextBookingId":null}}`)
		c.patch(e.path(), `{"totalTickets":9}`).is(200, `{"totalTickets":9,"availableTickets":9}`)
		c.stands(waits, "Waiting List", 1)
		for _, state := range []string{"open", "paused"} {
			c.patch(e.path(), fmt.Sprintf(`{"state":%q}`, state)).is(409,
				`{"code":"event_closed","error":"Event is closed","title":"Event is closed"}`)
		}
		c.patch(e.path(), `{"state":"closed"}`).is(200, `{"state":"closed"}`)
		c.cancel(waits, "b").is(200, `{}`)
		c.get(e.path()).is(200, `{"availableTickets":9,"waitingListCount":0,"state":"closed"}`)
	})
}
