package store

import (
	"context"
	"strconv"
	"strings"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// BookingPage is a page of an event's bookings, newest first. It may have fewer bookings than
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

// listCalls bounds the calls for one page: they look at 5,000 entries of the log.
const listCalls = 50

// Bookings reads up to limit bookings of an event, cancelled ones too, starting at
// the cursor of a former page, or at the newest. Pages do not overlap, whatever is
// booked in between. Errors: ErrEventNotFound, ErrBadCursor,
// ErrDamaged, ErrUnavailable.
func (s *Store) Bookings(ctx context.Context, event EventRef, cursor string, limit int) (BookingPage, error) {
	if event.Number() == 0 {
		return BookingPage{}, ErrEventNotFound
	}
	version := int64(0) // the newest
	if cursor != "" {
		var err error
		if version, err = parseCursor(event.Number(), cursor); err != nil {
			return BookingPage{}, err
		}
	}
	permit, err := s.conn.Acquire(ctx, conn.List, s.keys.Event(event.Number()))
	if err != nil {
		return BookingPage{}, err
	}
	defer permit.Release()
	page := BookingPage{Bookings: make([]BookingEntry, 0, limit)}
	// One call looks at a short part of the log, so that bookings need not wait for long. A log
	// may have long parts without any booking, so the calls are bounded too.
	for more, calls := true, 0; more && len(page.Bookings) < limit && calls < listCalls; more, calls = version > 0, calls+1 {
		next, err := s.listFrom(ctx, event, version, limit, &page)
		if err != nil {
			return BookingPage{}, err
		}
		version = next
	}
	if version > 0 {
		page.Next = cursorOf(event.Number(), version)
	}
	return page, nil
}

// cursorOf is the version that a page starts with, and a digest by which a cursor of another
// event, or one that nobody was given, is recognized.
func cursorOf(number uint64, version int64) string {
	text := strconv.FormatInt(version, 10)
	return text + "." + layout.DerivedShortID("cursor", numberText(number), text).String()
}

// parseCursor returns the version in a cursor of the event. Errors: ErrBadCursor.
func parseCursor(number uint64, cursor string) (int64, error) {
	text, _, _ := strings.Cut(cursor, ".")
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 || cursor != cursorOf(number, version) {
		return 0, ErrBadCursor
	}
	return version, nil
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
