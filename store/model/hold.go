package model

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

// HoldRequest asks for tickets to be set aside.
type HoldRequest struct {
	BookRequest
	Seconds int64 // 0 = the event's HoldSeconds
}

// Hold sets tickets aside. repeated reports whether this request did so before.
func (e *Event) Hold(request HoldRequest) (answer Answer, repeated bool) {
	request.NeverWaits = true
	if i := e.find(func(b *Booking) bool { return b.Request == request.Request }); i >= 0 {
		b := e.Bookings[i]
		if b.Asked != request.Quantity || b.Reference != request.Reference || !b.Booked.Status.Ends() || b.AskedSeconds != request.Seconds {
			return Answer{Refusal: store.ErrIdempotencyMismatch}, false
		}
		return b.Booked, true
	}
	refusal := e.notSelling()
	switch {
	case refusal != nil:
	case e.HoldSeconds == 0:
		refusal = store.ErrHoldsOff
	case request.Seconds > e.HoldSeconds:
		refusal = store.ErrHoldLimit
	default:
		refusal = e.refusal(request.BookRequest, e.NewcomerStatus(request.Quantity))
	}
	if e.due() && slices.Contains(awaitable, refusal) {
		e.ExpireAll()
		return e.Hold(request)
	}
	if refusal != nil {
		return Answer{Refusal: refusal}, false
	}
	seconds := cmp.Or(request.Seconds, e.HoldSeconds)
	answer = Answer{
		Booking: request.Booking, Version: e.Version + 1, Status: store.StatusHeld, ExpiresAt: e.Now + store.Millis(seconds*1000),
	}
	e.Held += request.Quantity
	e.Bookings = append(e.Bookings, &Booking{
		ID: request.Booking, Request: request.Request, User: request.User, Status: store.StatusHeld,
		Quantity: request.Quantity, Asked: request.Quantity, Reference: request.Reference,
		AskedSeconds: request.Seconds, HeldSeconds: seconds, ExpiresAt: answer.ExpiresAt,
		Linked: e.Version + 1, Booked: answer,
	})
	e.commit()
	return answer, false
}

// Confirm makes the tickets of a hold or an offer the user's. repeated reports whether they were
// confirmed before.
func (e *Event) Confirm(id uuid.UUID, user string) (answer Answer, repeated bool) {
	i := e.find(func(b *Booking) bool { return b.ID == id && b.User == user })
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false
	}
	b := e.Bookings[i]
	switch {
	case b.Confirmed.Version != 0:
		return Answer{Booking: id, Version: b.Confirmed.Version, Late: b.ExpiresAt <= b.Confirmed.At}, true
	case b.Status.Waits():
		return Answer{Refusal: store.ErrBookingWaiting}, false
	case b.ExpiresAt == 0 && (b.Promoted.Version != 0 || b.Booked.Status.HasTickets()):
		return Answer{Booking: id, Version: cmp.Or(b.Promoted.Version, b.Booked.Version)}, true
	case b.Status == store.StatusCancelled:
		return Answer{Refusal: store.ErrBookingCancelled}, false
	}
	late := b.ExpiresAt <= e.Now
	if late && !e.confirmsLate(b) {
		if e.due() {
			e.ExpireAll()
			return e.Confirm(id, user)
		}
		return Answer{Refusal: store.ErrHoldExpired}, false
	}
	if b.Status.Ends() {
		e.Held -= b.Quantity
	}
	e.Tickets.Confirm(b.Quantity)
	e.change(i, func(b *Booking) {
		if !b.Status.Ends() {
			b.Linked = e.Version + 1
		}
		b.Status, b.Confirmed = store.StatusConfirmed, e.moment()
	})
	e.commit()
	return Answer{Booking: id, Version: e.Version, Late: late}, false
}

// confirmsLate reports whether nobody is the worse for a confirmation after the deadline.
func (e *Event) confirmsLate(b *Booking) bool {
	if e.notSelling() != nil || e.Waiting > 0 {
		return false
	}
	return b.Status.Ends() || b.Quantity <= e.Available() &&
		(e.MaxPerUser == 0 || e.userTickets(b.User)+b.Quantity <= e.MaxPerUser)
}

// extendFactor bounds how long a hold can last, by its usual time.
const extendFactor = 4

// Extend moves a deadline to so many seconds from now, 0 for as long as it was given first.
func (e *Event) Extend(id uuid.UUID, user string, seconds int64) Answer {
	i := e.find(func(b *Booking) bool { return b.ID == id && b.User == user })
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}
	}
	b := e.Bookings[i]
	switch refusal := eventStates[e.State].refusal; {
	case b.Status == store.StatusExpired || b.Status.Ends() && b.ExpiresAt <= e.Now:
		return Answer{Refusal: store.ErrHoldExpired}
	case !b.Status.Ends():
		return Answer{Refusal: store.ErrNotHeld}
	case refusal != nil:
		return Answer{Refusal: refusal}
	}
	began, usual, first := e.began(b), e.HoldSeconds, b.HeldSeconds
	if b.Status == store.StatusOffered {
		usual, first = e.OfferSeconds, e.OfferSeconds
	}
	deadline, last := e.Now+store.Millis(cmp.Or(seconds, first)*1000), began+store.Millis(extendFactor*usual*1000)
	if b.Status == store.StatusOffered && e.ClosesAt != 0 && last > e.ClosesAt {
		deadline, last = min(deadline, e.ClosesAt), e.ClosesAt
	}
	switch {
	case deadline-b.ExpiresAt < 1000:
		return Answer{Booking: id, Version: e.Version, ExpiresAt: b.ExpiresAt}
	case deadline > last:
		return Answer{Refusal: store.ErrHoldLimit}
	}
	e.change(i, func(b *Booking) { b.ExpiresAt = deadline })
	e.commit()
	return Answer{Booking: id, Version: e.Version, ExpiresAt: deadline}
}

// began is when a hold was made, or an offer.
func (e *Event) began(b *Booking) store.Millis {
	if b.Status == store.StatusOffered {
		return b.Promoted.At
	}
	return b.Booked.ExpiresAt - store.Millis(b.HeldSeconds*1000)
}

// ended are the bookings whose deadlines have passed, the earliest first.
func (e *Event) ended() (ended []int) {
	for i, b := range e.Bookings {
		if b.Status.Ends() && b.ExpiresAt <= e.Now {
			ended = append(ended, i)
		}
	}
	slices.SortFunc(ended, func(i, j int) int {
		a, b := e.Bookings[i], e.Bookings[j]
		return cmp.Or(cmp.Compare(a.ExpiresAt, b.ExpiresAt), cmp.Compare(layout.ShortIDOf(a.ID).String(), layout.ShortIDOf(b.ID).String()))
	})
	return ended
}

func (e *Event) due() bool { return len(e.ended()) > 0 }

// Expire ends a bounded number of holds and offers whose deadlines have passed, as one version, and
// reports whether any are left.
func (e *Event) Expire() (more bool) {
	ended := e.ended()
	if len(ended) == 0 {
		return false
	}
	for _, i := range ended[:min(len(ended), scripts.ExpireLimit)] {
		e.Held -= e.Bookings[i].Quantity
		e.change(i, func(b *Booking) { b.Status, b.Expired = store.StatusExpired, e.moment() })
	}
	if !e.PromotionsDue {
		_, e.PromotionsDue = e.serve(0)
	}
	e.commit()
	return e.due()
}

// ExpireAll ends all of them.
func (e *Event) ExpireAll() {
	for e.Expire() {
	}
}
