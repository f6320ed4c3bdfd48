package handlers

import (
	"github.com/google/uuid"

	"boxoffice/store"
)

// What both APIs show of an event and of a booking, under the same names. Each API's answers
// add what it names in its own way.

// eventView is an event at a version.
type eventView struct {
	UUID         uuid.UUID `json:"uuid"`
	Number       uint64    `json:"number"`
	TotalTickets int64     `json:"totalTickets"`
	Version      int64     `json:"version"`

	BookableTickets int64 `json:"bookableTickets"` // to newcomers, now
}

func viewOf(event store.Event) eventView {
	return eventView{
		UUID: event.UUID, Number: event.Number, TotalTickets: event.TotalTickets, Version: event.Version,
		BookableTickets: event.Bookable(),
	}
}

// eventDetails are what the status of an event leaves out.
type eventDetails struct {
	settingsView
	CreatedAt timestamp `json:"createdAt"`
}

func detailsOf(event store.Event) eventDetails {
	return eventDetails{settingsView: settingsOf(event), CreatedAt: timestamp(event.CreatedAt)}
}

// bookingView is a booking.
type bookingView struct {
	BookingID uuid.UUID `json:"bookingId"`
	Quantity  int64     `json:"quantity"`
	Position  int64     `json:"position,omitempty"` // while it waits
	Version   int64     `json:"version"`            // of the event when it was booked
}

func bookedView(request store.BookRequest, result store.BookResult) bookingView {
	return bookingView{
		BookingID: result.Booking, Quantity: request.Quantity, Position: result.Position, Version: result.Version,
	}
}
