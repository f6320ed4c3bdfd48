package store

import (
	"context"
	"errors"
	"fmt"

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
	Promoted []Promotion // by it, in order
	Version  int64       // of the event
	Replayed bool        // the booking was cancelled before
}

// Next is the first booking that was promoted, or uuid.Nil.
func (r CancelResult) Next() uuid.UUID {
	if len(r.Promoted) == 0 {
		return uuid.Nil
	}
	return r.Promoted[0].Booking
}

// Promotion is a booking that got its tickets from the waiting list, as it was at once after that.
type Promotion struct {
	Booking  uuid.UUID
	User     string
	Quantity int64  // tickets
	Status   Status // confirmed or offered
}

// Cancel cancels a booking, releases a hold or declines an offer, and promotes, in one step, whom
// the freed tickets suffice for. Errors: ErrBookingNotFound (also if it is somebody else's),
// ErrHoldExpired, ErrUnavailable.
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
	r, err := s.callServing(ctx, number, conn.Call{
		Script: cancelScript, Keys: s.keys.OfEvent(number), Unbounded: true,
		Args: []any{event.UUID(), booking, user, cancellation, by},
	})
	if err != nil {
		return CancelResult{}, err
	}
	result := CancelResult{Version: r.Integer()}
	cancelled := r.Text()
	result.Replayed = r.Flag()
	promotionsDue, rows := r.Flag(), r.List()
	if err := r.End("cancelled"); err != nil {
		return CancelResult{}, err
	}
	if result.Booking, err = layout.BookingID(number, cancelled); err != nil {
		return CancelResult{}, err
	}
	//nolint:contextcheck // promotions outlive the request
	result.Promoted, err = s.servedBy(number, result.Version, result.Replayed, promotionsDue, rows)
	return result, err
}

// callServing is callEvent, for a script that frees tickets and names who gets them. What is due to
// others comes first.
func (s *Store) callServing(ctx context.Context, number uint64, call conn.Call) (*conn.Reply, error) {
	permit, err := s.conn.Acquire(ctx, conn.Change, s.keys.Event(number))
	if err != nil {
		return nil, err
	}
	defer permit.Release()
	s.register(ctx, number) // it may offer tickets
	for {
		r, err := s.callEvent(ctx, number, call)
		if err != nil || r.Word != "busy" {
			return r, err
		}
		if err := s.promoteSteps(ctx, number); err != nil { // the change to come is acknowledged
			s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
			return nil, err
		}
	}
}

// servedBy returns whom such a script has promoted. What it left over is done in the background.
func (s *Store) servedBy(number uint64, version int64, replayed, promotionsDue bool, rows *conn.Reply) ([]Promotion, error) {
	promoted, err := promotions(number, version, rows)
	if err == nil && !replayed {
		s.observePromoted(int64(len(promoted)))
	}
	if promotionsDue {
		s.schedulePromotion(number)
	}
	return promoted, err
}

// promotions reads the bookings that a version of the event promoted: short ids and records.
func promotions(number uint64, version int64, rows *conn.Reply) (promoted []Promotion, err error) {
	for rows.More() {
		one, err := promotion(number, version, rows)
		if err != nil {
			return nil, err
		}
		promoted = append(promoted, one)
	}
	return promoted, rows.Err()
}

func promotion(number uint64, version int64, rows *conn.Reply) (Promotion, error) {
	short, record := rows.Text(), rows.Text()
	if err := rows.Err(); err != nil {
		return Promotion{}, err
	}
	b, err := layout.ParseBooking(number, short, record)
	if err != nil {
		return Promotion{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return Promotion{Booking: b.ID, User: b.User, Quantity: b.Quantity, Status: b.At(version).Status()}, nil
}
