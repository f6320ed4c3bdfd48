package handlers

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/tidwall/gjson"

	"boxoffice/store"
)

// The short API: event numbers at the root. Its fields, messages and codes are the
// contract of existing clients.

var shortInitializeForm = newForm(append(settingMembers(), "name", "totalTickets")...)

func parseShortInitialize(r *http.Request) (store.InitializeRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.InitializeRequest{}, err
	}
	name, nameErr := nameField("name", body.get("name"))
	total, totalErr := integerField("totalTickets", body.get("totalTickets"))
	return initializeRequest(r, body, store.Settings{Name: name, TotalTickets: total}, nameErr, totalErr, shortInitializeForm.check(body))
}

// shortInitialized answers an initialization.
type shortInitialized struct {
	Event shortEvent `json:"event"`
}

type shortEvent struct {
	ID               uint64 `json:"id"`
	Name             string `json:"name"`
	RemainingTickets int64  `json:"remainingTickets"`
	eventView
	eventDetails
}

func renderShortInitialized(w http.ResponseWriter, request store.InitializeRequest, result store.InitializeResult) {
	event := result.Event
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	tagVersion(w, event)
	writeJSON(w, http.StatusCreated, shortInitialized{Event: shortEvent{
		ID: event.Number, Name: event.Name, RemainingTickets: event.Available(),
		eventView: viewOf(event), eventDetails: detailsOf(event),
	}})
}

// eventNumberField reads an event's number from a body.
func eventNumberField(value gjson.Result) (store.EventRef, error) {
	if missing(value) {
		return store.EventRef{}, badInput("eventId is required")
	}
	return parseEventNumber(value.Raw)
}

// parseEventNumber reads an event's number. A number too big for any event is still a
// well-formed one.
func parseEventNumber(text string) (store.EventRef, error) {
	if !integral(text) || text[0] == '-' {
		return store.EventRef{}, badInput("eventId must be a positive integer")
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err == nil && number == 0 {
		return store.EventRef{}, badInput("eventId must be a positive integer")
	}
	return store.EventNumber(number), nil // if it has too many digits, number is the highest uint64, which is no event's
}

func parseShortBook(r *http.Request) (store.BookRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.BookRequest{}, err
	}
	event, eventErr := eventNumberField(body.get("eventId"))
	return bookRequest(r, event, body, eventErr)
}

// shortBooked answers a booking.
type shortBooked struct {
	Message string `json:"message"`
	bookingView
	Current string `json:"current,omitempty"` // the status now, of a replay
}

func renderShortBooked(w http.ResponseWriter, request store.BookRequest, result store.BookResult) {
	code, message := http.StatusCreated, "Ticket booked successfully"
	if result.Status == store.StatusWaiting {
		code, message = http.StatusAccepted, "Added to waiting list"
	}
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, code, shortBooked{
		Message: message, bookingView: bookedView(request, result), Current: currentOf(request, result),
	})
}

var shortCancelForm = newForm("eventId", "userId")

func parseShortCancel(r *http.Request) (store.CancelOldestRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.CancelOldestRequest{}, err
	}
	event, eventErr := eventNumberField(body.get("eventId"))
	user, userErr := userField(body.get("userId"))
	key, keyErr := idempotencyKey(r)
	return store.CancelOldestRequest{Event: event, User: user, IdempotencyKey: key},
		joinProblems(eventErr, userErr, keyErr, shortCancelForm.check(body))
}

// shortCancelled answers a cancellation.
type shortCancelled struct {
	Message       string          `json:"message"`
	BookingID     uuid.UUID       `json:"bookingId"`
	Reassigned    bool            `json:"reassigned"`
	NextBookingID *uuid.UUID      `json:"nextBookingId"`
	Promoted      []promotionView `json:"promoted"`
	Version       int64           `json:"version"`
}

func renderShortCancelled(w http.ResponseWriter, request store.CancelOldestRequest, result store.CancelResult) {
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, http.StatusOK, shortCancelled{
		Message: "Booking cancelled and ticket reassigned if applicable", BookingID: result.Booking,
		Reassigned: len(result.Promoted) > 0, NextBookingID: firstOf(result.Promoted), Promoted: promotionsOf(result.Promoted),
		Version: result.Version,
	})
}

// parseShortPath reads the event's number from the path.
func parseShortPath(r *http.Request) (store.EventRef, error) {
	return parseEventNumber(mux.Vars(r)["eventId"])
}

// shortStatus is an event as GET /status shows it.
type shortStatus struct {
	EventID          uint64 `json:"eventId"`
	Name             string `json:"name"`
	RemainingTickets int64  `json:"remainingTickets"`
	WaitingListCount int64  `json:"waitingListCount"`
	eventView
}

func renderShortStatus(w http.ResponseWriter, _ store.EventRef, event store.Event) {
	tagVersion(w, event)
	writeJSON(w, http.StatusOK, shortStatus{
		EventID: event.Number, Name: event.Name, RemainingTickets: event.Available(), WaitingListCount: event.Waiting,
		eventView: viewOf(event),
	})
}
