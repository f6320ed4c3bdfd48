package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Booking reads one booking. Errors: ErrBookingNotFound, ErrUnavailable.
func (s *Store) Booking(ctx context.Context, id uuid.UUID) (Booking, error) {
	number, ok := layout.NumberOf(id)
	if !ok {
		return Booking{}, ErrBookingNotFound
	}
	page, err := s.bookings(ctx, EventNumber(number), layout.ShortIDOf(id).String(), 1)
	if errors.Is(err, ErrEventNotFound) {
		err = ErrBookingNotFound
	}
	if err != nil {
		return Booking{}, err
	}
	return page.Bookings[0], nil
}

// BookingPage is a page of an event's bookings, newest first.
type BookingPage struct {
	Bookings []Booking
	Next     string // cursor of the next page, empty on the last
}

// Bookings reads up to limit bookings of an event, cancelled ones too, starting at
// the cursor of a former page, or at the newest. Pages do not overlap, whatever is
// booked in between. Errors: ErrEventNotFound, ErrBadCursor, ErrUnavailable.
func (s *Store) Bookings(ctx context.Context, event EventRef, cursor string, limit int) (BookingPage, error) {
	if event.Number() == 0 {
		return BookingPage{}, ErrEventNotFound
	}
	if cursor != "" {
		if _, err := layout.BookingID(event.Number(), cursor); err != nil {
			return BookingPage{}, ErrBadCursor
		}
	}
	page, err := s.bookings(ctx, event, cursor, limit)
	if errors.Is(err, ErrBookingNotFound) {
		err = ErrBadCursor
	}
	return page, err
}

// bookingsRow is how many items of the reply one booking has.
const bookingsRow = 3

func (s *Store) bookings(ctx context.Context, event EventRef, start string, limit int) (BookingPage, error) {
	number := event.Number()
	r, err := s.call(ctx, conn.Call{
		Script: bookingsScript,
		Keys:   []string{layout.EventKey(number), layout.WithdrawnKey(number)},
		Args:   []any{event.UUID(), start, limit},
	})
	if err != nil {
		return BookingPage{}, err
	}
	eventID, next, rows := r.Text(), r.Text(), r.List()
	if err := r.End("found"); err != nil {
		return BookingPage{}, err
	}
	eventUUID, err := uuid.Parse(eventID)
	if err != nil {
		return BookingPage{}, fmt.Errorf("event %d: %w", number, err)
	}

	page := BookingPage{Next: next, Bookings: make([]Booking, 0, rows.Len()/bookingsRow)}
	for rows.More() {
		id, text, position := rows.Text(), rows.Text(), rows.Integer()
		if rows.Err() != nil {
			break
		}
		booking, err := layout.ParseBooking(number, id, text)
		if err != nil {
			return BookingPage{}, err
		}
		booking.Event, booking.Position = eventUUID, position
		page.Bookings = append(page.Bookings, booking)
	}
	return page, rows.Err()
}
