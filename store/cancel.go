package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// CancelRequest cancels one booking.
type CancelRequest struct {
	Booking uuid.UUID
	User    string // whose booking it is; empty: whoever that is
	By      string // name of the organizer's API key that asks, for the event's log; may be empty
}

// CancelOldestRequest cancels the user's oldest confirmed booking of the event,
// else the oldest that waits.
type CancelOldestRequest struct {
	Event          EventRef
	User           string
	IdempotencyKey string // the same key of the same user and event cancels once; may be empty
}

// CancelResult is the answer to the first cancellation of the booking.
type CancelResult struct {
	Booking  uuid.UUID
	Next     uuid.UUID // the first booking that was promoted by it, or uuid.Nil
	Promoted int64     // bookings that were promoted by it
	Version  int64     // of the event
	Replayed bool      // the booking was cancelled before
}

// Cancel cancels a booking and promotes, in one step, whom the freed tickets
// suffice for. Errors: ErrBookingNotFound (also if it is somebody else's),
// ErrUnavailable.
func (s *Store) Cancel(ctx context.Context, request CancelRequest) (CancelResult, error) {
	number, ok := layout.NumberOf(request.Booking)
	if !ok {
		return CancelResult{}, ErrBookingNotFound
	}
	result, err := s.cancel(ctx, EventNumber(number), layout.ShortIDOf(request.Booking).String(), request.User, "", request.By)
	if errors.Is(err, ErrEventNotFound) {
		err = ErrBookingNotFound
	}
	return result, err
}

// CancelOldest cancels for a user who has no booking id at hand. Errors:
// ErrEventNotFound, ErrBookingNotFound, ErrUnavailable.
func (s *Store) CancelOldest(ctx context.Context, request CancelOldestRequest) (CancelResult, error) {
	event := request.Event
	if event.Number() == 0 {
		return CancelResult{}, ErrEventNotFound
	}
	cancellation := layout.ShortIDFor(request.IdempotencyKey, "cancellation", numberText(event.Number()), request.User)
	return s.cancel(ctx, event, "", request.User, cancellation.String(), "")
}

func (s *Store) cancel(ctx context.Context, event EventRef, booking, user, cancellation, by string) (CancelResult, error) {
	number := event.Number()
	permit, err := s.conn.Acquire(ctx, conn.Change, s.keys.Event(number))
	if err != nil {
		return CancelResult{}, err
	}
	defer permit.Release()
	for {
		r, err := s.call(ctx, conn.Call{
			Script: cancelScript, Keys: s.keys.OfEvent(number), Unbounded: true,
			Args: []any{s.nowOverride(), event.UUID(), booking, user, cancellation, by},
		})
		if err != nil {
			return CancelResult{}, err
		}
		version := r.Integer()
		cancelled, next := r.Text(), r.Text()
		promoted, replayed, promotionsDue := r.Integer(), r.Flag(), r.Flag()
		if err := r.End("cancelled", "busy"); err != nil {
			return CancelResult{}, err
		}
		if r.Word == "busy" {
			if err := s.promoteSteps(ctx, number); err != nil { // the cancellation is acknowledged
				s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
				return CancelResult{}, err
			}
			continue
		}
		if !replayed {
			s.observePromoted(promoted)
		}
		result := CancelResult{Promoted: promoted, Version: version, Replayed: replayed}
		if result.Booking, err = layout.BookingID(number, cancelled); err != nil {
			return CancelResult{}, err
		}
		if next != "" {
			if result.Next, err = layout.BookingID(number, next); err != nil {
				return CancelResult{}, err
			}
		}
		if promotionsDue {
			s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
		}
		return result, nil
	}
}
