package handlers_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func (c *client) hold(e event, user string, members ...string) *answer {
	c.t.Helper()
	return c.post("/api/events/hold", e.bookBody("", strconv.Quote(user), members...))
}

// held holds a ticket that has to be available, and returns the booking's id.
func (c *client) held(e event, user string, members ...string) string {
	c.t.Helper()
	return c.hold(e, user, members...).is(201, `{"status":"Held"}`).text("bookingId")
}

// about asks for something of a booking: confirm or extend.
func (c *client) about(booking, what, user string, members ...string) *answer {
	c.t.Helper()
	body := strings.Join(append([]string{fmt.Sprintf(`{"userId":%q`, user)}, members...), ",")
	return c.post("/api/bookings/"+booking+"/"+what, body+"}")
}

// awaits waits until a booking has a status.
func (c *client) awaits(booking, status string) *answer {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		found := c.get("/api/bookings/"+booking).is(200, `{}`)
		if found.text("status") == status {
			return found
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("it never became %s: %s", status, found.body)
		}
	}
}

// A checkout: hold, more time, pay, confirm; and what each answer says again.
func TestCheckout(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(3, `"holdSeconds":60`)
		key := "Idempotency-Key: cart-7"
		hold := func() *answer {
			return c.post("/api/events/hold", e.bookBody("", `"ann"`, `"quantity":2`, `"seconds":30`, `"reference":"cart | 7 100%"`), key)
		}
		first := hold().is(201, `{"message":"Tickets held","status":"Held","quantity":2,"version":2,"current":"<absent>"}`)
		if left := first.integer("expiresInSeconds"); left < 20 || left > 30 {
			t.Errorf("%d seconds are left", left)
		}
		booking := first.text("bookingId")
		again := hold().is(201, fmt.Sprintf(`{"bookingId":%q,"expiresAt":%q,"version":2,"current":"Held"}`, booking, first.text("expiresAt")))
		again.hasHeader(replayed, "true")
		c.get("/api/bookings/"+booking).is(200, fmt.Sprintf(
			`{"status":"Held","reference":"cart | 7 100%%","expiresAt":%q,"confirmedAt":"<absent>"}`, first.text("expiresAt")))
		c.get(e.path()).is(200, `{"heldTickets":2,"availableTickets":1,"bookableTickets":1,"confirmedTickets":0,"holdSeconds":60}`)
		if next := c.get(e.path()).integer("nextReleaseInSeconds"); next < 20 || next > 30 {
			t.Errorf("the next release is in %d seconds", next)
		}

		extended := c.about(booking, "extend", "ann", `"seconds":50`).is(200, `{"message":"Deadline extended","version":3}`)
		if extended.text("expiresAt") <= first.text("expiresAt") {
			t.Errorf("extended from %s to %s", first.body, extended.body)
		}
		c.about(booking, "extend", "ann", `"seconds":5`).is(200, fmt.Sprintf(`{"expiresAt":%q,"version":3}`, extended.text("expiresAt")))

		c.about(booking, "confirm", "ann").is(200, fmt.Sprintf(
			`{"message":"Booking confirmed","bookingId":%q,"status":"Confirmed","late":false,"version":4,"current":"<absent>"}`, booking))
		c.about(booking, "confirm", "ann").is(200, `{"status":"Confirmed","late":false,"version":4,"current":"Confirmed"}`)
		c.get("/api/bookings/"+booking).is(200, `{"status":"Confirmed","confirmedAt":"<text>","expiresAt":"<absent>"}`)
		c.get(e.path()).is(200, `{"heldTickets":0,"confirmedTickets":2,"nextReleaseInSeconds":"<absent>"}`)
		c.cancel(booking, "ann").is(200, `{}`)
		c.about(booking, "confirm", "ann").is(200, `{"status":"Confirmed","version":4,"current":"Cancelled"}`)
		hold().is(201, `{"status":"Held","version":2,"current":"Cancelled"}`)
	})
}

// At its deadline a hold goes to the next in line, who is offered it if the event says so; a late
// confirmation succeeds if nobody is the worse for it.
func TestHoldsExpire(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1, `"offerSeconds":3600`)
		first := c.held(e, "ann", `"seconds":1`)
		waits := c.waiting(e, "bob")
		c.awaits(first, "Expired").is(200, `{"expiredAt":"<text>","expiresAt":"<absent>"}`)
		c.awaits(waits, "Offered").is(200, `{"waited":true,"promotedAt":"<text>","expiresAt":"<text>"}`)
		c.about(first, "confirm", "ann").is(409, `{"code":"hold_expired"}`)
		c.about(first, "extend", "ann").is(409, `{"code":"hold_expired"}`)
		c.cancel(first, "ann").is(409, `{"code":"hold_expired"}`)
		c.about(waits, "confirm", "bob").is(200, `{"late":false}`)
		c.get(e.path()).is(200, `{"confirmedTickets":1,"heldTickets":0}`)
		c.cancel(waits, "bob").is(200, `{}`)

		second := c.held(e, "cyd", `"seconds":1`)
		c.awaits(second, "Expired")
		c.about(second, "confirm", "cyd").is(200, `{"late":true}`)
		c.stands(second, "Confirmed", 0)
	})
}

// A declined offer passes to the next.
func TestOffersAreDeclined(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1, `"offerSeconds":60`)
		ann := c.confirmed(e, "ann")
		bob, cyd := c.waiting(e, "bob"), c.waiting(e, "cyd")
		c.about(bob, "confirm", "bob").is(409, `{"code":"booking_waiting"}`)
		c.cancel(ann, "ann").is(200, fmt.Sprintf(
			`{"details":{"nextBookingId":%q},"promoted":[{"bookingId":%q,"userId":"bob","quantity":1,"status":"Offered"}]}`, bob, bob))
		offered := c.get("/api/bookings/"+bob).is(200, `{"status":"Offered"}`)
		if left := offered.integer("expiresInSeconds"); left < 40 || left > 60 {
			t.Errorf("%d seconds are left", left)
		}
		c.about(bob, "extend", "bob", `"seconds":100`).is(200, `{}`)
		c.cancel(bob, "bob").is(200, fmt.Sprintf(`{"promoted":[{"bookingId":%q,"status":"Offered"}]}`, cyd))
		c.about(bob, "confirm", "bob").is(409, `{"code":"booking_cancelled"}`)
		c.cancel(ann, "ann").is(200, fmt.Sprintf(`{"promoted":[{"bookingId":%q,"status":"Offered"}]}`, bob)) // as it was
	})
}

func TestHoldsThatAreRefused(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(4, `"holdSeconds":60`, `"maxPerUser":3`, `"maxQuantity":2`)
		c.hold(e, "ann", `"seconds":61`).is(409, `{"code":"hold_limit"}`)
		c.hold(e, "ann", `"quantity":5`).is(409, `{"code":"quantity_over_capacity"}`)
		c.hold(e, "ann", `"quantity":3`).is(409, `{"code":"quantity_limit"}`)
		first := c.held(e, "ann", `"quantity":2`)
		c.hold(e, "ann", `"quantity":2`).is(409, `{"code":"user_limit"}`)
		c.hold(e, "bob", `"quantity":2`).is(201, `{}`)
		soldOut := c.hold(e, "cyd").is(409, `{"code":"sold_out","heldTickets":4}`)
		if wait, err := strconv.Atoi(soldOut.header.Get("Retry-After")); err != nil || wait < 40 || wait > 60 {
			t.Errorf("Retry-After is %q", soldOut.header.Get("Retry-After"))
		}
		c.about(first, "extend", "ann", `"seconds":600`).is(409, `{"code":"hold_limit"}`)
		c.about(first, "confirm", "bob").is(404, `{"code":"booking_not_found"}`)
		c.about(first, "extend", "bob").is(404, `{"code":"booking_not_found"}`)
		c.patch(e.path(), `{"totalTickets":3}`).is(409,
			`{"code":"capacity_below_confirmed","confirmedTickets":0,"heldTickets":4,"heldUntil":"<text>"}`)
		c.post("/api/events/hold", event{someID, 1}.bookBody("", "7")).is(404, `{"code":"event_not_found"}`)
		c.about(first, "confirm", "ann").is(200, `{}`)
		c.about(first, "extend", "ann").is(409, `{"code":"not_held"}`)

		key := "Idempotency-Key: one"
		free := c.event(3)
		c.post("/api/events/hold", free.bookBody("", "7"), key).is(201, `{}`)
		c.post("/api/events/hold", free.bookBody("", "7", `"seconds":5`), key).is(422, `{"code":"idempotency_mismatch"}`)
		c.post("/api/events/book", free.bookBody("", "7"), key).is(422, `{"code":"idempotency_mismatch"}`)
		c.post("/api/events/book", free.bookBody("", "8"), key).is(200, `{}`)
		c.post("/api/events/hold", free.bookBody("", "8"), key).is(422, `{"code":"idempotency_mismatch"}`)

		held := c.held(free, "ann")
		c.patch(free.path(), `{"holdSeconds":0}`).is(200, `{"holdSeconds":0}`)
		c.hold(free, "ann").is(409, `{"code":"holds_off"}`)
		c.patch(free.path(), `{"holdSeconds":60,"state":"paused"}`).is(200, `{}`)
		c.hold(free, "ann").is(409, `{"code":"event_paused"}`)
		c.about(held, "extend", "ann").is(409, `{"code":"event_paused"}`)
		c.patch(free.path(), `{"state":"closed"}`).is(200, `{}`)
		c.hold(free, "ann").is(409, `{"code":"event_closed"}`)
		c.about(held, "extend", "ann").is(409, `{"code":"event_closed"}`)
		c.about(held, "confirm", "ann").is(200, `{"late":false}`) // a promise is kept
	})
}

func TestSalesWindow(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		at := func(in time.Duration) string { return strconv.Quote(time.Now().Add(in).Format(time.RFC3339)) }
		tries := func(e event, status int, want string) {
			t.Helper()
			c.hold(e, "ann").is(status, want)
			c.book(e, "ann").is(status, want)
			c.post("/book", e.bookBody("/book", "7")).is(status, want)
		}
		e := c.event(4, `"opensAt":`+at(time.Hour), `"closesAt":`+at(2*time.Hour))
		opens := c.get(e.path()).is(200, `{"onSale":false,"bookableTickets":0,"opensAt":"<text>","closesAt":"<text>"}`)
		if left := opens.integer("opensInSeconds"); left < 3500 || left > 3600 {
			t.Errorf("it opens in %d seconds", left)
		}
		tries(e, 409, `{"code":"sale_not_started"}`)
		c.patch(e.path(), `{"opensAt":null}`).is(200, `{"onSale":true,"opensAt":null,"opensInSeconds":"<absent>","bookableTickets":4}`)
		held := c.held(e, "ann")
		c.confirmed(e, "ann")
		c.patch(e.path(), `{"closesAt":`+at(-time.Minute)+`}`).is(200, `{"onSale":false,"bookableTickets":0}`)
		tries(e, 409, `{"code":"sale_ended"}`)
		c.about(held, "confirm", "ann").is(200, `{}`)
		for member, value := range map[string]string{
			"opensAt": `"2026-11-27T10:00:00"`, "closesAt": `5`, "holdSeconds": `86401`, "offerSeconds": `604801`, "waitingList": `"yes"`,
		} {
			c.patch(e.path(), fmt.Sprintf(`{%q:%s}`, member, value)).is(400, `{}`).names("details", member)
		}
		c.patch(e.path(), `{"opensAt":`+at(time.Hour)+`,"closesAt":`+at(time.Minute)+`}`).is(400, `{}`).names("details", "closesAt must be after")
	})
}

// Who does not wait is told that it is sold out, by the request or by the event.
func TestNoWaitingList(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		c.book(e, "ann", `"waitingList":false`, `"reference":"order 7"`).is(200, `{}`)
		c.book(e, "bob", `"waitingList":false`).is(409, `{"code":"sold_out"}`)
		c.post("/book", e.bookBody("/book", "7", `"waitingList":false`)).is(409, `{"code":"sold_out"}`)
		waits := c.waiting(e, "bob", `"reference":"order 8"`)
		c.get("/api/bookings/"+waits).is(200, `{"reference":"order 8"}`)
		c.patch(e.path(), `{"waitingList":false}`).is(200, `{"waitingList":false}`)
		c.book(e, "cyd").is(409, `{"code":"sold_out"}`)
		c.stands(waits, "Waiting List", 1)
		c.book(e, "cyd", `"reference":" x"`).is(400, `{}`).names("details", "reference")
		c.book(e, "cyd", `"waitingList":1`).is(400, `{}`).names("details", "waitingList")
	})
}
