package handlers

import (
	"math"
	"time"

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

	HeldTickets          int64 `json:"heldTickets"`                    // of holds and offers
	BookableTickets      int64 `json:"bookableTickets"`                // to newcomers, now
	OnSale               bool  `json:"onSale"`                         // it is open, and in its window
	OpensInSeconds       int64 `json:"opensInSeconds,omitempty"`       // until the sale starts
	NextReleaseInSeconds int64 `json:"nextReleaseInSeconds,omitempty"` // until the next hold or offer ends, at least 1
}

func viewOf(event store.Event) eventView {
	now := time.Now()
	view := eventView{
		UUID: event.UUID, Number: event.Number, TotalTickets: event.TotalTickets, Version: event.Version,
		HeldTickets: event.Held, BookableTickets: event.Bookable(now), OnSale: event.OnSale(now),
	}
	if opens := event.OpensAt.Time().Sub(now); event.OpensAt != 0 && opens > 0 {
		view.OpensInSeconds = secondsUp(opens)
	}
	if event.Deadline != 0 {
		view.NextReleaseInSeconds = max(1, secondsUp(event.Deadline.Time().Sub(now)))
	}
	return view
}

// secondsUp is a time in whole seconds, rounded up: whoever waits for them is not early.
func secondsUp(length time.Duration) int64 { return int64(math.Ceil(length.Seconds())) }

// secondsLeft is the time until a deadline in whole seconds, rounded down and not negative: whoever
// relies on them is not late.
func secondsLeft(length time.Duration) int64 { return max(0, int64(length.Seconds())) }

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

// promotionView is a booking that got its tickets from the waiting list.
type promotionView struct {
	BookingID uuid.UUID `json:"bookingId"`
	UserID    string    `json:"userId"`
	Quantity  int64     `json:"quantity"`
	Status    string    `json:"status"` // when it was promoted
}

func promotionsOf(promoted []store.Promotion) []promotionView {
	views := make([]promotionView, 0, len(promoted))
	for _, one := range promoted {
		views = append(views, promotionView{
			BookingID: one.Booking, UserID: one.User, Quantity: one.Quantity, Status: eventStatusTexts[one.Status],
		})
	}
	return views
}

// firstOf returns the first booking that was promoted, or nil.
func firstOf(promoted []store.Promotion) *uuid.UUID {
	if len(promoted) == 0 {
		return nil
	}
	return &promoted[0].Booking
}
