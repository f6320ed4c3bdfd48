package handlers_test

import (
	"fmt"
	"testing"
)

// Whoever read an event at a version can make sure that a change of it undoes no other.
func TestIfMatch(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		c.get(e.path()).is(200, `{"version":1}`).hasHeader("Etag", `"1"`)
		c.get("/api/events/status/"+e.uuid).is(200, `{}`).hasHeader("Etag", `"1"`)
		c.get(fmt.Sprintf("/status/%d", e.number)).is(200, `{}`).hasHeader("Etag", `"1"`)
		c.patch(e.path(), `{"totalTickets":6}`, `If-Match: "1"`).is(200, `{"version":2}`).hasHeader("Etag", `"2"`)
		for _, tags := range []string{`"1"`, `"99999"`, `W/"2"`, `"1", "3"`, `"x"`, `""`, `"02"`, `"2.0"`} {
			c.patch(e.path(), `{"totalTickets":7}`, "If-Match: "+tags).is(412, `{"code":"version_mismatch"}`)
		}
		for _, malformed := range []string{"2", `"2`, `"2" "3"`, "W/2", `"a"b"`, " ", ","} {
			c.patch(e.path(), `{"totalTickets":7}`, "If-Match: "+malformed).is(400, `{}`).names("details", "If-Match")
		}
		c.get(e.path()).is(200, `{"totalTickets":6,"version":2}`)
		for i, tags := range []string{`"2"`, `"1", "3"`, `W/"4" , "4",`, "*", `,"a,b",, "6"`} {
			c.patch(e.path(), fmt.Sprintf(`{"totalTickets":%d}`, 10+i), "If-Match: "+tags).is(200, `{}`)
		}
		c.patch("/api/events/00000000-ffff-8fff-bfff-ffffffffffff", `{"totalTickets":7}`, "If-Match: *").is(404, `{}`)
	})
}

// A repetition of a change never undoes a later one.
func TestIdempotencyKeyOfAChange(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(5)
		first := []string{"Idempotency-Key: first", `If-Match: "1"`}
		c.patch(e.path(), `{"totalTickets":6}`, first...).is(200, `{"totalTickets":6,"version":2}`).hasHeader(replayed, "")
		c.patch(e.path(), `{"totalTickets":7}`).is(200, `{"version":3}`)
		c.patch(e.path(), `{"totalTickets":6}`, first...).is(200, `{"totalTickets":7,"version":3}`).
			hasHeader(replayed, "true").hasHeader("Etag", `"3"`)
		c.patch(e.path(), `{"totalTickets":8}`, first...).is(422, `{"code":"idempotency_mismatch"}`)
		c.patch(e.path(), `{"totalTickets":6}`, "Idempotency-Key: ").is(400, `{}`).names("details", "Idempotency-Key")
		c.get(e.path()).is(200, `{"totalTickets":7,"version":3}`)
	})
}
