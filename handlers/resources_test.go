package handlers_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestGetEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(3, `"maxPerUser":2`, `"waitingListLimit":7`)
		c.get(e.path()).is(200, fmt.Sprintf(`{
			"eventId":%q,"uuid":%[1]q,"number":%d,"availableTickets":3,"totalTickets":3,"waitingListCount":0,
			"eventName":"Concert","confirmedTickets":0,"maxPerUser":2,"waitingListLimit":7,"state":"open","version":1,
			"createdAt":"<time>"}`, e.uuid, e.number))
		c.confirmed(e, "a", `"quantity":2`)
		c.waiting(e, "b", `"quantity":2`)
		c.get(e.path()).is(200, `{"availableTickets":1,"confirmedTickets":2,"waitingListCount":1,"version":3}`)
	})
}

// A booking through all of its life.
func TestGetBooking(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(1)
		first := c.confirmed(e, "ann")
		c.get("/api/bookings/"+first).is(200, fmt.Sprintf(`{"bookingId":%q,"eventId":%q,"eventNumber":%d,"userId":"ann",
			"quantity":1,"status":"Confirmed","createdAt":"<time>","position":"<absent>","version":2,"waited":false,
			"promotedVersion":"<absent>","cancelledVersion":"<absent>"}`, first, e.uuid, e.number))

		second := c.waiting(e, "bob")
		c.get("/api/bookings/"+second).is(200, fmt.Sprintf(`{"bookingId":%q,"userId":"bob","status":"Waiting List",
			"position":1,"version":3,"waited":true,"promotedVersion":"<absent>"}`, second))
		c.cancel(first, "ann").is(200, `{"version":4}`)
		c.get("/api/bookings/"+first).is(200, `{"status":"Cancelled","position":"<absent>","version":2,"cancelledVersion":4}`)
		c.get("/api/bookings/"+second).is(200, `{"status":"Confirmed","position":"<absent>","waited":true,
			"version":3,"promotedVersion":4}`)
		c.cancel(second, "bob").is(200, `{"version":5}`)
		c.get("/api/bookings/"+second).is(200, `{"status":"Cancelled","promotedVersion":4,"cancelledVersion":5}`)
	})
}

func TestPatchEachSetting(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		for version, change := range []string{
			`"eventName":"Opera \"1\""`, `"totalTickets":1000000000`, `"totalTickets":1`, `"maxPerUser":4`,
			`"waitingListLimit":9`, `"state":"paused"`, `"state":"open"`, `"maxPerUser":0`, `"waitingListLimit":0`, `"state":"closed"`,
			`"eventName":"Closed"`,
		} {
			want := fmt.Sprintf(`{%s,"eventId":%q,"number":%d,"version":%d,"createdAt":"<time>"}`, change, e.uuid, e.number, version+2)
			changed := c.patch(e.path(), "{"+change+"}").is(200, want)
			if got := c.get(e.path()).is(200, want); strings.TrimSuffix(got.body, "}\n")+",\"promoted\":[]}\n" != changed.body {
				t.Errorf("PATCH answered %s, GET %s", changed.body, got.body)
			}
		}
		c.get(fmt.Sprintf("/status/%d", e.number)).is(200, `{"name":"Closed"}`)
	})
}

func TestPatchSeveralSettings(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		all := `"eventName":"Opera","totalTickets":6,"maxPerUser":2,"waitingListLimit":3,"state":"paused"`
		c.patch(e.path(), "{"+all+"}").is(200, "{"+all+`,"version":2}`)
		// What is as asked is no change; neither is nothing.
		for _, same := range []string{"{" + all + "}", `{}`} {
			c.patch(e.path(), same).is(200, "{"+all+`,"version":2}`)
		}
	})
}

func TestPatchRefusals(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(5)
	before := c.get(e.path()).body
	for _, test := range []struct {
		field  string
		values []string
	}{
		{"totalTickets", []string{"0", "-1", "1000000001", "1.5", "1e3", `"5"`, "true", "null", "[]", "{}"}},
		{"maxPerUser", []string{"-1", "1000000001", "1.5", `"5"`, "null", "[]"}},
		{"waitingListLimit", []string{"-1", "1000000001", "1.5", `"5"`, "null", "[]"}},
		{"eventName", []string{`""`, "5", "null", "[]", "{}"}},
		{"state", []string{`""`, `"Open"`, `"opened"`, `"cancelled"`, "5", "null", "[]", "{}"}},
	} {
		for _, value := range test.values {
			// The good half of a bad request is not carried out.
			c.patch(e.path(), fmt.Sprintf(`{"maxPerUser":1,"eventName":"Opera",%q:%s}`, test.field, value)).
				is(400, `{"error":"Invalid input","code":"invalid_input"}`).names("details", test.field)
		}
	}
	c.patch(e.path(), `{"totalTickets":0,"state":"x"}`).is(400,
		`{"details":"totalTickets must be from 1 to 1000000000; state must be open, paused or closed"}`)
	if after := c.get(e.path()).body; after != before {
		t.Errorf("refused changes made %s of %s", after, before)
	}
}

func TestPatchCapacityBelowConfirmed(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		c.confirmed(e, "a", `"quantity":3`)
		c.patch(e.path(), `{"totalTickets":2,"eventName":"Opera"}`).is(409, `{"code":"capacity_below_confirmed",
			"error":"Capacity is below confirmed tickets","details":"<text>","confirmedTickets":3,"heldTickets":0,"heldUntil":"<absent>"}`)
		c.get(e.path()).is(200, `{"eventName":"Concert","totalTickets":5,"version":2}`)
		c.patch(e.path(), `{"totalTickets":3}`).is(200, `{"totalTickets":3,"availableTickets":0}`)
		b := c.waiting(e, "b")
		raise := []string{"Idempotency-Key: raise"}
		promoted := fmt.Sprintf(`{"promoted":[{"bookingId":%q,"userId":"b","quantity":1,"status":"Confirmed"}]}`, b)
		c.patch(e.path(), `{"totalTickets":4}`, raise...).is(200, `{"availableTickets":0,"waitingListCount":0,"confirmedTickets":4}`).
			is(200, promoted)
		c.patch(e.path(), `{"totalTickets":5}`).is(200, `{"promoted":[]}`)
		c.patch(e.path(), `{"totalTickets":4}`, raise...).is(200, `{"totalTickets":5}`).is(200, promoted)
	})
}

// A limit that is set later counts from then on; those who are over it stay.
func TestPatchLimitsLater(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2)
		first := c.confirmed(e, "a")
		c.confirmed(e, "a")
		waits := []string{c.waiting(e, "a"), c.waiting(e, "b")}
		c.patch(e.path(), `{"maxPerUser":1,"waitingListLimit":1}`).is(200, `{"waitingListCount":2}`)
		c.book(e, "a").is(409, `{"code":"user_limit"}`)
		c.book(e, "c").is(409, `{"code":"waiting_list_full"}`)
		c.cancel(first, "a").is(200, fmt.Sprintf(`{"details":{"nextBookingId":%q}}`, waits[0]))
		c.patch(e.path(), `{"maxPerUser":0,"waitingListLimit":0}`).is(200, `{"waitingListCount":1}`)
		c.waiting(e, "a")
	})
}
