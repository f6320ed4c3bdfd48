package handlers_test

import (
	"fmt"
	"testing"

	"boxoffice/store"
)

func TestOrganizerCancels(t *testing.T) {
	t.Parallel()
	c := serve(t, open(t, store.Config{}), withKeys(t))
	counter, desk := bearer(bookingKey), bearer(organizerKey)
	event := c.post("/api/events/initialize", `{"eventName":"Concert","totalTickets":2}`, desk).is(201, `{}`).text("eventId")
	book := func(user string) string {
		t.Helper()
		return c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":%q}`, event, user), counter).is(200, `{}`).text("bookingId")
	}
	anns, bobs := book("ann"), book("bob")
	cancel := func(body, key string) *answer { t.Helper(); return c.post("/api/events/cancel", body, key) }

	cancel(fmt.Sprintf(`{"bookingId":%q}`, anns), counter).is(400, `{}`).names("details", "userId is required")
	cancel(fmt.Sprintf(`{"bookingId":%q,"userId":"bob"}`, anns), desk).is(404, `{"code":"booking_not_found"}`)
	cancel(fmt.Sprintf(`{"bookingId":%q}`, anns), desk).is(200, `{"version":4}`)
	cancel(fmt.Sprintf(`{"bookingId":%q,"userId":null}`, anns), desk).is(200, `{"version":4}`)
	cancel(fmt.Sprintf(`{"bookingId":%q,"userId":"bob"}`, bobs), desk).is(200, `{"version":5}`)
	c.post("/api/events/book", fmt.Sprintf(`{"eventId":%q,"userId":"x"}`, event), desk).is(403, `{}`)
	c.post("/cancel", `{"eventId":1,"userId":"x"}`, desk).is(403, `{}`)
}

// Where no keys are asked for, everybody is an organizer.
func TestAnybodyCancelsWithoutKeys(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1)
	booking := c.confirmed(e, "ann")
	c.post("/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":"bob"}`, booking)).is(404, `{}`)
	c.post("/api/events/cancel", fmt.Sprintf(`{"bookingId":%q}`, booking)).is(200, `{}`)
}
