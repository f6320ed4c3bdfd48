package handlers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"boxoffice/store"
)

// What goes beyond both APIs, under the event API's prefix: events and
// bookings as resources that can be listed, read and changed.

// eventResource is an event as GET shows it.
type eventResource struct {
	eventStatus
	EventName        string `json:"eventName"`
	ConfirmedTickets int64  `json:"confirmedTickets"`
	eventDetails
	State store.State `json:"state"`
}

func resourceOf(event store.Event) eventResource {
	return eventResource{
		eventStatus: statusOf(event), EventName: event.Name, ConfirmedTickets: event.Confirmed,
		eventDetails: detailsOf(event), State: event.State,
	}
}

func renderEvent(w http.ResponseWriter, _ store.EventRef, event store.Event) {
	tagVersion(w, event)
	writeJSON(w, http.StatusOK, resourceOf(event))
}

// capacityError says what a total cannot be lower than.
type capacityError struct {
	store.Sold
	err error
}

func (e *capacityError) Error() string { return e.err.Error() }
func (e *capacityError) Unwrap() error { return e.err }

func (a *API) update(ctx context.Context, request store.UpdateRequest) (store.UpdateResult, error) {
	result, err := a.Store.Update(ctx, request)
	if errors.Is(err, store.ErrCapacityBelowConfirmed) {
		err = &capacityError{result.Sold, err}
	}
	return result, err
}

// eventUpdated answers a change.
type eventUpdated struct {
	eventResource
	Promoted []promotionView `json:"promoted"` // at most store.MostPromoted
}

func renderUpdated(w http.ResponseWriter, _ store.UpdateRequest, result store.UpdateResult) {
	markReplayed(w, result.Replayed)
	tagVersion(w, result.Event)
	writeJSON(w, http.StatusOK, eventUpdated{resourceOf(result.Event), promotionsOf(result.Promoted)})
}

func (a *API) listEvents(ctx context.Context, p page) (store.EventPage, error) {
	return a.Store.Events(ctx, p.cursor, p.limit)
}

// eventPage is a part of the list of events.
type eventPage struct {
	Events     []any  `json:"events"` // eventResource or unreadableEvent
	NextCursor string `json:"nextCursor,omitempty"`
}

// unreadableEvent stands in a list for an event that cannot be read.
type unreadableEvent struct {
	EventID *uuid.UUID `json:"eventId"` // null if not even that is known
	UUID    *uuid.UUID `json:"uuid"`
	Number  uint64     `json:"number"`
	Error   string     `json:"error"`
}

// unreadable says in one stable word why an entry of a list cannot be read.
func unreadable(err error) string {
	if errors.Is(err, store.ErrUnknownFormat) {
		return "unknown_format"
	}
	return "damaged"
}

func renderEvents(w http.ResponseWriter, _ page, result store.EventPage) {
	events := make([]any, 0, len(result.Events))
	for _, entry := range result.Events {
		if entry.Err != nil {
			id := orNull(entry.UUID)
			events = append(events, unreadableEvent{EventID: id, UUID: id, Number: entry.Number, Error: unreadable(entry.Err)})
			continue
		}
		events = append(events, resourceOf(entry.Event))
	}
	writeJSON(w, http.StatusOK, eventPage{Events: events, NextCursor: result.Next})
}

func parseBookings(r *http.Request) (store.BookingsRequest, error) {
	event, eventErr := parseEventPath(r)
	p, pageErr := parsePage(r)
	request := store.BookingsRequest{Event: event, Cursor: p.cursor, Limit: p.limit}
	var userErr, statusErr error
	query := r.URL.Query()
	if query.Has("userId") {
		if request.User = query.Get("userId"); request.User == "" {
			userErr = badInput("userId must not be empty")
		} else {
			userErr = checkText("userId", request.User, maxUser)
		}
	}
	if query.Has("status") {
		request.Status = store.Status(query.Get("status"))
		if !slices.Contains(store.Statuses(), request.Status) {
			statusErr = badInput("status must be one of %s", strings.Join(statusWords, ", "))
		}
	}
	return request, joinProblems(eventErr, pageErr, userErr, statusErr)
}

var statusWords = func() (words []string) {
	for _, status := range store.Statuses() {
		words = append(words, string(status))
	}
	return words
}()

// bookingResource is a booking as GET shows it.
type bookingResource struct {
	bookingView
	EventID     uuid.UUID `json:"eventId"`
	EventNumber uint64    `json:"eventNumber"`
	UserID      string    `json:"userId"`
	Status      string    `json:"status"`
	CreatedAt   timestamp `json:"createdAt"`

	// The event's version when the booking was promoted and cancelled: with the booking's
	// own version, the order of all that happened to the event.
	Waited           bool  `json:"waited"`
	PromotedVersion  int64 `json:"promotedVersion,omitempty"`
	CancelledVersion int64 `json:"cancelledVersion,omitempty"`

	Reference        string     `json:"reference,omitempty"`
	ExpiresAt        *timestamp `json:"expiresAt,omitempty"` // while it is held or offered
	ExpiresInSeconds *int64     `json:"expiresInSeconds,omitempty"`
	PromotedAt       *timestamp `json:"promotedAt,omitempty"`
	ConfirmedAt      *timestamp `json:"confirmedAt,omitempty"` // if it was held or offered before
	CancelledAt      *timestamp `json:"cancelledAt,omitempty"`
	ExpiredAt        *timestamp `json:"expiredAt,omitempty"`
}

func bookingOf(b store.Booking) bookingResource {
	resource := bookingResource{
		bookingView: bookingView{BookingID: b.ID, Quantity: b.Quantity, Position: b.Position, Version: b.Version},
		EventID:     b.Event, EventNumber: b.EventNumber, UserID: b.User, Status: eventStatusTexts[b.Status],
		CreatedAt: timestamp(b.CreatedAt), Waited: b.First.Waits(), PromotedVersion: b.Promoted.Version, CancelledVersion: b.Cancelled.Version,
		Reference: b.Reference, PromotedAt: timeOrNull(b.Promoted.At), ConfirmedAt: timeOrNull(b.Confirmed.At),
		CancelledAt: timeOrNull(b.Cancelled.At), ExpiredAt: timeOrNull(b.Expired.At),
	}
	if b.Status.Ends() {
		left := secondsLeft(time.Until(b.ExpiresAt.Time()))
		resource.ExpiresAt, resource.ExpiresInSeconds = timeOrNull(b.ExpiresAt), &left
	}
	return resource
}

// bookingPage is a part of the list of an event's bookings.
type bookingPage struct {
	Bookings   []any  `json:"bookings"` // bookingResource or unreadableBooking
	NextCursor string `json:"nextCursor,omitempty"`
}

// unreadableBooking stands in a list for a booking that cannot be read.
type unreadableBooking struct {
	BookingID   *uuid.UUID `json:"bookingId"` // null if not even that is known
	EventID     *uuid.UUID `json:"eventId"`
	EventNumber uint64     `json:"eventNumber"`
	Version     int64      `json:"version"` // of the event when it was booked
	Error       string     `json:"error"`
}

func renderBookings(w http.ResponseWriter, _ store.BookingsRequest, result store.BookingPage) {
	bookings := make([]any, 0, len(result.Bookings))
	for _, entry := range result.Bookings {
		if entry.Err != nil {
			bookings = append(bookings, unreadableBooking{
				BookingID: orNull(entry.ID), EventID: orNull(entry.Event), EventNumber: entry.EventNumber, Version: entry.Version,
				Error: unreadable(entry.Err),
			})
			continue
		}
		bookings = append(bookings, bookingOf(entry.Booking))
	}
	writeJSON(w, http.StatusOK, bookingPage{Bookings: bookings, NextCursor: result.Next})
}

func parseBookingPath(r *http.Request) (uuid.UUID, error) {
	return parseUUID("bookingId", mux.Vars(r)["bookingId"])
}

func renderBooking(w http.ResponseWriter, _ uuid.UUID, booking store.Booking) {
	writeJSON(w, http.StatusOK, bookingOf(booking))
}
