package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"boxoffice/handlers"
	"boxoffice/loadtest/faults/history"
	"boxoffice/loadtest/service"
	"boxoffice/store"
	"boxoffice/store/model"
)

// overHTTP calls instances of the service in turn, as a load balancer does that does not
// notice when one is gone. It books and cancels by user through the short API, and does
// the rest through the event API.
type overHTTP struct {
	client    *service.Client
	instances []*instance
	turn      atomic.Uint64
}

// promoted is a booking that got its tickets from the waiting list.
type promoted struct {
	BookingID uuid.UUID `json:"bookingId"`
}

// answerBody is any answer of the service that these calls get.
type answerBody struct {
	BookingID uuid.UUID  `json:"bookingId"`
	Position  int64      `json:"position"`
	Version   int64      `json:"version"`
	Next      *uuid.UUID `json:"nextBookingId"`
	Promoted  []promoted `json:"promoted"`
	Details   struct {   // of the event API's cancellation and reduction
		Next *uuid.UUID `json:"nextBookingId"`
	} `json:"details"`
	Total     int64 `json:"totalTickets"`
	Available int64 `json:"availableTickets"`
	Waiting   int64 `json:"waitingListCount"`
}

// bookedStatuses are those that an answer of the short API stands for.
var bookedStatuses = map[int]store.Status{
	http.StatusCreated: store.StatusConfirmed, http.StatusAccepted: store.StatusWaiting,
}

func (h *overHTTP) do(ctx context.Context, call history.Call) history.Attempt {
	attempt := history.Attempt{Call: call}
	method, path := http.MethodPost, ""
	body := map[string]any{"userId": call.User}
	switch call.Verb {
	case history.Book:
		path, body["eventId"], body["quantity"] = "/book", call.Event, call.Quantity
	case history.Cancel:
		path, body["bookingId"] = "/api/events/cancel", call.Booking
	case history.Reduce:
		method, path, body["quantity"] = http.MethodPatch, "/api/bookings/"+call.Booking.String(), call.Quantity
	case history.CancelOldest:
		path, body["eventId"] = "/cancel", call.Event
	case history.SetTotal:
		method, path, body = http.MethodPatch, "/api/events/"+call.EventID.String(), map[string]any{"totalTickets": call.Total}
	case history.Status:
		method, path, body = http.MethodGet, "/api/events/status/"+call.EventID.String(), nil
	}
	to := h.instances[h.turn.Add(1)%uint64(len(h.instances))]
	response, err := h.client.Send(ctx, service.Target{URL: "http://" + to.addr}, method, path, call.Key, body)
	if err != nil || safeToRepeat(response) {
		return attempt
	}
	attempt.Answered = true
	var got answerBody
	if err := decode(response, &got); err != nil {
		attempt.Answer.Refusal = err
		return attempt
	}
	attempt.First = call.Verb == history.Book && !response.Replayed
	got.into(&attempt, response)
	return attempt
}

// into takes a success for the answer to an attempt.
func (got *answerBody) into(attempt *history.Attempt, response service.Response) {
	switch call := attempt.Call; call.Verb {
	case history.Book:
		status, known := bookedStatuses[response.Code]
		if !known {
			attempt.Answer.Refusal = fmt.Errorf("a booking answered %d: %s", response.Code, response.Body)
			return
		}
		attempt.Answer = model.Answer{Booking: got.BookingID, Version: got.Version, Status: status, Position: got.Position}
	case history.Cancel, history.Reduce:
		attempt.Answer = model.Answer{
			Booking: call.Booking, Version: got.Version, Next: orNil(got.Details.Next), Promoted: int64(len(got.Promoted)),
		}
	case history.CancelOldest:
		attempt.Answer = model.Answer{Booking: got.BookingID, Version: got.Version, Next: orNil(got.Next), Promoted: int64(len(got.Promoted))}
	case history.Status:
		attempt.Counts = model.Counts{
			Version: got.Version, Total: got.Total, Confirmed: got.Total - got.Available, Waiting: got.Waiting,
		}
	}
}

// safeToRepeat recognizes a 503 as the API has it: it says when to try again, and that it is safe.
func safeToRepeat(response service.Response) bool {
	return response.Code == http.StatusServiceUnavailable && response.RetryAfter != "" &&
		slices.Contains([]string{"unavailable", "overloaded", "refused", "storage_full", "other_store", "starting"}, response.ProblemCode())
}

// decode reads a success, or turns a refusal into the store's error. What the API does
// not have is an error that no model agrees with.
func decode(response service.Response, got *answerBody) error {
	if response.Code < http.StatusMultipleChoices {
		return json.Unmarshal(response.Body, got)
	}
	if refusal := handlers.RefusalOf(response.ProblemCode()); refusal != nil {
		return refusal
	}
	return fmt.Errorf("%d %s: %s", response.Code, http.StatusText(response.Code), response.Body)
}

func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}
