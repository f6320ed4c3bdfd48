package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// methods are the handlers of one path.
type methods map[string]http.HandlerFunc

func get(handler http.HandlerFunc) methods {
	return methods{http.MethodGet: handler, http.MethodHead: handler}
}

func post(handler http.HandlerFunc) methods { return methods{http.MethodPost: handler} }

// routes lists every path. mux tries them in this order, so the busiest come first.
func (a *API) routes() *mux.Router {
	router := mux.NewRouter().SkipClean(true) // cleaning redirects, and a redirected POST becomes a GET
	route := func(path string, handlers methods) {
		for method, handler := range handlers {
			router.HandleFunc(path, a.on(path, method, a.guard(method, path, handler))).Methods(method)
		}
		router.HandleFunc(path, a.on(path, otherMethod, a.methodNotAllowed(handlers)))
	}
	s := a.Store

	route("/api/events/book", post(call(a, parseEventBook, s.Book, renderEventBooked, eventFailure)))
	route("/book", post(call(a, parseShortBook, s.Book, renderShortBooked, shortFailure)))
	route("/api/events/cancel", post(call(a, parseEventCancel, s.Cancel, renderEventCancelled, eventFailure)))
	route("/cancel", post(call(a, parseShortCancel, s.CancelOldest, renderShortCancelled, shortFailure)))
	route("/api/events/status/{eventId}", get(call(a, parseEventPath, s.Event, renderEventStatus, eventFailure)))
	route("/status/{eventId}", get(call(a, parseShortPath, s.Event, renderShortStatus, shortFailure)))
	route("/api/bookings/{bookingId}", get(call(a, parseBookingPath, s.Booking, renderBooking, eventFailure)))
	route("/api/events/initialize", post(
		call(a, parseEventInitialize, s.Initialize, renderEventInitialized, initializeFailure)))
	route("/initialize", post(call(a, parseShortInitialize, s.Initialize, renderShortInitialized, shortFailure)))

	route("/api/events", get(call(a, parsePage, a.listEvents, renderEvents, eventFailure)))
	event := get(call(a, parseEventPath, s.Event, renderEvent, eventFailure))
	event[http.MethodPatch] = call(a, parseUpdate, s.Update, renderUpdated, eventFailure)
	route("/api/events/{eventId}", event)
	route("/api/events/{eventId}/bookings", get(
		call(a, parseBookingsPage, a.listBookings, renderBookings, eventFailure)))

	route(livezPath, get(a.livez))
	route(readyzPath, get(a.readyz))
	if a.ScrapeHandler != nil {
		route(metricsPath, get(a.ScrapeHandler.ServeHTTP))
	}
	route(openAPIPath, get(openAPI))
	route(docsPath, get(docsPage()))
	router.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, failureFor(r), errNoRoute)
	})
	return router
}

func (a *API) methodNotAllowed(handlers methods) http.HandlerFunc {
	var allowed []string
	for method := range handlers {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		a.fail(w, r, failureFor(r), errMethod)
	}
}
