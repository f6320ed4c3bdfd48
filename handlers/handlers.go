// Package handlers speaks HTTP: it routes, parses and checks what clients send,
// makes one call of the store, and renders the answer. Two APIs share that
// core: the event API (UUIDs, /api/events/...) and the short API (integers, /book).
package handlers

import (
	"context"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"boxoffice/store"
)

// Store is what the handlers need of package store.
type Store interface {
	Initialize(context.Context, store.InitializeRequest) (store.InitializeResult, error)
	Book(context.Context, store.BookRequest) (store.BookResult, error)
	Cancel(context.Context, store.CancelRequest) (store.CancelResult, error)
	CancelOldest(context.Context, store.CancelOldestRequest) (store.CancelResult, error)
	Update(context.Context, store.UpdateRequest) (store.Event, error)
	Event(context.Context, store.EventRef) (store.Event, error)
	Events(ctx context.Context, cursor string, limit int) (store.EventPage, error)
	Booking(context.Context, uuid.UUID) (store.Booking, error)
	Bookings(ctx context.Context, event store.EventRef, cursor string, limit int) (store.BookingPage, error)
}

// Options says how to serve.
type Options struct {
	Store          Store
	Log            *logrus.Logger
	RequestTimeout time.Duration // for everything that a request does once it has been read
	AccessLog      bool          // one line for each request
	LogUserSalt    string        // key of the hashes that stand for users in the log; empty: a random one
	Metrics        *Metrics      // measures requests; nil: nothing is measured
	ScrapeHandler  http.Handler  // serves /metrics; nil: there is no such path
	Engine         string        // what the store runs on, for /readyz
	Version        string        // of the service, for /readyz
	RateLimit      float64       // requests a second for each client not on loopback, 0 = no limit

	APIKeys        []APIKey       // who may do what; none: everybody may do everything
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	CORSOrigins    []string       // whose pages may call; none: no CORS

	// Health says what /readyz answers. It bounds its own time, and is called for each
	// such request: it should remember what it found for a moment.
	Health func(context.Context) store.Health
}

// API serves the whole of HTTP. Make one with New.
type API struct {
	Options
	handler  http.Handler
	users    userHash
	draining atomic.Bool
}

// New returns the API with its routes.
func New(options Options) *API {
	a := &API{Options: options, users: newUserHash(options.LogUserSalt)}
	a.handler = a.withMiddleware(a.routes())
	return a
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Drain makes /readyz answer 503 from now on, so that no new clients are sent here.
func (a *API) Drain() { a.draining.Store(true) }

// call is the way of every request: parse it, make one call of the store, render
// the result. Whatever fails is rendered by fail.
func call[Request, Result any](
	a *API,
	parse func(*http.Request) (Request, error),
	do func(context.Context, Request) (Result, error),
	render func(http.ResponseWriter, Request, Result),
	fail failure,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := parse(r) // in the time that the server gives a client to send
		seen := noteRequest(a, w, &request)
		if err != nil {
			a.fail(w, r, fail, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), a.RequestTimeout)
		defer cancel()
		result, err := do(ctx, request)
		if err != nil {
			a.fail(w, r, fail, err)
			return
		}
		noteResult(a, seen, &result)
		render(w, request, result)
	}
}
