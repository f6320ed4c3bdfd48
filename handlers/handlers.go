// Package handlers serves HTTP: it routes requests, parses and checks them, makes one call
// of the store for each, and renders the answers. Two APIs share that core: the event API
// (UUIDs, /api/events/...) and the short API (integers, /book).
package handlers

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"

	"boxoffice/store"
)

// Store is what the handlers need of package store.
type Store interface { //nolint:interfacebloat // a method a verb
	Initialize(context.Context, store.InitializeRequest) (store.InitializeResult, error)
	Book(context.Context, store.BookRequest) (store.BookResult, error)
	Hold(context.Context, store.HoldRequest) (store.HoldResult, error)
	Confirm(ctx context.Context, booking uuid.UUID, user string) (store.ConfirmResult, error)
	Extend(ctx context.Context, booking uuid.UUID, user string, seconds int64) (store.ExtendResult, error)
	Cancel(context.Context, store.CancelRequest) (store.CancelResult, error)
	Reduce(context.Context, store.ReduceRequest) (store.ReduceResult, error)
	CancelOldest(context.Context, store.CancelOldestRequest) (store.CancelResult, error)
	Update(context.Context, store.UpdateRequest) (store.UpdateResult, error)
	Event(context.Context, store.EventRef) (store.Event, error)
	Events(ctx context.Context, cursor string, limit int) (store.EventPage, error)
	Booking(context.Context, uuid.UUID) (store.Booking, error)
	Bookings(context.Context, store.BookingsRequest) (store.BookingPage, error)
}

// Options says how to serve.
type Options struct {
	Store          Store // nil: there is none yet, see Connect
	Log            *logrus.Logger
	RequestTimeout time.Duration // for everything that a request does once it has been read
	AccessLog      bool          // one line for each request
	LogUserSalt    string        // key of the hashes that stand for users in the log; empty: a random one
	Metrics        *Metrics      // measures requests; nil: nothing is measured
	ScrapeHandler  http.Handler  // serves /metrics; nil: there is no such path
	Engine         string        // what the store runs on, for /readyz
	Version        string        // of the service, for /readyz
	RateLimit      float64       // requests per second of each client but this machine's own programs, 0 = no limit

	APIKeys        []APIKey       // who may do what; none: programs on this machine may do everything
	OpenToAll      bool           // without keys, everybody may do everything
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	CORSOrigins    []string       // whose pages may call; none: no CORS

	// Health is what /readyz answers. It is called for each such request, so it has to bound
	// its own time, and should remember its result for a moment.
	Health func(context.Context) store.Health
}

// API serves the whole of HTTP. Make one with New.
type API struct {
	Options
	handler  http.Handler
	router   atomic.Pointer[mux.Router]
	users    userHash
	draining atomic.Bool

	keyed     bool // a key is required
	keys      atomic.Pointer[[]knownKey]
	replacing sync.Mutex // held while the keys are replaced
	limiters  *limiters  // nil: rates are not limited
}

// New returns the API with its routes.
func New(options Options) *API {
	a := &API{Options: options, users: newUserHash(options.LogUserSalt), keyed: len(options.APIKeys) > 0}
	if a.RateLimit > 0 {
		a.limiters = newLimiters(a.RateLimit, maxLimiters)
	}
	a.SetAPIKeys(options.APIKeys)
	if a.Store == nil {
		a.router.Store(a.startingRoutes())
	} else {
		a.router.Store(a.routes())
	}
	a.handler = a.withMiddleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.router.Load().ServeHTTP(w, r)
	}))
	return a
}

// Connect gives the store, its engine and what /readyz answers to an API that was made
// without: until then it is alive and not ready. It is for calling once.
func (a *API) Connect(s Store, engine string, health func(context.Context) store.Health) {
	a.Store, a.Engine, a.Health = s, engine, health
	a.router.Store(a.routes())
}

// ServeHTTP serves one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// call handles every request in the same way: parse it, make one call of the store, render
// the result. An error of either is rendered by fail.
func call[Request, Result any](
	a *API,
	parse func(*http.Request) (Request, error),
	do func(context.Context, Request) (Result, error),
	render func(http.ResponseWriter, Request, Result),
	fail failure,
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := parse(r) // within the server's time limits for reading
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
