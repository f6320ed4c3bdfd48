package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"boxoffice/store"
)

// Holds: tickets set aside while the customer pays. They go beyond both APIs, under the event API's
// prefix.

var holdForm = newForm("eventId", "userId", "quantity", "seconds", "reference")

func parseHold(r *http.Request) (store.HoldRequest, error) {
	body, err := readBody(r)
	if err != nil {
		return store.HoldRequest{}, err
	}
	event, eventErr := uuidField("eventId", body.get("eventId"))
	user, userErr := userField(body.get("userId"))
	tickets, quantityErr := quantityField(body.get("quantity"))
	seconds, secondsErr := secondsField(body.get("seconds"), mostHoldSeconds)
	reference, referenceErr := referenceField(body.get("reference"))
	key, keyErr := idempotencyKey(r)
	return store.HoldRequest{
		Event: store.EventUUID(event), User: user, Quantity: tickets, Seconds: seconds, Reference: reference, IdempotencyKey: key,
	}, joinProblems(eventErr, userErr, quantityErr, secondsErr, referenceErr, keyErr, holdForm.check(body))
}

// soldOutError says when tickets may become available.
type soldOutError struct {
	held int64         // tickets
	next time.Duration // until the first of them may be available, 0 if there are none
	err  error
}

func (e *soldOutError) Error() string { return e.err.Error() }
func (e *soldOutError) Unwrap() error { return e.err }

func (a *API) hold(ctx context.Context, request store.HoldRequest) (store.HoldResult, error) {
	result, err := a.Store.Hold(ctx, request)
	if errors.Is(err, store.ErrSoldOut) {
		err = &soldOutError{held: result.HeldTickets, next: result.NextRelease, err: err}
	}
	return result, err
}

// ticketsHeld answers a hold.
type ticketsHeld struct {
	Message          string    `json:"message"`
	BookingID        uuid.UUID `json:"bookingId"`
	Status           string    `json:"status"`
	Quantity         int64     `json:"quantity"`
	ExpiresAt        timestamp `json:"expiresAt"`
	ExpiresInSeconds int64     `json:"expiresInSeconds"`
	Version          int64     `json:"version"`
	Current          string    `json:"current,omitempty"` // the status now, of a replay
}

func renderHeld(w http.ResponseWriter, request store.HoldRequest, result store.HoldResult) {
	replayed := result.Replayed && request.IdempotencyKey != ""
	held := ticketsHeld{
		Message: "Tickets held", BookingID: result.Booking, Status: eventStatusTexts[store.StatusHeld], Quantity: request.Quantity,
		ExpiresAt: timestamp(result.ExpiresAt), ExpiresInSeconds: secondsLeft(result.ExpiresIn), Version: result.Version,
	}
	if replayed {
		held.Current = eventStatusTexts[result.Current]
	}
	markReplayed(w, replayed)
	writeJSON(w, http.StatusCreated, held)
}

// confirmRequest is for one booking.
type confirmRequest struct {
	booking uuid.UUID
	user    string
}

var confirmForm = newForm("userId")

func parseConfirm(r *http.Request) (confirmRequest, error) {
	booking, err := parseBookingPath(r)
	if err != nil {
		return confirmRequest{}, err
	}
	body, err := readBody(r)
	if err != nil {
		return confirmRequest{}, err
	}
	user, userErr := userField(body.get("userId"))
	return confirmRequest{booking: booking, user: user}, joinProblems(userErr, confirmForm.check(body))
}

func (a *API) confirm(ctx context.Context, request confirmRequest) (store.ConfirmResult, error) {
	return a.Store.Confirm(ctx, request.booking, request.user)
}

// bookingConfirmed answers a confirmation.
type bookingConfirmed struct {
	Message   string    `json:"message"`
	BookingID uuid.UUID `json:"bookingId"`
	Status    string    `json:"status"`
	Late      bool      `json:"late"` // the deadline had passed
	Version   int64     `json:"version"`
	Current   string    `json:"current,omitempty"` // the status now, of a replay
}

func renderConfirmed(w http.ResponseWriter, request confirmRequest, result store.ConfirmResult) {
	writeJSON(w, http.StatusOK, bookingConfirmed{
		Message: "Booking confirmed", BookingID: request.booking, Status: eventStatusTexts[store.StatusConfirmed],
		Late: result.Late, Version: result.Version, Current: eventStatusTexts[result.Current],
	})
}

// extendRequest is for one booking.
type extendRequest struct {
	booking uuid.UUID
	user    string
	seconds int64 // 0 = as long as it was held or offered first
}

var extendForm = newForm("userId", "seconds")

func parseExtend(r *http.Request) (extendRequest, error) {
	booking, err := parseBookingPath(r)
	if err != nil {
		return extendRequest{}, err
	}
	body, err := readBody(r)
	if err != nil {
		return extendRequest{}, err
	}
	user, userErr := userField(body.get("userId"))
	seconds, secondsErr := secondsField(body.get("seconds"), mostOfferSeconds)
	return extendRequest{booking: booking, user: user, seconds: seconds}, joinProblems(userErr, secondsErr, extendForm.check(body))
}

func (a *API) extend(ctx context.Context, request extendRequest) (store.ExtendResult, error) {
	return a.Store.Extend(ctx, request.booking, request.user, request.seconds)
}

// deadlineExtended answers an extension.
type deadlineExtended struct {
	Message          string    `json:"message"`
	BookingID        uuid.UUID `json:"bookingId"`
	ExpiresAt        timestamp `json:"expiresAt"`
	ExpiresInSeconds int64     `json:"expiresInSeconds"`
	Version          int64     `json:"version"`
}

func renderExtended(w http.ResponseWriter, request extendRequest, result store.ExtendResult) {
	writeJSON(w, http.StatusOK, deadlineExtended{
		Message: "Deadline extended", BookingID: request.booking, ExpiresAt: timestamp(result.ExpiresAt),
		ExpiresInSeconds: secondsLeft(result.ExpiresIn), Version: result.Version,
	})
}
