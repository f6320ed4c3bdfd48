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
	StatusCancelled Status = "cancelled" // for good
)

// statuses says of each status how a record shows it, and what a booking in it has.
var statuses = map[Status]struct {
	letter  string
	tickets bool
	waits   bool
}{
	StatusConfirmed: {letter: "C", tickets: true},
	StatusWaiting:   {letter: "W", waits: true},
	StatusCancelled: {letter: "X"},
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

// Live reports whether a booking with this status has tickets or waits for them. Only live
// bookings count towards the user's limit.
func (s Status) Live() bool { return s.HasTickets() || s.Waits() }

// History is a booking's past, as its record tells it. The versions are the event's, 0 for
// what has not happened.
type History struct {
	First     Status // with which it was booked
	Promoted  int64
	Cancelled int64
}

// Status returns the status that this past leads to.
func (h History) Status() Status {
	switch {
	case h.Cancelled != 0:
		return StatusCancelled
	case h.Promoted != 0:
		return StatusConfirmed
	}
	return h.First
}

// Possible reports whether there can be such a past: only who waited is promoted.
func (h History) Possible() bool { return h.Promoted == 0 || h.First.Waits() }

// At returns the past as it was known at a version of the event.
func (h History) At(version int64) History {
	if h.Promoted > version {
		h.Promoted = 0
	}
	if h.Cancelled > version {
		h.Cancelled = 0
	}
	return h
}

// Had reports whether the booking had this status at some time.
func (h History) Had(status Status) bool {
	return status == h.Status() || status == h.First || status == History{First: h.First, Promoted: h.Promoted}.Status()
}
