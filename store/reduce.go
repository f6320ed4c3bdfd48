package store

import (
	"context"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// ReduceRequest leaves a booking with fewer tickets.
type ReduceRequest struct {
	Booking  uuid.UUID
	User     string // whose booking it is; empty: whoever that is
	Quantity int64  // tickets that it is to have, at least 1
	By       string // name of the organizer's API key that asks, for the event's log; may be empty
}

// ReduceResult is the answer to the first request that led to this quantity.
type ReduceResult struct {
	Promoted []Promotion // by it, in order
	Version  int64       // of the event, since which the booking has so many tickets
	Replayed bool        // the booking had so many tickets before
	Current  Status      // where the booking stands now
}

// Reduce leaves a booking, a hold or an offer with fewer tickets, and promotes, in one step, whom those
// that it gives back suffice for. A booking that waits keeps its place, and is itself promoted if it is
// next and now fits.
//
// Errors: ErrBookingNotFound (also if it is somebody else's), ErrQuantityIncrease, ErrBookingCancelled,
// ErrHoldExpired, ErrUnavailable.
func (s *Store) Reduce(ctx context.Context, request ReduceRequest) (ReduceResult, error) {
	number, ok := layout.NumberOf(request.Booking)
	if !ok {
		return ReduceResult{}, ErrBookingNotFound
	}
	r, err := s.callServing(ctx, number, conn.Call{
		Script: reduceScript, Keys: s.keys.OfEvent(number), Unbounded: true,
		Args: []any{layout.ShortIDOf(request.Booking).String(), request.User, request.Quantity, request.By},
	})
	if err != nil {
		return ReduceResult{}, ofBooking(err)
	}
	result := ReduceResult{Version: r.Integer(), Current: Status(r.Text()), Replayed: r.Flag()}
	promotionsDue, rows := r.Flag(), r.List()
	if err := r.End("reduced"); err != nil {
		return ReduceResult{}, err
	}
	//nolint:contextcheck // promotions outlive the request
	result.Promoted, err = s.servedBy(number, result.Version, result.Replayed, promotionsDue, rows)
	return result, err
}
