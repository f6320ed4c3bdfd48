package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// route is one call: who may make it, and what answers it.
type route struct {
	method  string
	path    string
	scopes  Scope // any one of them opens it; none: nobody may make it
	handler http.HandlerFunc
	query   []string // parameters that the query may have
	lenient bool     // the query may be anything: a probe's, a browser's

	narrowing string // a parameter of the query without which the scopes are those narrowed; empty: none
	narrowed  Scope
}

// scopesOf are those of which any one opens the route to a request.
func (r route) scopesOf(request *http.Request) Scope {
	if r.narrowing != "" && !request.URL.Query().Has(r.narrowing) {
		return r.narrowed
	}
	return r.scopes
}

// takes says which parameters the query of a route may have.
func (r route) takes(query ...string) route {
	r.query = query
	return r
}

// without says who may make the call if its query lacks a parameter: fewer than otherwise.
func (r route) without(parameter string, scopes Scope) route {
	r.narrowing, r.narrowed = parameter, scopes
	return r
}

// takesAny makes a route one whose query may be anything.
func (r route) takesAny() route {
	r.lenient = true
	return r
}

// get declares a call that HEAD may make too.
func get(path string, scopes Scope, handler http.HandlerFunc) route {
	return route{method: http.MethodGet, path: path, scopes: scopes, handler: handler}
}

func post(path string, scopes Scope, handler http.HandlerFunc) route {
	return route{method: http.MethodPost, path: path, scopes: scopes, handler: handler}
}

func patch(path string, scopes Scope, handler http.HandlerFunc) route {
	return route{method: http.MethodPatch, path: path, scopes: scopes, handler: handler}
}

// methods are those of the requests that the route takes.
func (r route) methods() []string {
	if r.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{r.method}
}

// table declares every route, once. Paths are tried in this order, so the busiest come first.
func (a *API) table() []route {
	s := a.Store
	table := []route{
		post("/api/events/book", ScopeBooking, call(a, parseEventBook, s.Book, renderEventBooked, eventFailure)),
		post("/book", ScopeBooking, call(a, parseShortBook, s.Book, renderShortBooked, shortFailure)),
		post("/api/events/hold", ScopeBooking, call(a, parseHold, a.hold, renderHeld, eventFailure)),
		post("/api/bookings/{bookingId}/confirm", ScopeBooking, call(a, parseConfirm, a.confirm, renderConfirmed, eventFailure)),
		post("/api/bookings/{bookingId}/extend", ScopeBooking, call(a, parseExtend, a.extend, renderExtended, eventFailure)),
		post("/api/events/cancel", either, call(a, parseEventCancel, s.Cancel, renderEventCancelled, eventFailure)),
		post("/cancel", ScopeBooking, call(a, parseShortCancel, s.CancelOldest, renderShortCancelled, shortFailure)),
		get("/api/events/status/{eventId}", either, call(a, parseEventPath, s.Event, renderEventStatus, eventFailure)),
		get("/status/{eventId}", either, call(a, parseShortPath, s.Event, renderShortStatus, shortFailure)),
		get("/api/bookings/{bookingId}", ScopeBooking, call(a, parseBookingPath, s.Booking, renderBooking, eventFailure)),
		patch("/api/bookings/{bookingId}", either, call(a, parseReduce, s.Reduce, renderReduced, eventFailure)),
		post("/api/events/initialize", ScopeOrganizer,
			call(a, parseEventInitialize, s.Initialize, renderEventInitialized, initializeFailure)),
		post("/initialize", ScopeOrganizer, call(a, parseShortInitialize, s.Initialize, renderShortInitialized, shortFailure)),

		get("/api/events", either, call(a, parsePage, a.listEvents, renderEvents, eventFailure)).takes("limit", "cursor"),
		get("/api/events/{eventId}", either, call(a, parseEventPath, s.Event, renderEvent, eventFailure)),
		patch("/api/events/{eventId}", ScopeOrganizer, call(a, parseUpdate, a.update, renderUpdated, eventFailure)),
		get("/api/events/{eventId}/bookings", either,
			call(a, parseBookings, s.Bookings, renderBookings, eventFailure)).takes("limit", "cursor", "userId", "status").
			without("userId", ScopeOrganizer),
	}
	return append(table, a.storeless(a.readyz)...)
}

// storeless declares the routes that need no store.
func (a *API) storeless(readyz http.HandlerFunc) []route {
	table := []route{
		get(livezPath, anybody, a.livez).takesAny(),
		get(readyzPath, anybody, readyz).takesAny(),
		get(openAPIPath, anybody, openAPI).takesAny(),
		get(docsPath, anybody, docsPage()).takesAny(),
	}
	if a.ScrapeHandler != nil {
		table = append(table, get(metricsPath, ScopeMetrics, a.ScrapeHandler.ServeHTTP).takesAny())
	}
	return table
}

// routes makes the router of an API with a store.
func (a *API) routes() *mux.Router { return a.routerOf(a.table(), errNoRoute) }

// startingRoutes makes the router of an API that has no store yet: what needs one is not
// carried out.
func (a *API) startingRoutes() *mux.Router {
	return a.routerOf(a.storeless(a.readyzStarting), errStarting)
}

// routerOf makes a router of a table. A path takes no other methods than its routes do, and
// other paths are answered with an error.
func (a *API) routerOf(table []route, otherwise error) *mux.Router {
	router := mux.NewRouter().SkipClean(true) // cleaning redirects, and a redirected POST becomes a GET
	allowed := map[string][]string{}          // methods, by path
	for _, first := range table {
		path := first.path
		if allowed[path] != nil {
			continue
		}
		for _, r := range table {
			if r.path != path {
				continue
			}
			if !r.lenient {
				r.handler = a.strictQuery(r)
			}
			for _, method := range r.methods() {
				router.HandleFunc(path, a.on(path, method, a.guard(r))).Methods(method)
				allowed[path] = append(allowed[path], method)
			}
		}
		router.HandleFunc(path, a.on(path, otherMethod, a.methodNotAllowed(allowed[path])))
	}
	router.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, failureFor(r), otherwise)
	})
	return router
}

func (a *API) methodNotAllowed(methods []string) http.HandlerFunc {
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, r, failureFor(r), errMethod)
	}
}
