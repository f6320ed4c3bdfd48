package model

import "boxoffice/store"

// standing is what a booking has while it is in a status.
type standing struct {
	tickets bool // its quantity is taken from the event's total
	waits   bool // it is in the waiting list
}

// standings has every status.
var standings = map[store.Status]standing{
	store.StatusConfirmed: {tickets: true},
	store.StatusWaiting:   {waits: true},
	store.StatusCancelled: {},
}

// standingOf panics at a status without a row in the table: to guess would hide a rule
// that was forgotten.
func standingOf(status store.Status) standing {
	s, known := standings[status]
	if !known {
		panic("model: what a booking with status " + string(status) + " has is not written down")
	}
	return s
}

// HasTickets reports whether the quantity of a booking with this status is taken.
func HasTickets(status store.Status) bool { return standings[status].tickets }

// Waits reports whether a booking with this status is in the waiting list.
func Waits(status store.Status) bool { return standings[status].waits }

// Promotes reports whether an event in this state serves its waiting list.
func Promotes(state store.State) bool { return eventStates[state].promotes }

// countsForUser reports whether a booking counts towards its user's limit.
func countsForUser(status store.Status) bool {
	s := standingOf(status)
	return s.tickets || s.waits
}

// eventStates says what an event takes in each of its states.
var eventStates = map[store.State]struct {
	refusal  error // of a booking
	promotes bool
}{
	store.StateOpen:   {promotes: true},
	store.StatePaused: {refusal: store.ErrEventPaused},
	store.StateClosed: {refusal: store.ErrEventClosed},
}

// History is what a booking's record says of its past: versions of the event, 0 = never.
type History struct {
	Waited              bool
	Promoted, Cancelled int64
}

// Status returns the status that this past leads to. It is not possible that a
// booking was promoted which never waited.
func (h History) Status() (status store.Status, possible bool) {
	possible = h.Waited || h.Promoted == 0
	switch {
	case h.Cancelled != 0:
		return store.StatusCancelled, possible
	case h.Waited && h.Promoted == 0:
		return store.StatusWaiting, possible
	}
	return store.StatusConfirmed, possible
}

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
func (h History) Had(status store.Status) bool {
	switch status {
	case store.StatusConfirmed:
		return !h.Waited || h.Promoted != 0
	case store.StatusWaiting:
		return h.Waited
	case store.StatusCancelled:
		return h.Cancelled != 0
	}
	return false
}
