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
	Reference      string // the shop's own text; may be empty
	NeverWaits     bool   // if tickets are not available, the booking is refused
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
	Current  Status // where the booking stands now, if Replayed; else empty
}

// Book confirms tickets if they are available and nobody waits, else it puts the
// booking at the end of the waiting list.
//
// Errors: ErrEventNotFound, ErrEventPaused, ErrEventClosed, ErrSaleNotStarted, ErrSaleEnded,
// ErrUserLimit, ErrOverCapacity, ErrQuantityLimit, ErrWaitingListFull, ErrSoldOut,
// ErrIdempotencyMismatch, ErrStorageFull, ErrUnavailable.
func (s *Store) Book(ctx context.Context, request BookRequest) (BookResult, error) {
	if request.Event.Number() == 0 {
		return BookResult{}, ErrEventNotFound
	}
	booking, call := s.bookCall(request)
	r, err := s.callEvent(ctx, request.Event.Number(), call)
	if err != nil {
		return BookResult{}, err
	}
	return s.bookResult(booking, r) //nolint:contextcheck // promotions outlive the request
}

// bookCall returns the id of the booking and the call that makes it. Bookings of one event
// that wait together travel as one call.
func (s *Store) bookCall(request BookRequest) (uuid.UUID, conn.Call) {
	number := request.Event.Number()
	booking := layout.NewID(number, layout.ShortIDFor(request.IdempotencyKey, "booking", numberText(number), request.User))
	return booking, conn.Call{
		Script: bookScript,
		Keys:   s.keys.OfEvent(number)[:bookScript.Keys],
		Args:   []any{request.Event.UUID()},
		Item: []any{
			layout.ShortIDOf(booking).String(), request.User, request.Quantity, layout.EncodeReference(request.Reference),
			flag(!request.NeverWaits),
		},
	}
}

func (s *Store) bookResult(booking uuid.UUID, r *conn.Reply) (BookResult, error) {
	result := BookResult{
		Booking:  booking,
		Status:   Status(r.Word),
		Version:  r.Integer(),
		Position: r.Integer(),
		Replayed: r.Flag(),
	}
	promotionsDue := r.Flag()
	result.Current = Status(r.Text())
	if err := r.End(string(StatusConfirmed), string(StatusWaiting)); err != nil {
		return BookResult{}, err
	}
	if promotionsDue {
		number, _ := layout.NumberOf(booking)
		s.schedulePromotion(number)
	}
	return result, nil
}

// flag is a bool as scripts take it.
func flag(is bool) int {
	if is {
		return 1
	}
	return 0
}
