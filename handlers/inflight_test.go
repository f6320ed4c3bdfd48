package handlers_test

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"boxoffice/handlers"
)

// Past the bound a request is refused at once, in both spellings, and changes nothing;
// a place that was left is free again, however its request ended. Health checks are
// never refused, nor do clients count who have not sent their request yet.
func TestRequestsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const bound = 3
	goOn := make(chan struct{})
	entered := make(chan struct{}, 100)
	f := &fake{fails: func(context.Context) error {
		entered <- struct{}{}
		<-goOn
		return nil
	}}
	var j journal
	c := serve(t, f, j.into, func(o *handlers.Options) {
		o.MaxInFlight = bound
		o.Health = (&fake{}).Health
	})

	// A client that never sends its body.
	body, sending := io.Pipe()
	var slow, clients sync.WaitGroup
	slow.Go(func() {
		c.api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/book", body))
	})
	for round := range 2 { // the second one finds the places of the first
		for range bound {
			clients.Go(func() { c.get("/status/1").is(200, `{}`) })
		}
		for range bound {
			<-entered
		}
		for _, call := range storeCalls {
			a := c.send(call.method, call.path, call.body).is(503, `{"code":"overloaded"}`).hasHeader("Retry-After", "1")
			member := "message"
			if strings.HasPrefix(call.path, "/api/") {
				member = "details"
			}
			a.names(member, "safe to repeat").names(member, "not carried out")
		}
		c.get("/livez").is(200, `{}`)
		c.get("/readyz").is(200, `{}`)
		if calls := f.calls.Load(); calls != int64(bound*(round+1)) {
			t.Errorf("the store was called %d times, want %d", calls, bound*(round+1))
		}
		for range bound {
			goOn <- struct{}{}
		}
		clients.Wait()
	}
	_ = sending.CloseWithError(io.ErrUnexpectedEOF)
	slow.Wait()
	if lines := j.take(t); len(lines) != 0 {
		t.Errorf("refusing was logged: %v", lines[0])
	}
}

// A request that panics leaves its place too, and 0 is no bound.
func TestPlacesAreLeft(t *testing.T) {
	t.Parallel()
	f := &fake{fails: func(context.Context) error { panic("x") }}
	var j journal
	c := serve(t, f, j.into, func(o *handlers.Options) { o.MaxInFlight = 1 })
	for range 3 {
		c.get("/status/1").is(500, `{}`)
	}
	var all sync.WaitGroup
	const many = 20
	arrived := make(chan struct{}, many)
	goOn := make(chan struct{})
	unbounded := serve(t, &fake{fails: func(context.Context) error {
		arrived <- struct{}{}
		<-goOn
		return nil
	}})
	for range many {
		all.Go(func() { unbounded.get("/status/1").is(200, `{}`) })
	}
	for range many {
		<-arrived
	}
	close(goOn)
	all.Wait()
}
