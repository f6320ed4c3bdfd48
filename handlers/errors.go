package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"boxoffice/store"
)

// problem is what went wrong, as either API may show it.
type problem struct {
	status  int
	code    string   // stable, for machines
	title   string   // what kind of thing it is
	detail  string   // this case of it
	entries []string // each thing wrong with the input
}

var (
	errNoRoute   = errors.New("no such path")
	errMethod    = errors.New("no such method here")
	errRateLimit = errors.New("too many requests")
	errDraining  = errors.New("shutting down")

	errUnauthorized = errors.New("no valid API key")
	errForbidden    = errors.New("not with this API key")
)

const safeRetry = "The request may have been carried out or not; " +
	"to repeat it with the same Idempotency-Key, or to repeat a cancellation by booking id, is safe"

// problemOf is the one place that turns an error into an HTTP status.
func problemOf(err error) problem {
	if input, ok := errors.AsType[*inputError](err); ok {
		return problem{input.status, input.code, "Invalid input", input.Error(), input.problems}
	}
	if notReady, ok := errors.AsType[notReadyError](err); ok {
		return problem{http.StatusServiceUnavailable, "unavailable", "Service unavailable", notReady.Error(), nil}
	}
	for _, known := range problems {
		if errors.Is(err, known.err) {
			return known.problem
		}
	}
	return problem{http.StatusInternalServerError, "internal_error", "Internal server error",
		"An unexpected error occurred", nil}
}

var problems = []struct {
	err error
	problem
}{
	{store.ErrEventNotFound, problem{http.StatusNotFound, "event_not_found", "Event not found", "No such event", nil}},
	{store.ErrBookingNotFound, problem{http.StatusNotFound, "booking_not_found", "Booking not found", "No such booking of this user", nil}},
	{errNoRoute, problem{http.StatusNotFound, "route_not_found", "Path not found", "There is nothing at this path", nil}},
	{errMethod, problem{http.StatusMethodNotAllowed, "method_not_allowed", "Method not allowed", "The Allow header lists the methods of this path", nil}},
	{store.ErrEventPaused, problem{http.StatusConflict, "event_paused", "Event is paused", "The event takes no bookings until it is open again", nil}},
	{store.ErrEventClosed, problem{http.StatusConflict, "event_closed", "Event is closed", "The event is closed for good", nil}},
	{store.ErrUserLimit, problem{http.StatusConflict, "user_limit", "User limit reached", "The user would hold more tickets than the event's maxPerUser", nil}},
	{store.ErrWaitingListFull, problem{http.StatusConflict, "waiting_list_full", "Waiting list is full", "The event is sold out and its waitingListLimit is reached", nil}},
	{store.ErrOverCapacity, problem{http.StatusConflict, "quantity_over_capacity", "Quantity is over capacity", "The quantity is more than the event's totalTickets", nil}},
	{store.ErrCapacityBelowConfirmed, problem{http.StatusConflict, "capacity_below_confirmed", "Capacity is below confirmed tickets", "totalTickets must not be lower than the tickets already confirmed", nil}},
	{store.ErrIdempotencyMismatch, problem{http.StatusUnprocessableEntity, "idempotency_mismatch", "Idempotency-Key was used before", "The same Idempotency-Key was used with another request", nil}},
	{store.ErrBadCursor, problem{http.StatusBadRequest, "invalid_input", "Invalid input", "cursor must be the nextCursor of a former page", nil}},
	{errUnauthorized, problem{http.StatusUnauthorized, "unauthorized", "Unauthorized", "A valid API key is needed, in the header Authorization: Bearer <key>", nil}},
	{errForbidden, problem{http.StatusForbidden, "forbidden", "Forbidden", "The scopes of this API key do not allow this", nil}},
	{errRateLimit, problem{http.StatusTooManyRequests, "rate_limited", "Too many requests", "This client sends more requests a second than it may", nil}},
	{errDraining, problem{http.StatusServiceUnavailable, "draining", "Service unavailable", "This instance is shutting down", nil}},
	{store.ErrOverloaded, problem{http.StatusServiceUnavailable, "overloaded", "Service unavailable", "Too many requests are in flight here: this one was not carried out, and is safe to repeat", nil}},
	{store.ErrUnavailable, problem{http.StatusServiceUnavailable, "unavailable", "Service unavailable", safeRetry, nil}},
	{store.ErrStorageFull, problem{http.StatusServiceUnavailable, "storage_full", "Service unavailable", "Redis is full: this request was not carried out, and is safe to repeat; cancellations still work", nil}},
}

// retryAfter is how long a client should wait, in seconds.
const retryAfter = 1

// fail logs what the client is not told, and renders what it is.
func (a *API) fail(w http.ResponseWriter, r *http.Request, render failure, err error) {
	p := problemOf(err)
	switch gone := r.Context().Err() != nil; {
	case p.status == http.StatusInternalServerError:
		noteProblem(w, p.code)
		a.requestLog(w, r).WithError(err).Error("request failed")
	case gone: // what follows is for one that closed no more than its sending half
		noteGone(w)
	default:
		noteProblem(w, p.code)
		if p.status == http.StatusServiceUnavailable && !errors.Is(err, store.ErrOverloaded) { // a line each would add to the load
			a.requestLog(w, r).WithError(err).Warn("store unavailable")
		}
	}
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	render(w, p)
}

// failure renders a problem as one of the APIs does.
type failure func(http.ResponseWriter, problem)

// failureFor chooses the API of a path that has no route.
func failureFor(r *http.Request) failure {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return eventFailure
	}
	return shortFailure
}

// problemDocument is RFC 9457, with the two members that clients of the event API
// have always read.
type problemDocument struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	Error   string `json:"error"`
	Details any    `json:"details"`
	problemIDs
}

// problemIDs let a client name the request to those who read the log.
type problemIDs struct {
	RequestID string `json:"requestId,omitempty"`
	TraceID   string `json:"traceId,omitempty"`
}

func problemIDsOf(w http.ResponseWriter) problemIDs {
	known := answerIDs(w)
	return problemIDs{known.request, known.trace}
}

func eventFailure(w http.ResponseWriter, p problem) {
	legacy, details := p.title, p.detail
	if p.status == http.StatusNotFound {
		legacy, details = "Resource not found", "Specified resource could not be found"
	}
	writeProblem(w, p, legacy, details)
}

// initializeFailure lists each thing wrong.
func initializeFailure(w http.ResponseWriter, p problem) {
	if p.status != http.StatusBadRequest {
		eventFailure(w, p)
		return
	}
	type entry struct {
		Message string `json:"message"`
	}
	var entries []entry
	for _, message := range p.entries {
		entries = append(entries, entry{message})
	}
	writeProblem(w, p, "Invalid event initialization", entries)
}

func writeProblem(w http.ResponseWriter, p problem, legacy string, details any) {
	writeBody(w, p.status, problemType, problemDocument{
		"urn:boxoffice:problem:" + p.code, p.title, p.status, p.detail, p.code, legacy, details, problemIDsOf(w),
	})
}

func shortFailure(w http.ResponseWriter, p problem) {
	message := p.title
	switch p.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusServiceUnavailable:
		message = p.detail
	}
	writeJSON(w, p.status, struct {
		Message string `json:"message"`
		Code    string `json:"code"`
		problemIDs
	}{message, p.code, problemIDsOf(w)})
}
