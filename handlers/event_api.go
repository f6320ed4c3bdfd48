package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"boxoffice/store"
)

// The event API: UUIDs under /api/events. Its fields, messages and codes are the
// contract of existing clients.

var eventStatusTexts = map[store.Status]string{
	store.StatusConfirmed: "Confirmed",
	store.StatusWaiting:   "Waiting List",
	store.StatusHeld:      "Held",
	store.StatusOffered:   "Offered",
	store.StatusCancelled: "Cancelled",
	store.StatusExpired:   "Expired",
}

var eventInitializeForm = newForm(append(settingMembers(), "eventName", "totalTickets")...)

func parseEventInitialize(r *http.Request) (store.InitializeRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.InitializeRequest{}, err
	}
	name, nameErr := nameField("Event name", body.get("eventName"))
	total, totalErr := int64(0), badInput("Total tickets must be a positive number")
	if value := body.get("totalTickets"); isInteger(value) && value.Raw[0] >= '1' {
		total, totalErr = integerField("Total tickets", value)
	}
	return initializeRequest(r, body, store.Settings{Name: name, TotalTickets: total}, nameErr, totalErr, eventInitializeForm.check(body))
}

// eventInitialized answers an initialization.
type eventInitialized struct {
	Message   string    `json:"message"`
	EventID   uuid.UUID `json:"eventId"`
	EventName string    `json:"eventName"`
	eventView
	eventDetails
}

func renderEventInitialized(w http.ResponseWriter, request store.InitializeRequest, result store.InitializeResult) {
	event := result.Event
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	tagVersion(w, event)
	writeJSON(w, http.StatusCreated, eventInitialized{
		Message: "Event successfully initialized", EventID: event.UUID, EventName: event.Name,
		eventView: viewOf(event), eventDetails: detailsOf(event),
	})
}

var bookForm = newForm("eventId", "userId", "quantity", "reference", "waitingList") // of both APIs

func parseEventBook(r *http.Request) (store.BookRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.BookRequest{}, err
	}
	event, eventErr := uuidField("eventId", body.get("eventId"))
	return bookRequest(r, store.EventUUID(event), body, eventErr)
}

// bookRequest reads what both APIs have in common.
func bookRequest(r *http.Request, event store.EventRef, body members, eventErr error) (store.BookRequest, error) {
	user, userErr := userField(body.get("userId"))
	tickets, quantityErr := quantityField(body.get("quantity"))
	reference, referenceErr := referenceField(body.get("reference"))
	waits, waitsErr := boolField("waitingList", body.get("waitingList"), true)
	key, keyErr := idempotencyKey(r)
	return store.BookRequest{
		Event: event, User: user, Quantity: tickets, Reference: reference, NeverWaits: !waits, IdempotencyKey: key,
	}, joinProblems(eventErr, userErr, quantityErr, referenceErr, waitsErr, keyErr, bookForm.check(body))
}

// currentOf is the status that a booking has now, if the answer is that of an earlier time.
func currentOf(request store.BookRequest, result store.BookResult) string {
	if request.IdempotencyKey == "" {
		return "" // the service repeated the call by itself
	}
	return eventStatusTexts[result.Current]
}

// eventBooked answers a booking.
type eventBooked struct {
	Message string `json:"message"`
	Status  string `json:"status"`
	bookingView
	Current string `json:"current,omitempty"` // the status now, of a replay
}

func renderEventBooked(w http.ResponseWriter, request store.BookRequest, result store.BookResult) {
	code, message := http.StatusOK, "Ticket successfully booked"
	if result.Status == store.StatusWaiting {
		code, message = http.StatusCreated, "Added to waiting list"
	}
	markReplayed(w, result.Replayed && request.IdempotencyKey != "")
	writeJSON(w, code, eventBooked{
		Message: message, Status: eventStatusTexts[result.Status], bookingView: bookedView(request, result),
		Current: currentOf(request, result),
	})
}

var eventCancelForm = newForm("bookingId", "userId")

func parseEventCancel(r *http.Request) (store.CancelRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.CancelRequest{}, err
	}
	booking, bookingErr := uuidField("bookingId", body.get("bookingId"))
	owner, by, userErr := ownerField(r, body.get("userId"))
	return store.CancelRequest{Booking: booking, User: owner, By: by}, joinProblems(bookingErr, userErr, eventCancelForm.check(body))
}

// eventCancelled answers a cancellation.
type eventCancelled struct {
	Message  string           `json:"message"`
	Details  promotionDetails `json:"details"`
	Promoted []promotionView  `json:"promoted"`
	Version  int64            `json:"version"`
}

type promotionDetails struct {
	WaitingListAssigned bool       `json:"waitingListAssigned"`
	NextBookingID       *uuid.UUID `json:"nextBookingId"`
}

func renderEventCancelled(w http.ResponseWriter, _ store.CancelRequest, result store.CancelResult) {
	writeJSON(w, http.StatusOK, eventCancelled{
		Message: "Ticket successfully cancelled", Details: detailsOfPromotions(result.Promoted),
		Promoted: promotionsOf(result.Promoted), Version: result.Version,
	})
}

func detailsOfPromotions(promoted []store.Promotion) promotionDetails {
	return promotionDetails{WaitingListAssigned: len(promoted) > 0, NextBookingID: firstOf(promoted)}
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// parseEventPath reads the event's UUID from the path.
func parseEventPath(r *http.Request) (store.EventRef, error) {
	id, err := parseUUID("eventId", mux.Vars(r)["eventId"])
	return store.EventUUID(id), err
}

// eventStatus is an event as GET .../status shows it.
type eventStatus struct {
	EventID uuid.UUID `json:"eventId"`
	eventView
	AvailableTickets int64 `json:"availableTickets"`
	WaitingListCount int64 `json:"waitingListCount"`
}

func statusOf(event store.Event) eventStatus {
	return eventStatus{
		EventID: event.UUID, eventView: viewOf(event), AvailableTickets: event.Available(), WaitingListCount: event.Waiting,
	}
}

func renderEventStatus(w http.ResponseWriter, _ store.EventRef, event store.Event) {
	tagVersion(w, event)
	writeJSON(w, http.StatusOK, statusOf(event))
}
