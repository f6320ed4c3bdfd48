package handlers_test

import (
	"fmt"
	"testing"
)

// Every row of the short API, in the words that its clients rely on.
func TestShortAPI(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		created := c.post("/initialize", `{"name":"Concert","totalTickets":1}`).is(201, `{"event":{
			"id":"<integer>","number":"<integer>","uuid":"<uuid>","name":"Concert","totalTickets":1,
			"remainingTickets":1,"version":1,"createdAt":"<time>"}}`)
		id := created.integer("event.id")
		if created.integer("event.number") != id {
			t.Errorf("id and number differ: %s", created.body)
		}
		status := func(remaining, waiting, version int) {
			t.Helper()
			c.get(fmt.Sprintf("/status/%d", id)).is(200, fmt.Sprintf(
				`{"eventId":%d,"number":%[1]d,"uuid":%q,"name":"Concert","remainingTickets":%d,"waitingListCount":%d,"version":%d}`,
				id, created.text("event.uuid"), remaining, waiting, version))
		}
		call := func(path string, user int) *answer {
			t.Helper()
			return c.post(path, fmt.Sprintf(`{"eventId":%d,"userId":%d}`, id, user))
		}
		status(1, 0, 1)
		first := call("/book", 123).is(201, `{"message":"Ticket booked successfully","bookingId":"<uuid>",
			"quantity":1,"position":"<absent>","version":2}`).text("bookingId")
		status(0, 0, 2)
		second := call("/book", 124).is(202, `{"message":"Added to waiting list","bookingId":"<uuid>",
			"quantity":1,"position":1,"version":3}`).text("bookingId")
		call("/book", 125).is(202, `{"message":"Added to waiting list","position":2}`)
		status(0, 2, 4)

		call("/cancel", 123).is(200, fmt.Sprintf(`{"message":"Booking cancelled and ticket reassigned if applicable",
			"bookingId":%q,"reassigned":true,"nextBookingId":%q,"version":5}`, first, second))
		status(0, 1, 5)
		call("/cancel", 125).is(200, `{"message":"Booking cancelled and ticket reassigned if applicable",
			"reassigned":false,"nextBookingId":null,"version":6}`)
		call("/cancel", 124).is(200, `{"reassigned":false,"nextBookingId":null}`)
		status(1, 0, 7)
		for _, user := range []int{123, 124, 125, 126} {
			call("/cancel", user).is(404, `{"message":"Booking not found","code":"booking_not_found"}`)
		}
		status(1, 0, 7)
	})
}

// Cancel by user takes the oldest confirmed booking, else the oldest waiting one.
func TestShortAPICancelOrder(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2)
		confirmed := []string{c.confirmed(e, "7"), c.confirmed(e, "7")}
		waiting := []string{c.waiting(e, "7"), c.waiting(e, "7"), c.waiting(e, "7")}
		c.patch(e.path(), `{"state":"paused"}`).is(200, `{}`) // so that nobody is promoted meanwhile
		for _, want := range append(confirmed, waiting...) {
			c.post("/cancel", e.bookBody("/cancel", "7")).is(200, fmt.Sprintf(`{"bookingId":%q}`, want))
			c.stands(want, "Cancelled", 0)
		}
		c.post("/cancel", e.bookBody("/cancel", "7")).is(404, `{"message":"Booking not found"}`)
	})
}

// A number that no event has is not found, however big it is: it is well-formed.
func TestShortAPIUnknownEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		const want = `{"message":"Event not found","code":"event_not_found"}`
		for _, id := range []string{
			"281474976710654", "281474976710656", "9223372036854775807", "9223372036854775808",
			"18446744073709551616", "99999999999999999999999999999999999999999999",
		} {
			c.get("/status/"+id).is(404, want)
			for _, path := range []string{"/book", "/cancel"} {
				c.post(path, `{"eventId":`+id+`,"userId":1}`).is(404, want)
			}
		}
	})
}

func TestShortAPIBadEventID(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, id := range []string{"0", "-1", "1.5", "1e3", `"1"`, "true", "null", "[]", "{}"} {
		for _, path := range []string{"/book", "/cancel"} {
			c.post(path, `{"eventId":`+id+`,"userId":1}`).is(400, `{"code":"invalid_input"}`).names("message", "eventId")
		}
	}
	for _, path := range []string{"/book", "/cancel"} {
		c.post(path, `{"userId":1}`).is(400, `{"message":"eventId is required"}`)
	}
	for _, id := range []string{"0", "-1", "+1", "1.5", "1e3", "abc", "-", "%20", "%00", "0x10", "١", "1%20"} {
		c.get("/status/"+id).is(400, `{"message":"eventId must be a positive integer","code":"invalid_input"}`)
	}
}

func TestFirstEventIsNumberOne(t *testing.T) {
	t.Parallel()
	t.Run("short API", func(t *testing.T) {
		c := start(t)
		c.get("/status/1").is(404, `{"message":"Event not found"}`)
		c.post("/initialize", `{"name":"First","totalTickets":100}`).is(201,
			`{"event":{"id":1,"name":"First","totalTickets":100,"remainingTickets":100}}`)
		c.get("/status/1").is(200, `{"eventId":1,"name":"First","remainingTickets":100,"waitingListCount":0}`)
		c.post("/initialize", `{"name":"Second","totalTickets":1}`).is(201, `{"event":{"id":2}}`)
	})
	t.Run("event API", func(t *testing.T) {
		c := start(t)
		c.post("/api/events/initialize", `{"eventName":"First","totalTickets":100}`).is(201, `{"number":1}`)
		c.get("/status/1").is(200, `{"eventId":1,"name":"First","remainingTickets":100,"waitingListCount":0}`)
	})
}
