package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Booking reads one booking. Errors: ErrBookingNotFound, ErrDamaged, ErrUnavailable.
func (s *Store) Booking(ctx context.Context, id uuid.UUID) (Booking, error) {
	number, ok := layout.NumberOf(id)
	if !ok {
		return Booking{}, ErrBookingNotFound
	}
	short := layout.ShortIDOf(id).String()
	r, err := s.call(ctx, conn.Call{
		Script: findScript,
		Keys:   []string{s.keys.Event(number), s.keys.Withdrawn(number)},
		Args:   []any{short},
	})
	if errors.Is(err, ErrEventNotFound) {
		err = ErrBookingNotFound
	}
	if err != nil {
		return Booking{}, err
	}
	event, promotionsDue, record, position, deadline := r.Text(), r.Flag(), r.Text(), r.Integer(), r.Integer()
	if err := r.End("found"); err != nil {
		return Booking{}, err
	}
	s.finishLeftovers(number, promotionsDue, layout.Millis(deadline)) //nolint:contextcheck // it outlives the request
	return parseBooking(number, event, short, record, position)
}

// parseBooking reads a booking as the scripts return it. Errors: ErrDamaged.
func parseBooking(number uint64, event, short, record string, position int64) (Booking, error) {
	booking, err := layout.ParseBooking(number, short, record)
	if err != nil {
		return Booking{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if booking.Event, err = layout.ParseUUID(event); err != nil {
		return Booking{}, fmt.Errorf("event %d: %w: %w", number, ErrDamaged, err)
	}
	booking.Position = position
	return booking, nil
}
