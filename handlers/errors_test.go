package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"boxoffice/handlers"
	"boxoffice/store"
)

const secret = "redis://admin:hunter2@10.0.0.1: BUSYKEY"

// A store that does not answer: 503 at the request's deadline, for every call.
func TestStoreThatHangs(t *testing.T) {
	t.Parallel()
	const deadline = 30 * time.Millisecond
	f := &fake{fails: hang}
	var j journal
	c := serve(t, f, j.into, func(o *handlers.Options) { o.RequestTimeout = deadline })
	for _, call := range storeCalls {
		began := time.Now()
		a := c.send(call.method, call.path, call.body, "X-Request-Id: the-id").is(503, `{"code":"unavailable"}`).
			hasHeader("Retry-After", "1").hasHeader(replayed, "")
		// Far below any other timeout, far above what a busy machine adds.
		if took := time.Since(began); took < deadline || took > 5*time.Second {
			t.Errorf("%s took %s with a deadline of %s", a.request, took, deadline)
		}
		if strings.HasPrefix(call.path, "/api/") {
			a.holds(`{"title":"Service unavailable","error":"Service unavailable"}`).names("details", "with the same Idempotency-Key").
				names("details", "safe")
		} else {
			a.names("message", "with the same Idempotency-Key").names("message", "safe")
		}
		if strings.Contains(a.body, "hunter2") {
			t.Errorf("%s leaks the cause: %s", a.request, a.body)
		}
		lines := j.take(t)
		if len(lines) != 1 || lines[0]["level"] != "warning" || lines[0]["request_id"] != "the-id" ||
			!strings.Contains(fmt.Sprint(lines[0]["error"]), secret) {
			t.Errorf("%s logged %v", a.request, lines)
		}
	}
	if calls := f.calls.Load(); calls != int64(len(storeCalls)) {
		t.Errorf("%d requests made %d calls of the store", len(storeCalls), calls)
	}
}

// An unforeseen error: fixed words for the client, the cause for the log.
func TestInternalError(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return errors.New(secret) }}, j.into)
	for _, call := range storeCalls {
		a := c.send(call.method, call.path, call.body, "X-Request-Id: the-id")
		checkInternalError(t, a, call.path)
		lines := j.take(t)
		if len(lines) != 1 || lines[0]["level"] != "error" || lines[0]["error"] != secret ||
			lines[0]["request_id"] != "the-id" || lines[0]["method"] != call.method || lines[0]["route"] != template(call.path) {
			t.Errorf("%s logged %v", a.request, lines)
		}
	}
}

// template is the route of a path of storeCalls.
func template(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path = strings.Replace(path, "/api/bookings/"+someID, "/api/bookings/{bookingId}", 1)
	path = strings.Replace(path, someID, "{eventId}", 1)
	return strings.Replace(path, "/status/1", "/status/{eventId}", 1)
}

func checkInternalError(t *testing.T, a *answer, path string) {
	t.Helper()
	want := `{"message":"Internal server error","code":"internal_error","requestId":"the-id"}`
	if strings.HasPrefix(path, "/api/") {
		want = `{"type":"urn:boxoffice:problem:internal_error","title":"Internal server error","status":500,` +
			`"detail":"An unexpected error occurred","code":"internal_error",` +
			`"error":"Internal server error","details":"An unexpected error occurred","requestId":"the-id"}`
	}
	if a.status != 500 || a.body != want+"\n" {
		t.Errorf("%s answered %d %s, want 500 %s", a.request, a.status, a.body, want)
	}
	a.hasHeader("Retry-After", "").hasHeader("X-Request-Id", "the-id")
}

// Damaged data is an error of its own: the client hears that repeating will not help, the log
// what is wrong.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return fmt.Errorf("%s: %w", secret, store.ErrDamaged) }}, j.into)
	for _, call := range storeCalls {
		a := c.send(call.method, call.path, call.body).is(500, `{"code":"damaged"}`).hasHeader("Retry-After", "")
		if strings.HasPrefix(call.path, "/api/") {
			a.holds(`{"error":"Internal server error","details":"An unexpected error occurred"}`)
		}
		if strings.Contains(a.body, "hunter2") {
			t.Errorf("%s leaks the cause: %s", a.request, a.body)
		}
		if lines := j.take(t); len(lines) != 1 || lines[0]["level"] != "error" || !strings.Contains(fmt.Sprint(lines[0]["error"]), secret) {
			t.Errorf("%s logged %v", a.request, lines)
		}
	}
}

// On another store than the service knows, changes are refused. The log has said so once.
func TestOtherStore(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return store.ErrOtherStore }}, j.into)
	for _, call := range storeCalls {
		if call.method == "GET" {
			continue
		}
		a := c.send(call.method, call.path, call.body).is(503, `{"code":"other_store"}`).hasHeader("Retry-After", "1")
		a.names(explainedIn(call.path), "not carried out")
	}
	if lines := j.take(t); len(lines) != 0 {
		t.Errorf("refusing was logged: %v", lines[0])
	}
}

// A refusal is recognised however deep it is wrapped, and is nothing to log.
func TestRefusalsFromTheStore(t *testing.T) {
	t.Parallel()
	known := map[string]struct {
		err    error
		status int
	}{
		"event_not_found":          {store.ErrEventNotFound, 404},
		"booking_not_found":        {store.ErrBookingNotFound, 404},
		"event_paused":             {store.ErrEventPaused, 409},
		"event_closed":             {store.ErrEventClosed, 409},
		"user_limit":               {store.ErrUserLimit, 409},
		"waiting_list_full":        {store.ErrWaitingListFull, 409},
		"quantity_over_capacity":   {store.ErrOverCapacity, 409},
		"capacity_below_confirmed": {store.ErrCapacityBelowConfirmed, 409},
		"idempotency_mismatch":     {store.ErrIdempotencyMismatch, 422},
		"invalid_input":            {store.ErrBadCursor, 400},
		"unavailable":              {store.ErrUnavailable, 503},
		"storage_full":             {store.ErrStorageFull, 503},
		"refused":                  {store.ErrRefused, 503},
		"quantity_limit":           {store.ErrQuantityLimit, 409},
		"version_mismatch":         {store.ErrVersionMismatch, 412},
		"sold_out":                 {store.ErrSoldOut, 409},
		"sale_not_started":         {store.ErrSaleNotStarted, 409},
		"sale_ended":               {store.ErrSaleEnded, 409},
		"holds_off":                {store.ErrHoldsOff, 409},
		"hold_limit":               {store.ErrHoldLimit, 409},
		"hold_expired":             {store.ErrHoldExpired, 409},
		"not_held":                 {store.ErrNotHeld, 409},
		"quantity_increase":        {store.ErrQuantityIncrease, 409},
		"booking_cancelled":        {store.ErrBookingCancelled, 409},
		"booking_waiting":          {store.ErrBookingWaiting, 409},
		"overloaded":               {store.ErrOverloaded, 503},
		"other_store":              {store.ErrOtherStore, 503},
		"damaged":                  {store.ErrDamaged, 500},
	}
	for code, err := range handlers.StoreErrors() {
		if !errors.Is(known[code].err, err) {
			t.Errorf("%s, %v, is not tested here", code, err)
		}
	}
	for code, refusal := range known {
		var j journal
		c := serve(t, &fake{fails: func(context.Context) error {
			return fmt.Errorf("outer: %w", fmt.Errorf("inner: %w", refusal.err))
		}}, j.into)
		c.impossible = true // a reading is not refused for a paused event
		for _, call := range storeCalls {
			c.send(call.method, call.path, call.body).is(refusal.status, fmt.Sprintf(`{"code":%q}`, code))
		}
		if lines := j.take(t); len(lines) != 0 && refusal.status < 500 {
			t.Errorf("%s logged %v", code, lines)
		}
	}
}

// A full Redis refuses what makes it fuller, in both APIs, and nothing was done.
func TestStorageFull(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return store.ErrStorageFull }}, j.into)
	tried := 0
	for _, call := range storeCalls {
		if call.method == "GET" || path.Base(call.path) == "cancel" || strings.HasPrefix(call.path, "/api/bookings/") {
			continue // what a full Redis still takes
		}
		tried++
		c.send(call.method, call.path, call.body).is(503, `{"code":"storage_full"}`).hasHeader("Retry-After", "1")
	}
	if tried != 6 {
		t.Errorf("%d calls were tried, want initialize and book in both APIs, hold, and PATCH", tried)
	}
}

// What only an operator can end is told as not carried out, in both APIs. The log has it once, as
// a condition of Redis, and not for each request.
func TestRefused(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return store.ErrRefused }}, j.into)
	for _, call := range storeCalls {
		a := c.send(call.method, call.path, call.body).is(503, `{"code":"refused"}`).hasHeader("Retry-After", "1")
		a.names(explainedIn(call.path), "not carried out")
	}
	if lines := j.take(t); len(lines) != 0 {
		t.Errorf("refusing was logged: %v", lines[0])
	}
}

// Beyond the bound on calls in flight, both APIs refuse a request and say that it was not
// carried out. It is not logged: a line for each would add to the load.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { return store.ErrOverloaded }}, j.into)
	for _, call := range storeCalls {
		a := c.send(call.method, call.path, call.body).is(503, `{"code":"overloaded"}`).hasHeader("Retry-After", "1")
		member := explainedIn(call.path)
		a.names(member, "safe to repeat").names(member, "not carried out")
	}
	if lines := j.take(t); len(lines) != 0 {
		t.Errorf("refusing was logged: %v", lines[0])
	}
}

// A replay that the client did not ask for, since it gave no key, is the store's
// own retry: the client sees one request and one answer.
func TestReplayWithoutKeyIsNotMarked(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{replayed: true})
	for _, path := range []string{"/initialize", "/api/events/initialize", "/book", "/api/events/book", "/cancel"} {
		for _, call := range storeCalls {
			if call.path == path {
				c.send(call.method, path, call.body).hasHeader(replayed, "")
				c.send(call.method, path, call.body, "Idempotency-Key: k").hasHeader(replayed, "true")
			}
		}
	}
}
