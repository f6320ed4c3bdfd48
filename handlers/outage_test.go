package handlers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"boxoffice/handlers"
	"boxoffice/store"
)

const outageDeadline = 100 * time.Millisecond

func quickly(o *handlers.Options) {
	o.RequestTimeout = outageDeadline
	health := o.Health
	o.Health = func(ctx context.Context) store.Health {
		ctx, cancel := context.WithTimeout(ctx, outageDeadline)
		defer cancel()
		return health(ctx)
	}
}

// A real Redis that dies and comes back, and one that is there but does not
// answer. One test, since both need the server for themselves.
func TestOutage(t *testing.T) {
	t.Parallel()
	// With everysec, a crash while the disk is slow may take what was acknowledged.
	server := realServers.running(t, &realServers.mortal, "--appendfsync", "always")
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	c := serve(t, s)
	quick := serve(t, s, quickly)
	e := c.event(2)
	booking := c.confirmed(e, "ann")

	unavailable := func(a *answer, began time.Time) {
		t.Helper()
		a.is(503, `{"code":"unavailable"}`).hasHeader("Retry-After", "1")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s with a deadline of %s", a.request, took, outageDeadline)
		}
	}

	server.Kill()
	for _, call := range storeCalls {
		began := time.Now()
		unavailable(quick.send(call.method, call.path, call.body), began)
	}
	began := time.Now()
	unavailable(quick.get("/readyz"), began)
	quick.get("/livez").is(200, `{}`)
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	c.stands(booking, "Confirmed", 0)
	c.get("/readyz").is(200, `{}`)

	// A paused Redis accepts scripts and runs them later: at the deadline their outcome is
	// unknown.
	admin := server.Client()
	defer func() { _ = admin.Close() }()
	ctx := context.Background()
	if err := admin.Do(ctx, "CLIENT", "PAUSE", "60000", "WRITE").Err(); err != nil {
		t.Fatal(err)
	}
	const key = "Idempotency-Key: k"
	began = time.Now()
	unavailable(quick.post("/book", e.bookBody("/book", `"bob"`), key), began)
	began = time.Now()
	unavailable(quick.cancel(booking, "ann"), began)
	if err := admin.Do(ctx, "CLIENT", "UNPAUSE").Err(); err != nil {
		t.Fatal(err)
	}
	booked := c.post("/book", e.bookBody("/book", `"bob"`), key).is(201, `{}`).text("bookingId")
	c.cancel(booking, "ann").is(200, `{}`)
	// However often each was carried out, it has happened once.
	c.get(e.path()).is(200, `{"confirmedTickets":1,"waitingListCount":0,"version":4}`)
	c.get(e.path()+"/bookings").is(200, fmt.Sprintf(
		`{"bookings":[{"bookingId":%q,"status":"Confirmed"},{"bookingId":%q,"status":"Cancelled"}]}`, booked, booking))
}

// A closed store is unavailable, as an embedded one is at the very end.
func TestClosedStore(t *testing.T) {
	t.Parallel()
	s, err := store.Open(context.Background(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, s, quickly)
	c.event(1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, call := range storeCalls {
		c.send(call.method, call.path, call.body).is(503, `{"code":"unavailable"}`).hasHeader("Retry-After", "1")
	}
}
