package store

import (
	"github.com/google/uuid"

	"boxoffice/store/layout"
)

// What Redis holds, as callers see it: see package layout.
type (
	// EventRef names an event, by its number alone or by its UUID.
	EventRef = layout.EventRef
	// Event is an event as it stood at its Version.
	Event = layout.Event
	// Settings are what an organizer decides about an event.
	Settings = layout.Settings
	// SettingsChange changes settings. Nil leaves one as it is.
	SettingsChange = layout.SettingsChange
	// State says what an event takes.
	State = layout.State
	// Booking is a booking as it stands.
	Booking = layout.Booking
	// Status says where a booking stands.
	Status = layout.Status
	// History is a booking's past, as its record tells it.
	History = layout.History
	// Reduced is what a booking was before it was left with fewer tickets.
	Reduced = layout.Reduced
	// Moment is when something happened to a booking; the zero value is never.
	Moment = layout.Moment
	// Millis is a time in milliseconds since 1970, 0 for none.
	Millis = layout.Millis
)

// The states of an event.
const (
	StateOpen   = layout.StateOpen   // takes bookings and cancellations, promotes
	StatePaused = layout.StatePaused // takes cancellations; promotes nobody until it is open again
	StateClosed = layout.StateClosed // takes cancellations; promotes nobody, and never opens again
)

// The statuses of a booking.
const (
	StatusConfirmed = layout.StatusConfirmed
	StatusWaiting   = layout.StatusWaiting
	StatusHeld      = layout.StatusHeld      // until its deadline, if it is not confirmed
	StatusOffered   = layout.StatusOffered   // the same, after it waited
	StatusCancelled = layout.StatusCancelled // for good
	StatusExpired   = layout.StatusExpired   // its deadline passed; it may still be confirmed late
)

// EventNumber refers to the event of this number.
func EventNumber(number uint64) EventRef { return layout.EventNumber(number) }

// EventUUID refers to the event of this id. An id that this service did not make
// refers to no event.
func EventUUID(id uuid.UUID) EventRef { return layout.EventUUID(id) }

// EventOf returns the number of the event that a booking id is of, or 0 if it is not
// an id that this service makes.
func EventOf(booking uuid.UUID) uint64 {
	number, _ := layout.NumberOf(booking)
	return number
}

// Statuses returns every status of a booking, in alphabetical order.
func Statuses() []Status { return layout.Statuses() }
