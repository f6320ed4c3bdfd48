package layout

import (
	"maps"
	"slices"
)

// Status says where a booking stands.
type Status string

// The statuses of a booking.
const (
	StatusConfirmed Status = "confirmed"
	StatusWaiting   Status = "waiting"
	StatusHeld      Status = "held"      // until its deadline, if it is not confirmed
	StatusOffered   Status = "offered"   // the same, after it waited
	StatusCancelled Status = "cancelled" // for good
	StatusExpired   Status = "expired"   // its deadline passed; it may still be confirmed late
)

// statuses says of each status how a record shows it, and what a booking in it has.
var statuses = map[Status]struct {
	letter  string
	tickets bool
	waits   bool
	ends    bool
}{
	StatusConfirmed: {letter: "C", tickets: true},
	StatusWaiting:   {letter: "W", waits: true},
	StatusHeld:      {letter: "H", tickets: true, ends: true},
	StatusOffered:   {letter: "O", tickets: true, ends: true},
	StatusCancelled: {letter: "X"},
	StatusExpired:   {letter: "E"},
}

var statusLetters = func() map[string]Status {
	byLetter := map[string]Status{}
	for status, is := range statuses {
		byLetter[is.letter] = status
	}
	return byLetter
}()

// Statuses returns every status, in alphabetical order.
func Statuses() []Status { return slices.Sorted(maps.Keys(statuses)) }

// HasTickets reports whether the quantity of a booking with this status is taken from the
// event's total.
func (s Status) HasTickets() bool { return statuses[s].tickets }

// Waits reports whether a booking with this status is on the waiting list.
func (s Status) Waits() bool { return statuses[s].waits }

// Ends reports whether a booking with this status loses its tickets at its deadline.
func (s Status) Ends() bool { return statuses[s].ends }

// Live reports whether a booking with this status has tickets or waits for them. Only live
// bookings count towards the user's limit.
func (s Status) Live() bool { return s.HasTickets() || s.Waits() }

// Moment is when something happened to a booking; the zero value is never.
type Moment struct {
	Version int64 // of the event
	At      Millis
}

// until returns the moment, or never if it was after a version of the event.
func (m Moment) until(version int64) Moment {
	if m.Version > version {
		return Moment{}
	}
	return m
}

// History is a booking's past, as its record tells it.
type History struct {
	First     Status // with which it was booked
	Promoted  Moment // from the waiting list
	Confirmed Moment // if it was held or offered before
	Cancelled Moment
	Expired   Moment
	ExpiresAt Millis // deadline of the hold or offer, 0 if it never was one
}

// Status returns the status that this past leads to.
func (h History) Status() Status {
	switch {
	case h.Cancelled.Version != 0:
		return StatusCancelled
	case h.Confirmed.Version != 0: // late, if it has expired before
		return StatusConfirmed
	case h.Expired.Version != 0:
		return StatusExpired
	case h.Promoted.Version != 0 && h.ExpiresAt != 0:
		return StatusOffered
	case h.Promoted.Version != 0:
		return StatusConfirmed
	}
	return h.First
}

// Possible reports whether there can be such a past: only who waited is promoted, and only what was
// held or offered has a deadline, is confirmed later, or expires.
func (h History) Possible() bool {
	promoted := h.Promoted.Version != 0
	ended := h.First.Ends() || promoted && h.First.Waits()
	return (!promoted || h.First.Waits()) &&
		(h.ExpiresAt == 0 || ended) && (!h.First.Ends() || h.ExpiresAt != 0) &&
		(h.ExpiresAt != 0 || h.Confirmed.Version == 0 && h.Expired.Version == 0)
}

// At returns the past as it was known at a version of the event, but for a deadline that was moved
// since.
func (h History) At(version int64) History {
	h.Promoted, h.Confirmed = h.Promoted.until(version), h.Confirmed.until(version)
	h.Cancelled, h.Expired = h.Cancelled.until(version), h.Expired.until(version)
	return h
}

// Last returns the version of the last change, or 0 if none came after it was booked.
func (h History) Last() int64 {
	return max(h.Promoted.Version, h.Confirmed.Version, h.Cancelled.Version, h.Expired.Version)
}

// Had reports whether the booking had this status at some time.
func (h History) Had(status Status) bool {
	for _, version := range []int64{0, h.Promoted.Version, h.Confirmed.Version, h.Cancelled.Version, h.Expired.Version} {
		if h.At(version).Status() == status {
			return true
		}
	}
	return false
}
