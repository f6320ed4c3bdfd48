package handlers_test

import (
	"fmt"
	"testing"

	"boxoffice/store"
)

// reduce asks for fewer tickets of a booking.
func (c *client) reduce(booking, user string, quantity int, headers ...string) *answer {
	c.t.Helper()
	return c.patch("/api/bookings/"+booking, fmt.Sprintf(`{"userId":%q,"quantity":%d}`, user, quantity), headers...)
}

// Fewer tickets: the line gets the others, and the same again is answered the same.
func TestReduceBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(4)
		ann := c.post("/api/events/book", e.bookBody("", `"ann"`, `"quantity":4`)).is(200, `{}`).text("bookingId")
		bob := c.post("/api/events/book", e.bookBody("", `"bob"`, `"quantity":3`)).is(201, `{}`).text("bookingId")

		first := c.reduce(ann, "ann", 2).is(200, fmt.Sprintf(`{"message":"Booking reduced","bookingId":%q,"quantity":2,
			"current":"Confirmed","details":{"waitingListAssigned":false,"nextBookingId":null},"promoted":[],"version":4}`, ann))
		c.get("/api/bookings/"+ann).is(200, `{"quantity":2,"status":"Confirmed"}`)
		c.get(e.path()).is(200, `{"confirmedTickets":2,"availableTickets":2,"waitingListCount":1}`)
		if again := c.reduce(ann, "ann", 2).is(200, `{"version":4}`); again.body != first.body {
			t.Errorf("again %s, first %s", again.body, first.body)
		}
		served := fmt.Sprintf(`{"quantity":2,"current":"Confirmed","details":{"waitingListAssigned":true,"nextBookingId":%q},
			"promoted":[{"bookingId":%q,"userId":"bob","quantity":2,"status":"Confirmed"}],"version":5}`, bob, bob)
		c.reduce(bob, "bob", 2).is(200, served) // next, and small enough now
		c.reduce(bob, "bob", 2).is(200, served)

		c.reduce(ann, "ann", 3).is(409, `{"code":"quantity_increase"}`)
		c.reduce(ann, "bob", 1).is(404, `{"code":"booking_not_found"}`)
		c.cancel(ann, "ann").is(200, `{}`)
		c.reduce(ann, "ann", 1).is(409, `{"code":"booking_cancelled"}`)
		c.reduce(ann, "ann", 2).is(200, `{"version":4,"current":"Cancelled"}`)
	})
}

func TestReduceExpiredHold(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2, `"holdSeconds":60`)
		hold := c.held(e, "ann", `"quantity":2`, `"seconds":1`)
		c.reduce(hold, "ann", 1).is(200, `{"current":"Held","version":3}`)
		c.get(e.path()).is(200, `{"heldTickets":1,"availableTickets":1}`)
		c.awaits(hold, "Expired")
		c.reduce(hold, "ann", 1).is(200, `{"current":"Expired","version":3}`)
		other := c.held(e, "bob", `"seconds":1`)
		c.awaits(other, "Expired")
		c.reduce(other, "bob", 1).is(409, `{"code":"hold_expired"}`)
	})
}

func TestReduceBadInput(t *testing.T) {
	t.Parallel()
	c := start(t)
	booking := c.confirmed(c.event(1), "ann")
	for body, says := range map[string]string{
		`{"userId":"ann"}`:                          "quantity is required",
		`{"userId":"ann","quantity":null}`:          "quantity is required",
		`{"userId":"ann","quantity":0}`:             "quantity must be",
		`{"quantity":1}`:                            "", // anybody may where no keys are asked for
		`{"userId":"ann","quantity":1,"seconds":5}`: "seconds",
		`{"userId":"ann","quantity":1,"note":"x"}`:  "note",
		`{"userId":"ann","quantity":1,"qty":2}`:     "quantity",
		`{"userId":7.5,"quantity":1}`:               "userId",
	} {
		if says == "" {
			c.patch("/api/bookings/"+booking, body).is(200, `{}`)
			continue
		}
		c.patch("/api/bookings/"+booking, body).is(400, `{"code":"invalid_input"}`).names("details", says)
	}
	c.patch("/api/bookings/rubbish", `{"userId":"ann","quantity":1}`).is(400, `{}`)
	c.patch("/api/bookings/"+someID, `{"userId":"ann","quantity":1}`).is(404, `{"code":"booking_not_found"}`)
}

// An organizer reduces any booking; a shop has to name the user.
func TestOrganizerReduces(t *testing.T) {
	t.Parallel()
	c := serve(t, open(t, store.Config{}), withKeys(t))
	counter, desk := bearer(bookingKey), bearer(organizerKey)
	event := c.post("/api/events/initialize", `{"eventName":"Concert","totalTickets":3}`, desk).is(201, `{}`).text("eventId")
	body := fmt.Sprintf(`{"eventId":%q,"userId":"ann","quantity":3}`, event)
	booking := c.post("/api/events/book", body, counter).is(200, `{}`).text("bookingId")
	c.patch("/api/bookings/"+booking, `{"quantity":2}`, counter).is(400, `{}`).names("details", "userId is required")
	c.patch("/api/bookings/"+booking, `{"quantity":2}`, desk).is(200, `{"version":3}`)
	c.reduce(booking, "bob", 1, desk).is(404, `{}`)
	c.reduce(booking, "ann", 1, counter).is(200, `{"version":4}`)
}
