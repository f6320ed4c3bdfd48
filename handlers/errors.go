package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"boxoffice/store"
)

// problem is what went wrong, as either API may show it.
type problem struct {
	status  int
	code    string   // stable, for machines
	title   string   // what kind of thing it is
	detail  string   // what is wrong in this case
	entries []string // each thing wrong with the input

	conditions []store.ConditionKind // what is wrong with Redis

	confirmedTickets *int64     // of a total that is too low
	heldTickets      *int64     // of that, and of a refused hold
	heldUntil        *timestamp // of that, if any are held
	retryAfter       int64      // seconds; 0 = as usual for its status
}

var (
	errNoRoute   = errors.New("no such path")
	errMethod    = errors.New("no such method here")
	errRateLimit = errors.New("too many requests")
	errDraining  = errors.New("shutting down")
	errStarting  = errors.New("waiting for the store")

	errUnauthorized = errors.New("no valid API key")
	errForbidden    = errors.New("not with this API key")
)

const safeRetry = "The request may or may not have been carried out; " +
	"it is safe to repeat it with the same Idempotency-Key, or to repeat a cancellation by booking id"

// problemOf is the one place that turns an error into an HTTP status.
func problemOf(err error) problem {
	if input, ok := errors.AsType[*inputError](err); ok {
		return problem{
			status: input.status, code: input.code, title: "Invalid input", detail: input.Error(), entries: input.problems,
		}
	}
	if notReady, ok := errors.AsType[*notReadyError](err); ok {
		return problem{
			status: http.StatusServiceUnavailable, code: "unavailable", title: "Service unavailable", detail: notReady.Error(),
			conditions: notReady.conditions,
		}
	}
	for _, known := range problems {
		if !errors.Is(err, known.err) {
			continue
		}
		p := known.problem
		if soldOut, ok := errors.AsType[*soldOutError](err); ok {
			p.heldTickets = &soldOut.held
			if soldOut.next > 0 {
				p.retryAfter = max(retryAfter, secondsUp(soldOut.next))
			}
		}
		if capacity, ok := errors.AsType[*capacityError](err); ok {
			p.confirmedTickets, p.heldTickets, p.heldUntil = &capacity.Confirmed, &capacity.Held, timeOrNull(capacity.HeldUntil)
		}
		return p
	}
	return internalError
}

// RefusalOf returns the store's error that a problem code stands for, or nil: for programs that hold
// what the API answers against the rules.
func RefusalOf(code string) error {
	for _, known := range problems {
		if known.code == code && known.status < http.StatusInternalServerError {
			return known.err
		}
	}
	return nil
}

var internalError = problem{
	status: http.StatusInternalServerError, code: "internal_error", title: "Internal server error",
	detail: "An unexpected error occurred",
}

// problemCodes returns the codes of all problems that a request with a route can end in.
func problemCodes() []string {
	codes := []string{internalError.code}
	for _, known := range problems {
		if !slices.Contains([]error{errNoRoute, errMethod, errStarting}, known.err) { // the rows of the table
			codes = append(codes, known.code)
		}
	}
	return codes
}

var problems = []struct {
	err error
	problem
}{
	{store.ErrEventNotFound, problem{status: http.StatusNotFound, code: "event_not_found", title: "Event not found", detail: "No such event"}},
	{store.ErrBookingNotFound, problem{status: http.StatusNotFound, code: "booking_not_found", title: "Booking not found", detail: "No such booking, or it is another user's"}},
	{errNoRoute, problem{status: http.StatusNotFound, code: "route_not_found", title: "Path not found", detail: "There is nothing at this path"}},
	{errMethod, problem{status: http.StatusMethodNotAllowed, code: "method_not_allowed", title: "Method not allowed", detail: "The Allow header lists the methods of this path"}},
	{store.ErrEventPaused, problem{status: http.StatusConflict, code: "event_paused", title: "Event is paused", detail: "The event takes no bookings until it is opened again"}},
	{store.ErrEventClosed, problem{status: http.StatusConflict, code: "event_closed", title: "Event is closed", detail: "The event is closed for good"}},
	{store.ErrUserLimit, problem{status: http.StatusConflict, code: "user_limit", title: "User limit reached", detail: "The booking would give the user more tickets than the event's maxPerUser"}},
	{store.ErrWaitingListFull, problem{status: http.StatusConflict, code: "waiting_list_full", title: "Waiting list is full", detail: "The event is sold out and its waitingListLimit has been reached"}},
	{store.ErrOverCapacity, problem{status: http.StatusConflict, code: "quantity_over_capacity", title: "Quantity is over capacity", detail: "The quantity is greater than the event's totalTickets"}},
	{store.ErrQuantityLimit, problem{status: http.StatusConflict, code: "quantity_limit", title: "Quantity limit reached", detail: "The quantity is greater than the event's maxQuantity"}},
	{store.ErrCapacityBelowConfirmed, problem{status: http.StatusConflict, code: "capacity_below_confirmed", title: "Capacity is below confirmed tickets", detail: "totalTickets must not be lower than the number of tickets already confirmed or held"}},
	{store.ErrIdempotencyMismatch, problem{status: http.StatusUnprocessableEntity, code: "idempotency_mismatch", title: "Idempotency-Key was used before", detail: "The same Idempotency-Key was used before with a different request"}},
	{store.ErrVersionMismatch, problem{status: http.StatusPreconditionFailed, code: "version_mismatch", title: "Event has another version", detail: "The event was changed since the version in If-Match: read it again, and decide anew"}},
	{store.ErrSoldOut, problem{status: http.StatusConflict, code: "sold_out", title: "Sold out", detail: "Not so many tickets are available now, and this request does not wait in line"}},
	{store.ErrSaleNotStarted, problem{status: http.StatusConflict, code: "sale_not_started", title: "Sale not started", detail: "The sale of this event has not started"}},
	{store.ErrSaleEnded, problem{status: http.StatusConflict, code: "sale_ended", title: "Sale ended", detail: "The sale of this event has ended"}},
	{store.ErrHoldsOff, problem{status: http.StatusConflict, code: "holds_off", title: "No holds", detail: "This event takes no holds"}},
	{store.ErrHoldLimit, problem{status: http.StatusConflict, code: "hold_limit", title: "Hold too long", detail: "This event does not allow a hold to last so long"}},
	{store.ErrHoldExpired, problem{status: http.StatusConflict, code: "hold_expired", title: "Hold expired", detail: "The hold or offer has expired, and its tickets were given back"}},
	{store.ErrNotHeld, problem{status: http.StatusConflict, code: "not_held", title: "Not held", detail: "This booking is neither a hold nor an offer"}},
	{store.ErrBookingCancelled, problem{status: http.StatusConflict, code: "booking_cancelled", title: "Booking cancelled", detail: "This booking was cancelled before"}},
	{store.ErrQuantityIncrease, problem{status: http.StatusConflict, code: "quantity_increase", title: "Quantity increased", detail: "A booking can be left with fewer tickets; for more, book again"}},
	{store.ErrBookingWaiting, problem{status: http.StatusConflict, code: "booking_waiting", title: "Booking waiting", detail: "This booking is in line and has no tickets yet"}},
	{store.ErrBadCursor, problem{status: http.StatusBadRequest, code: "invalid_input", title: "Invalid input", detail: "cursor must be the nextCursor of a previous page"}},
	{errUnauthorized, problem{status: http.StatusUnauthorized, code: "unauthorized", title: "Unauthorized", detail: "A valid API key is required, in the header Authorization: Bearer <key>. An instance without keys serves only programs on its own machine, without a proxy and at a loopback address"}},
	{errForbidden, problem{status: http.StatusForbidden, code: "forbidden", title: "Forbidden", detail: "The scopes of this API key do not allow this request"}},
	{errRateLimit, problem{status: http.StatusTooManyRequests, code: "rate_limited", title: "Too many requests", detail: "This client sends more requests per second than it is allowed"}},
	{errDraining, problem{status: http.StatusServiceUnavailable, code: "draining", title: "Service unavailable", detail: "This instance is shutting down"}},
	{errStarting, problem{status: http.StatusServiceUnavailable, code: "starting", title: "Service unavailable", detail: "This instance has just started and has not reached Redis yet: this request was not carried out and is safe to repeat"}},
	{store.ErrOverloaded, problem{status: http.StatusServiceUnavailable, code: "overloaded", title: "Service unavailable", detail: "Too many requests are in flight here: this one was not carried out and is safe to repeat"}},
	{store.ErrUnavailable, problem{status: http.StatusServiceUnavailable, code: "unavailable", title: "Service unavailable", detail: safeRetry}},
	{store.ErrRefused, problem{status: http.StatusServiceUnavailable, code: "refused", title: "Service unavailable", detail: "Redis refuses this until an operator has mended it: this request was not carried out and is safe to repeat"}},
	{store.ErrStorageFull, problem{status: http.StatusServiceUnavailable, code: "storage_full", title: "Service unavailable", detail: "Redis is full: this request was not carried out and is safe to repeat; cancellations, pausing and closing an event still work"}},
	{store.ErrOtherStore, problem{status: http.StatusServiceUnavailable, code: "other_store", title: "Service unavailable", detail: "Redis does not hold the data that this service knows, and an operator has to decide: this request was not carried out and is safe to repeat"}},
	{store.ErrDamaged, problem{status: http.StatusInternalServerError, code: "damaged", title: "Internal server error", detail: "What is stored of this cannot be read; repeating the request will not help"}},
}

// retryAfter is how long a client should wait, in seconds.
const retryAfter = 1

// fail renders an error for the client, and logs what the client must not see.
func (a *API) fail(w http.ResponseWriter, r *http.Request, render failure, err error) {
	p := problemOf(err)
	switch gone := r.Context().Err() != nil; {
	case p.status == http.StatusInternalServerError:
		noteProblem(w, p.code)
		a.requestLog(w, r).WithError(err).Error("request failed")
	case gone: // what follows is for a client that closed its sending half only
		noteGone(w)
	default:
		noteProblem(w, p.code)
		if p.status == http.StatusServiceUnavailable && !isKnownState(err) {
			a.requestLog(w, r).WithError(err).Warn("store unavailable")
		}
	}
	if input, ok := errors.AsType[*inputError](err); ok && input.encoding {
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16
	}
	if p.status == http.StatusServiceUnavailable {
		p.retryAfter = retryAfter
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(p.retryAfter, 10))
	}
	render(w, p)
}

// isKnownState reports whether an error says what the log has already, as a condition of Redis,
// or metrics have: a line for each request would only add to the load.
func isKnownState(err error) bool {
	return slices.ContainsFunc([]error{store.ErrOverloaded, store.ErrRefused, store.ErrStorageFull, store.ErrOtherStore, errStarting},
		func(known error) bool { return errors.Is(err, known) })
}

// failure renders a problem as one of the APIs shows it.
type failure func(http.ResponseWriter, problem)

// failureFor chooses the API of a path that has no route.
func failureFor(r *http.Request) failure {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return eventFailure
	}
	return shortFailure
}

// problemDocument is a problem as RFC 9457 has it, with two more members, error and details,
// for existing clients of the event API.
type problemDocument struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	Error   string `json:"error"`
	Details any    `json:"details"`

	Conditions       []store.ConditionKind `json:"conditions,omitempty"`
	ConfirmedTickets *int64                `json:"confirmedTickets,omitempty"`
	HeldTickets      *int64                `json:"heldTickets,omitempty"`
	HeldUntil        *timestamp            `json:"heldUntil,omitempty"`
	problemIDs
}

// problemIDs let a client name the request to whoever reads the log.
type problemIDs struct {
	RequestID string `json:"requestId,omitempty"`
	TraceID   string `json:"traceId,omitempty"`
}

func problemIDsOf(w http.ResponseWriter) problemIDs {
	known := answerIDs(w)
	return problemIDs{RequestID: known.request, TraceID: known.trace}
}

func eventFailure(w http.ResponseWriter, p problem) {
	legacy, details := p.title, p.detail
	switch p.status {
	case http.StatusNotFound:
		legacy, details = "Resource not found", "Specified resource could not be found"
	case http.StatusInternalServerError:
		legacy, details = internalError.title, internalError.detail
	}
	writeProblem(w, p, legacy, details)
}

// inputProblem is one thing wrong with an initialization.
type inputProblem struct {
	Message string `json:"message"`
}

// initializeFailure lists everything that is wrong with an initialization.
func initializeFailure(w http.ResponseWriter, p problem) {
	if p.status != http.StatusBadRequest {
		eventFailure(w, p)
		return
	}
	details := make([]inputProblem, 0, len(p.entries))
	for _, message := range p.entries {
		details = append(details, inputProblem{Message: message})
	}
	writeProblem(w, p, "Invalid event initialization", details)
}

func writeProblem(w http.ResponseWriter, p problem, legacy string, details any) {
	writeBody(w, p.status, problemType, problemDocument{
		Type: "urn:boxoffice:problem:" + p.code, Title: p.title, Status: p.status, Detail: p.detail, Code: p.code,
		Error: legacy, Details: details, Conditions: p.conditions, ConfirmedTickets: p.confirmedTickets,
		HeldTickets: p.heldTickets, HeldUntil: p.heldUntil, problemIDs: problemIDsOf(w),
	})
}

// shortProblem is a problem as the short API shows it.
type shortProblem struct {
	Message string `json:"message"`
	Code    string `json:"code"`
	problemIDs
}

func shortFailure(w http.ResponseWriter, p problem) {
	message := p.title
	switch p.status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
		http.StatusServiceUnavailable:
		message = p.detail
	}
	writeJSON(w, p.status, shortProblem{Message: message, Code: p.code, problemIDs: problemIDsOf(w)})
}
