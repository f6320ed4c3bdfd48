package handlers_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// Every row of the event API, in the words that its clients rely on.
func TestEventAPI(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		created := c.post("/api/events/initialize", `{"eventName":"Concert","totalTickets":1}`).is(201, `{
			"message":"Event successfully initialized","eventId":"<uuid>","totalTickets":1,
			"uuid":"<uuid>","number":"<integer>","eventName":"Concert","version":1,"createdAt":"<time>"}`)
		id := created.text("eventId")
		if created.text("uuid") != id {
			t.Errorf("eventId and uuid differ: %s", created.body)
		}
		status := func(available, waiting, version int) {
			t.Helper()
			c.get("/api/events/status/"+id).is(200, fmt.Sprintf(
				`{"eventId":%q,"uuid":%[1]q,"number":%d,"availableTickets":%d,"totalTickets":1,"waitingListCount":%d,"version":%d}`,
				id, created.integer("number"), available, waiting, version))
		}
		status(1, 0, 1)

		first := c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":1}`, id)).is(200, `{
			"message":"Ticket successfully booked","bookingId":"<uuid>","status":"Confirmed",
			"quantity":1,"position":"<absent>","version":2}`).text("bookingId")
		status(0, 0, 2)
		second := c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":"ann"}`, id)).is(201, `{
			"message":"Added to waiting list","bookingId":"<uuid>","status":"Waiting List",
			"quantity":1,"position":1,"version":3}`).text("bookingId")
		status(0, 1, 3)

		cancelFirst := fmt.Sprintf(`{"bookingId":%q,"userId":"1"}`, first)
		gaveToSecond := fmt.Sprintf(`{"message":"Ticket successfully cancelled",
			"details":{"waitingListAssigned":true,"nextBookingId":%q},"version":4}`, second)
		c.post("/api/events/cancel", cancelFirst).is(200, gaveToSecond)
		status(0, 0, 4)
		c.stands(second, "Confirmed", 0)

		gaveToNobody := `{"message":"Ticket successfully cancelled",
			"details":{"waitingListAssigned":false,"nextBookingId":null},"version":5}`
		c.cancel(second, "ann").is(200, gaveToNobody)
		status(1, 0, 5)

		// A cancelled booking is terminal, and says again what its end did.
		c.post("/api/events/cancel", cancelFirst).is(200, gaveToSecond)
		c.cancel(second, "ann").is(200, gaveToNobody)
		status(1, 0, 5)
		c.stands(first, "Cancelled", 0)
	})
}

func TestEventAPIWaitingBookingIsCancelled(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		c.confirmed(e, "a")
		withdrawn, stays := c.waiting(e, "b"), c.waiting(e, "c")
		c.cancel(withdrawn, "b").is(200, `{"details":{"waitingListAssigned":false,"nextBookingId":null}}`)
		c.stands(withdrawn, "Cancelled", 0)
		c.stands(stays, "Waiting List", 1)
		c.get("/api/events/status/"+e.uuid).is(200, `{"availableTickets":0,"waitingListCount":1}`)
	})
}

// A booking is all or nothing, and nobody behind the head of the waiting list is served first.
func TestEventAPIQuantity(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		three := c.book(e, "a", `"quantity":3`).is(200, `{"quantity":3,"status":"Confirmed"}`).text("bookingId")
		four := c.book(e, "b", `"quantity":4`).is(201, `{"quantity":4,"position":1}`).text("bookingId")
		one := c.book(e, "c").is(201, `{"quantity":1,"position":2}`).text("bookingId")
		c.get(e.path()).is(200, `{"availableTickets":2,"confirmedTickets":3,"waitingListCount":2}`)

		c.cancel(three, "a").is(200, fmt.Sprintf(
			`{"details":{"waitingListAssigned":true,"nextBookingId":%q},"promoted":[
				{"bookingId":%q,"userId":"b","quantity":4,"status":"Confirmed"},
				{"bookingId":"<text>","userId":"c","quantity":1,"status":"Confirmed"}]}`, four, four))
		c.stands(four, "Confirmed", 0).holds(`{"quantity":4}`)
		c.stands(one, "Confirmed", 0)
		c.get(e.path()).is(200, `{"availableTickets":0,"confirmedTickets":5,"waitingListCount":0}`)
	})
}

const notFound = `{"type":"urn:boxoffice:problem:%[1]s_not_found","title":"%[2]s not found","status":404,"code":"%[1]s_not_found",
	"error":"Resource not found","details":"Specified resource could not be found"}`

// Ids that no event and no booking of the store has.
func unknownIDs(t *testing.T, known string) map[string]string {
	id := uuid.MustParse(known)
	otherTail, noEvent, beyond := id, id, id
	otherTail[15] ^= 1
	copy(noEvent[:6], []byte{0, 0, 0, 0xff, 0xff, 0xfe})
	copy(beyond[:6], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	zero := id
	copy(zero[:6], make([]byte, 6))
	random, err := uuid.NewRandom()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"other random bits": otherTail.String(), "number of no event": noEvent.String(),
		"highest number": beyond.String(), "number 0": zero.String(),
		"version 4": random.String(), "nil": uuid.Nil.String(), "max": uuid.Max.String(),
	}
}

func TestEventAPIUnknownEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		want := fmt.Sprintf(notFound, "event", "Event")
		for name, id := range unknownIDs(t, c.event(1).uuid) {
			t.Run(name, func(t *testing.T) {
				c := &client{t: t, api: c.api}
				c.get("/api/events/status/"+id).is(404, want)
				c.get("/api/events/"+id).is(404, want)
				c.get("/api/events/"+id+"/bookings").is(404, want)
				c.patch("/api/events/"+id, `{"totalTickets":5}`).is(404, want)
				c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":1}`, id)).is(404, want)
			})
		}
	})
}

func TestEventAPIUnknownBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		want := fmt.Sprintf(notFound, "booking", "Booking")
		ids := unknownIDs(t, c.confirmed(e, "ann"))
		ids["an event's"] = e.uuid
		for name, id := range ids {
			t.Run(name, func(t *testing.T) {
				c := &client{t: t, api: c.api}
				c.get("/api/bookings/"+id).is(404, want)
				c.cancel(id, "ann").is(404, want)
			})
		}
	})
}

func TestEventAPICancelOfAnotherUser(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		booking, waits := c.confirmed(e, "ann"), c.waiting(e, "ann")
		for _, id := range []string{booking, waits} {
			for _, user := range []string{"bob", "Ann", "ann.", "an"} {
				c.cancel(id, user).is(404, fmt.Sprintf(notFound, "booking", "Booking"))
			}
		}
		c.stands(booking, "Confirmed", 0)
		c.stands(waits, "Waiting List", 1)
		c.cancel(booking, "ann").is(200, `{}`)
		// Nor does anybody else learn that the booking was cancelled.
		c.cancel(booking, "bob").is(404, fmt.Sprintf(notFound, "booking", "Booking"))
	})
}
