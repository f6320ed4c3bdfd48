package model

import (
	"github.com/google/uuid"

	"boxoffice/store"
)

// BookRequest asks for tickets.
type BookRequest struct {
	Booking  uuid.UUID // its id if it is made
	Request  string    // user and idempotency key
	User     string
	Quantity int64
}

// Book books, and does nothing else: it makes no promotions that are due. repeated
// reports whether this request booked before.
func (e *Event) Book(request BookRequest) (answer Answer, repeated bool) {
	if i := e.find(func(b *Booking) bool { return b.Request == request.Request }); i >= 0 {
		if e.Bookings[i].Quantity != request.Quantity {
			return Answer{Refusal: store.ErrIdempotencyMismatch}, false
		}
		return e.Bookings[i].Booked, true
	}
	status := e.NewcomerStatus(request.Quantity)
	if refusal := e.refusal(request, status); refusal != nil {
		return Answer{Refusal: refusal}, false
	}
	answer = Answer{Booking: request.Booking, Version: e.Version + 1, Status: status}
	booking := &Booking{
		ID: request.Booking, Request: request.Request, User: request.User, Quantity: request.Quantity, Status: status,
	}
	switch {
	case status.HasTickets():
		e.Confirm(request.Quantity)
	case status.Waits():
		booking.Sequence = e.Join(request.Quantity)
		answer.Position = e.Waiting
	}
	booking.Booked = answer
	e.Bookings = append(e.Bookings, booking)
	e.commit()
	return answer, false
}

// refusal returns why a new booking is not made, or nil.
func (e *Event) refusal(request BookRequest, status store.Status) error {
	userTickets := int64(0)
	for _, b := range e.Bookings {
		if b.User == request.User && b.Status.Live() {
			userTickets += b.Quantity
		}
	}
	switch refusal := eventStates[e.State].refusal; {
	case refusal != nil:
		return refusal
	case request.Quantity > e.TotalTickets:
		return store.ErrOverCapacity
	case e.MaxQuantity > 0 && request.Quantity > e.MaxQuantity:
		return store.ErrQuantityLimit
	case e.MaxPerUser > 0 && userTickets+request.Quantity > e.MaxPerUser:
		return store.ErrUserLimit
	case status.Waits() && e.WaitlistLimit > 0 && e.Waiting >= e.WaitlistLimit:
		return store.ErrWaitingListFull
	}
	return nil
}

// Cancel cancels a user's booking, or whoever's it is if the user is empty. The refusal is ErrPromotionsDue if Promote has to
// come first.
func (e *Event) Cancel(id uuid.UUID, user string) (answer Answer, repeated bool) {
	i := e.find(func(b *Booking) bool { return b.ID == id && (user == "" || b.User == user) })
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false
	}
	return e.cancel(i, "")
}

// CancelOldest cancels the user's oldest booking that has tickets, else the oldest that
// waits. request is user and idempotency key.
func (e *Event) CancelOldest(request, user string) (answer Answer, repeated bool) {
	i := e.find(func(b *Booking) bool { return b.Cancellation == request })
	if i < 0 {
		i = e.find(func(b *Booking) bool { return b.User == user && b.Status.HasTickets() })
	}
	if i < 0 {
		i = e.find(func(b *Booking) bool { return b.User == user && b.Status.Waits() })
	}
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false
	}
	return e.cancel(i, request)
}

func (e *Event) cancel(i int, cancellation string) (answer Answer, repeated bool) {
	b := e.Bookings[i]
	if !b.Status.Live() {
		return b.Cancelled, true
	}
	if b.Status.HasTickets() && e.PromotionsDue {
		return Answer{Refusal: ErrPromotionsDue}, false
	}
	e.change(i, func(b *Booking) { b.Status, b.Cancellation = store.StatusCancelled, cancellation })
	var promoted []uuid.UUID
	more := false
	switch {
	case b.Status.HasTickets():
		e.Release(b.Quantity)
		promoted, more = e.serve(0)
	case b.Status.Waits():
		e.Withdraw(b.Sequence)
		if b.Sequence == e.lastServed+1 { // whoever is behind the head may fit
			promoted, more = e.serve(1)
		}
	}
	e.PromotionsDue = e.PromotionsDue || more
	answer = Answer{Booking: b.ID, Version: e.Version + 1, Promoted: int64(len(promoted))}
	if len(promoted) > 0 {
		answer.Next = promoted[0]
	}
	e.commit()
	e.change(i, func(b *Booking) { b.Cancelled = answer })
	return answer, false
}
