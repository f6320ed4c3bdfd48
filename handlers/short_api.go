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

func parseShortInitialize(r *http.Request) (store.InitializeRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.InitializeRequest{}, err
	}
	name, nameErr := nameField("name", body.get("name"))
	total, totalErr := integerField("totalTickets", body.get("totalTickets"), 1, maxTickets)
	return initializeRequest(r, name, total, body.get("maxPerUser"), body.get("waitingListLimit"), nameErr, totalErr)
}

func renderShortInitialized(w http.ResponseWriter, request store.InitializeRequest, result store.InitializeResult) {
	type created struct {
		ID               uint64    `json:"id"`
		Number           uint64    `json:"number"`
		UUID             uuid.UUID `json:"uuid"`
		Name             string    `json:"name"`
		TotalTickets     int64     `json:"totalTickets"`
		RemainingTickets int64     `json:"remainingTickets"`
		MaxPerUser       int64     `json:"maxPerUser"`
		WaitingListLimit int64     `json:"waitingListLimit"`
		Version          int64     `json:"version"`
		CreatedAt        timestamp `json:"createdAt"`
	}
	event := result.Event
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, http.StatusCreated, struct {
		Event created `json:"event"`
	}{created{
		event.Number, event.Number, event.UUID, event.Name, event.TotalTickets, event.Available(),
		event.MaxPerUser, event.WaitlistLimit, event.Version, timestamp(event.CreatedAt),
	}})
}

// eventNumberField reads an event's number from a body.
func eventNumberField(value gjson.Result) (store.EventRef, error) {
	if missing(value) {
		return store.EventRef{}, badInput("eventId is required")
	}
	return parseEventNumber(value.Raw)
}

// parseEventNumber reads an event's number. A number too big for any event is a
// well-formed one that no event has.
func parseEventNumber(text string) (store.EventRef, error) {
	if !integral(text) || text[0] == '-' {
		return store.EventRef{}, badInput("eventId must be a positive integer")
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err == nil && number == 0 {
		return store.EventRef{}, badInput("eventId must be a positive integer")
	}
	return store.EventNumber(number), nil // too many digits: the highest uint64, which is no event's
}

func parseShortBook(r *http.Request) (store.BookRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.BookRequest{}, err
	}
	event, eventErr := eventNumberField(body.get("eventId"))
	return bookRequest(r, event, body.get("userId"), body.get("quantity"), eventErr)
}

func renderShortBooked(w http.ResponseWriter, request store.BookRequest, result store.BookResult) {
	code, message := http.StatusCreated, "Ticket booked successfully"
	if result.Status == store.StatusWaiting {
		code, message = http.StatusAccepted, "Added to waiting list"
	}
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, code, struct {
		Message   string    `json:"message"`
		BookingID uuid.UUID `json:"bookingId"`
		Quantity  int64     `json:"quantity"`
		Position  int64     `json:"position,omitempty"`
		Version   int64     `json:"version"`
	}{message, result.Booking, request.Quantity, result.Position, result.Version})
}

func parseShortCancel(r *http.Request) (store.CancelOldestRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.CancelOldestRequest{}, err
	}
	event, eventErr := eventNumberField(body.get("eventId"))
	user, userErr := userField(body.get("userId"))
	key, keyErr := idempotencyKey(r)
	return store.CancelOldestRequest{Event: event, User: user, IdempotencyKey: key},
		joinProblems(eventErr, userErr, keyErr)
}

func renderShortCancelled(w http.ResponseWriter, request store.CancelOldestRequest, result store.CancelResult) {
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, http.StatusOK, struct {
		Message       string     `json:"message"`
		BookingID     uuid.UUID  `json:"bookingId"`
		Reassigned    bool       `json:"reassigned"`
		NextBookingID *uuid.UUID `json:"nextBookingId"`
		Promoted      int64      `json:"promoted"`
		Version       int64      `json:"version"`
	}{
		"Booking cancelled and ticket reassigned if applicable", result.Booking,
		result.Promoted > 0, orNull(result.Next), result.Promoted, result.Version,
	})
}

// parseShortPath reads the event's number from the path.
func parseShortPath(r *http.Request) (store.EventRef, error) {
	return parseEventNumber(mux.Vars(r)["eventId"])
}

func renderShortStatus(w http.ResponseWriter, _ store.EventRef, event store.Event) {
	writeJSON(w, http.StatusOK, struct {
		EventID          uint64    `json:"eventId"`
		Number           uint64    `json:"number"`
		UUID             uuid.UUID `json:"uuid"`
		Name             string    `json:"name"`
		TotalTickets     int64     `json:"totalTickets"`
		RemainingTickets int64     `json:"remainingTickets"`
		WaitingListCount int64     `json:"waitingListCount"`
		Version          int64     `json:"version"`
	}{
		event.Number, event.Number, event.UUID, event.Name, event.TotalTickets, event.Available(), event.Waiting, event.Version,
	})
}
