package model

import (
	"slices"

	"github.com/google/uuid"

	"boxoffice/store"
)

// BookRequest asks for tickets.
type BookRequest struct {
	Booking  uuid.UUID // its id if it is made
	Request  string    // user and idempotency key
	User     string
	Quantity int64

	Reference  string
	NeverWaits bool
}

// Book books. It makes no promotions that are due, but ends holds and offers whose deadlines have
// passed, if that may change the answer. repeated reports whether this request booked before.
func (e *Event) Book(request BookRequest) (answer Answer, repeated bool) {
	if i := e.find(func(b *Booking) bool { return b.Request == request.Request }); i >= 0 {
		b := e.Bookings[i]
		if b.Asked != request.Quantity || b.Reference != request.Reference || b.Booked.Status.Ends() ||
			b.Booked.Status.Waits() && request.NeverWaits {
			return Answer{Refusal: store.ErrIdempotencyMismatch}, false
		}
		return b.Booked, true
	}
	status := e.NewcomerStatus(request.Quantity)
	refusal := e.refusal(request, status)
	if e.due() && (refusal == nil && status.Waits() || slices.Contains(awaitable, refusal)) {
		e.ExpireAll()
		return e.Book(request)
	}
	if refusal != nil {
		return Answer{Refusal: refusal}, false
	}
	answer = Answer{Booking: request.Booking, Version: e.Version + 1, Status: status}
	booking := &Booking{
		ID: request.Booking, Request: request.Request, User: request.User, Quantity: request.Quantity, Asked: request.Quantity, Status: status,
		Reference: request.Reference, Linked: e.Version + 1,
	}
	switch {
	case status.HasTickets():
		e.Tickets.Confirm(request.Quantity)
	case status.Waits():
		booking.Sequence = e.Join(request.Quantity)
		answer.Position = e.Waiting
	}
	booking.Booked = answer
	e.Bookings = append(e.Bookings, booking)
	e.commit()
	return answer, false
}

// awaitable are refusals that a deadline which has passed may change.
var awaitable = []error{store.ErrUserLimit, store.ErrWaitingListFull, store.ErrSoldOut}

// userTickets are those that count towards a user's limit.
func (e *Event) userTickets(user string) (tickets int64) {
	for _, b := range e.Bookings {
		if b.User == user && b.Status.Live() {
			tickets += b.Quantity
		}
	}
	return tickets
}

// refusal returns why a new booking or hold is not made, or nil.
func (e *Event) refusal(request BookRequest, status store.Status) error {
	switch refusal := e.notSelling(); {
	case refusal != nil:
		return refusal
	case request.Quantity > e.TotalTickets:
		return store.ErrOverCapacity
	case e.MaxQuantity > 0 && request.Quantity > e.MaxQuantity:
		return store.ErrQuantityLimit
	case e.MaxPerUser > 0 && e.userTickets(request.User)+request.Quantity > e.MaxPerUser:
		return store.ErrUserLimit
	case status.Waits() && (request.NeverWaits || e.WaitlistOff):
		return store.ErrSoldOut
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
		i = e.oldest(func(b *Booking) bool { return b.User == user && b.Status.HasTickets() })
	}
	if i < 0 {
		i = e.oldest(func(b *Booking) bool { return b.User == user && b.Status.Waits() })
	}
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false
	}
	return e.cancel(i, request)
}

// oldest returns the index of the booking that is in front of all its user's like it, or -1.
func (e *Event) oldest(is func(*Booking) bool) int {
	oldest := -1
	for i, b := range e.Bookings {
		if is(b) && (oldest < 0 || b.Linked < e.Bookings[oldest].Linked) {
			oldest = i
		}
	}
	return oldest
}

func (e *Event) cancel(i int, cancellation string) (answer Answer, repeated bool) {
	b := e.Bookings[i]
	switch {
	case b.Status == store.StatusCancelled:
		return b.Cancelled, true
	case b.Status.Ends() && b.ExpiresAt <= e.Now:
		e.ExpireAll()
		if cancellation != "" { // by user: perhaps another one now
			return e.CancelOldest(cancellation, b.User)
		}
		return e.cancel(i, cancellation)
	case !b.Status.Live():
		return Answer{Refusal: store.ErrHoldExpired}, false
	}
	if b.Status.HasTickets() && e.PromotionsDue {
		return Answer{Refusal: ErrPromotionsDue}, false
	}
	e.change(i, func(b *Booking) {
		b.Status, b.Cancellation, b.Ended = store.StatusCancelled, cancellation, e.moment()
	})
	var promoted []uuid.UUID
	more := false
	switch {
	case b.Status.Ends():
		e.Held -= b.Quantity
		promoted, more = e.serve(0)
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
