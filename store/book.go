package store

import (
	"context"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// BookRequest asks for tickets.
type BookRequest struct {
	Event          EventRef
	User           string
	Quantity       int64  // tickets, all or nothing
	IdempotencyKey string // the same key of the same user and event books once; may be empty
}

// BookResult is the answer to the first request of its kind: where the booking
// stood when it was made.
type BookResult struct {
	Booking  uuid.UUID
	Status   Status // confirmed or waiting
	Position int64  // place in the waiting list when it was made, 1 = next; 0 if confirmed
	Version  int64  // of the event
	Replayed bool   // the same request booked before
}

// Book confirms tickets if they are available and nobody waits, else it puts the
// booking at the end of the waiting list.
//
// Errors: ErrEventNotFound, ErrEventPaused, ErrEventClosed, ErrUserLimit,
// ErrOverCapacity, ErrWaitingListFull, ErrIdempotencyMismatch, ErrStorageFull, ErrUnavailable.
func (s *Store) Book(ctx context.Context, request BookRequest) (BookResult, error) {
	event := request.Event
	if event.Number() == 0 {
		return BookResult{}, ErrEventNotFound
	}
	number := event.Number()
	booking := layout.NewID(number, layout.ShortIDFor(request.IdempotencyKey, "booking", numberText(number), request.User))
	r, err := s.call(ctx, conn.Call{
		Script: bookScript,
		Keys:   []string{layout.EventKey(number), layout.WaitlistKey(number)},
		Args:   []any{event.UUID(), layout.ShortIDOf(booking).String(), request.User, request.Quantity, s.nowMillis()},
	})
	if err != nil {
		return BookResult{}, err
	}
	result := BookResult{
		Booking:  booking,
		Status:   Status(r.Word),
		Version:  r.Integer(),
		Position: r.Integer(),
		Replayed: r.Flag(),
	}
	promotionsDue := r.Flag()
	if err := r.End(string(StatusConfirmed), string(StatusWaiting)); err != nil {
		return BookResult{}, err
	}
	if promotionsDue {
		s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
	}
	return result, nil
}
