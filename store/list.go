package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// BookingPage is a page of an event's bookings. It may have fewer bookings than
// were asked for, or none, and the last page may be empty.
type BookingPage struct {
	Bookings []BookingEntry
	Next     string // cursor of the next page, empty on the last
}

// BookingEntry is a booking of a list. If Err is set, it cannot be read, and only the version
// and the event are known, and maybe the booking's id.
type BookingEntry struct {
	Booking
	Err error // ErrDamaged or nil
}

// BookingsRequest asks for a page of bookings.
type BookingsRequest struct {
	Event  EventRef
	User   string // whose live bookings, oldest first; empty: everybody's, newest first, ended ones too
	Status Status // only those with this status now; empty: any
	Cursor string // of a former page; empty: the first
	Limit  int    // most bookings
}

// listCalls bounds the calls for one page: they look at 5,000 entries of the log.
const listCalls = 50

// Bookings reads bookings of an event. Pages do not overlap, whatever is booked in between. A
// cursor of a user's bookings is bad once the booking that it goes on with has ended.
//
// Errors: ErrEventNotFound, ErrBadCursor, ErrDamaged, ErrUnavailable.
func (s *Store) Bookings(ctx context.Context, request BookingsRequest) (BookingPage, error) {
	if request.Event.Number() == 0 {
		return BookingPage{}, ErrEventNotFound
	}
	page := s.allBookings
	if request.User != "" {
		page = s.liveBookings
	}
	result, err := page(ctx, request)
	if err != nil {
		return BookingPage{}, err
	}
	if request.Status != "" {
		result.Bookings = slices.DeleteFunc(result.Bookings, func(one BookingEntry) bool {
			return one.Err == nil && one.Status != request.Status
		})
	}
	return result, nil
}

func (s *Store) allBookings(ctx context.Context, request BookingsRequest) (BookingPage, error) {
	event, number := request.Event, request.Event.Number()
	version := int64(0) // the newest
	if request.Cursor != "" {
		from, err := fromCursor(request.Cursor, number, "")
		if err != nil {
			return BookingPage{}, err
		}
		if version, err = strconv.ParseInt(from, 10, 64); err != nil || version < 1 {
			return BookingPage{}, ErrBadCursor
		}
	}
	permit, err := s.conn.Acquire(ctx, conn.List, s.keys.Event(number))
	if err != nil {
		return BookingPage{}, err
	}
	defer permit.Release()
	page := BookingPage{Bookings: make([]BookingEntry, 0, request.Limit)}
	// One call looks at a short part of the log, so that bookings need not wait for long. A log
	// may have long parts without any booking, so the calls are bounded too.
	for more, calls := true, 0; more && len(page.Bookings) < request.Limit && calls < listCalls; more, calls = version > 0, calls+1 {
		next, err := s.listFrom(ctx, event, version, request.Limit, &page)
		if err != nil {
			return BookingPage{}, err
		}
		version = next
	}
	if version > 0 {
		page.Next = toCursor(strconv.FormatInt(version, 10), number, "")
	}
	return page, nil
}

// liveBookings reads a user's.
func (s *Store) liveBookings(ctx context.Context, request BookingsRequest) (BookingPage, error) {
	number, from := request.Event.Number(), ""
	if request.Cursor != "" {
		var err error
		if from, err = fromCursor(request.Cursor, number, request.User); err != nil {
			return BookingPage{}, err
		}
	}
	r, err := s.call(ctx, conn.Call{
		Script: liveScript,
		Keys:   []string{s.keys.Event(number), s.keys.Withdrawn(number)},
		Args:   []any{request.Event.UUID(), request.User, from, request.Limit},
	})
	if err != nil {
		return BookingPage{}, err
	}
	id, promotionsDue, deadline, next, rows := r.Text(), r.Flag(), r.Integer(), r.Text(), r.List()
	if err := r.End("found"); err != nil {
		return BookingPage{}, err
	}
	s.finishLeftovers(number, promotionsDue, layout.Millis(deadline)) //nolint:contextcheck // it outlives the request
	page := BookingPage{Bookings: make([]BookingEntry, 0, request.Limit)}
	for rows.More() {
		short, record, position := rows.Text(), rows.Text(), rows.Integer()
		if rows.Err() != nil {
			break
		}
		booking, err := parseBooking(number, id, short, record, position)
		if err != nil {
			return BookingPage{}, err
		}
		page.Bookings = append(page.Bookings, BookingEntry{Booking: booking})
	}
	if next != "" {
		page.Next = toCursor(next, number, request.User)
	}
	return page, rows.Err()
}

// toCursor is what a page starts with, and a digest by which a cursor of another list, or one that
// nobody was given, is recognized.
func toCursor(from string, number uint64, user string) string {
	return from + "." + layout.DerivedShortID("cursor", numberText(number), user, from).String()
}

// fromCursor returns what a page of a list starts with. Errors: ErrBadCursor.
func fromCursor(cursor string, number uint64, user string) (string, error) {
	from, _, _ := strings.Cut(cursor, ".")
	if cursor != toCursor(from, number, user) {
		return "", ErrBadCursor
	}
	return from, nil
}

// listFrom adds bookings to a page, going back from a version of the event, until the page
// has as many as the limit. It returns the version to go on from, or 0 if there are no more.
func (s *Store) listFrom(ctx context.Context, event EventRef, version int64, limit int, page *BookingPage) (next int64, err error) {
	number := event.Number()
	r, err := s.call(ctx, conn.Call{
		Script: listScript,
		Keys:   []string{s.keys.Event(number), s.keys.Log(number), s.keys.Withdrawn(number)},
		Args:   []any{event.UUID(), version, limit - len(page.Bookings)},

		Unbounded: true, // Bookings has acquired a permit
	})
	if err != nil {
		return 0, err
	}
	id, promotionsDue, deadline, next, rows := r.Text(), r.Flag(), r.Integer(), r.Integer(), r.List()
	if err := r.End("found"); err != nil {
		return 0, err
	}
	s.finishLeftovers(number, promotionsDue, layout.Millis(deadline)) //nolint:contextcheck // it outlives the request
	for rows.More() {
		made, short, record, position := rows.Integer(), rows.Text(), rows.Text(), rows.Integer()
		if rows.Err() != nil {
			break
		}
		booking, err := parseBooking(number, id, short, record, position)
		if err != nil {
			booking = Booking{EventNumber: number, Version: made}
			booking.Event, _ = layout.ParseUUID(id)
			booking.ID, _ = layout.BookingID(number, short)
		}
		page.Bookings = append(page.Bookings, BookingEntry{Booking: booking, Err: err})
	}
	return next, rows.Err()
}
