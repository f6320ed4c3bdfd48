package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Booking is a booking as it stands.
type Booking struct {
	ID          uuid.UUID
	Event       uuid.UUID
	EventNumber uint64
	User        string
	Quantity    int64 // tickets
	Status      Status
	Position    int64 // live place in the waiting list, 1 = next; 0 if it does not wait
	CreatedAt   time.Time

	Version   int64 // of the event when it was booked
	Waited    bool  // it was put on the waiting list when it was booked
	Promoted  int64 // version of the event when it was promoted, or 0
	Cancelled int64 // version of the event when it was cancelled, or 0
}

// Booking reads one booking. Errors: ErrBookingNotFound, ErrUnavailable.
func (s *Store) Booking(ctx context.Context, id uuid.UUID) (Booking, error) {
	number, ok := numberOf(id)
	if !ok {
		return Booking{}, ErrBookingNotFound
	}
	page, err := s.bookings(ctx, EventNumber(number), shortIDOf(id).String(), 1)
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
	if !event.exists() {
		return BookingPage{}, ErrEventNotFound
	}
	if cursor != "" {
		if _, err := bookingID(event.number, cursor); err != nil {
			return BookingPage{}, ErrBadCursor
		}
	}
	page, err := s.bookings(ctx, event, cursor, limit)
	if errors.Is(err, ErrBookingNotFound) {
		err = ErrBadCursor
	}
	return page, err
}

func (s *Store) bookings(ctx context.Context, event EventRef, start string, limit int) (BookingPage, error) {
	permit, err := s.acquireRead(ctx, eventKey(event.number))
	if err != nil {
		return BookingPage{}, err
	}
	defer permit.release()
	r, err := s.run(ctx, bookingsScript, []string{eventKey(event.number), withdrawnKey(event.number)},
		event.uuid, start, limit)
	if err != nil {
		return BookingPage{}, err
	}
	eventID, next, rows := r.text(), r.text(), r.list()
	if err := r.end("found"); err != nil {
		return BookingPage{}, err
	}
	eventUUID, err := uuid.Parse(eventID)
	if err != nil {
		return BookingPage{}, fmt.Errorf("event %d: %w", event.number, err)
	}

	page := BookingPage{Next: next, Bookings: make([]Booking, 0, len(rows)/3)}
	row := &reply{script: r.script, items: rows}
	for row.err == nil && row.next < len(rows) {
		id, text, position := row.text(), row.text(), row.integer()
		if row.err != nil {
			break
		}
		booking, err := parseBooking(event.number, id, text)
		if err != nil {
			return BookingPage{}, err
		}
		booking.Event, booking.Position = eventUUID, position
		page.Bookings = append(page.Bookings, booking)
	}
	return page, row.err
}
