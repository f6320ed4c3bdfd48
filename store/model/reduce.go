package model

import (
	"github.com/google/uuid"

	"boxoffice/store"
)

// Reduce leaves a user's booking with fewer tickets, or whoever's it is if the user is empty. repeated
// reports whether it had so many before. The refusal is ErrPromotionsDue if Promote has to come first.
func (e *Event) Reduce(id uuid.UUID, user string, quantity int64) (answer Answer, repeated bool) {
	i := e.find(func(b *Booking) bool { return b.ID == id && (user == "" || b.User == user) })
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false
	}
	b := e.Bookings[i]
	switch {
	case b.Reduced.Version != 0 && b.Quantity == quantity:
		return b.Reduced, true
	case b.Status == store.StatusCancelled:
		return Answer{Refusal: store.ErrBookingCancelled}, false
	case b.Status.Ends() && b.ExpiresAt <= e.Now:
		e.ExpireAll()
		return e.Reduce(id, user, quantity)
	case b.Status == store.StatusExpired:
		return Answer{Refusal: store.ErrHoldExpired}, false
	case quantity > b.Quantity:
		return Answer{Refusal: store.ErrQuantityIncrease}, false
	case quantity == b.Quantity:
		return Answer{Booking: id, Version: b.Booked.Version}, true
	case e.PromotionsDue:
		return Answer{Refusal: ErrPromotionsDue}, false
	}
	return e.reduce(i, quantity), false
}

func (e *Event) reduce(i int, quantity int64) (answer Answer) {
	b := e.Bookings[i]
	switch freed := b.Quantity - quantity; {
	case b.Status.Ends():
		e.Held -= freed
	case b.Status.HasTickets():
		e.Release(freed)
	case b.Status.Waits():
		e.Shrink(b.Sequence, quantity)
	}
	e.change(i, func(b *Booking) { b.Quantity = quantity })
	promoted, more := e.serve(0)
	e.PromotionsDue = more
	answer = Answer{Booking: b.ID, Version: e.Version + 1, Promoted: int64(len(promoted))}
	if len(promoted) > 0 {
		answer.Next = promoted[0]
	}
	e.commit()
	e.change(i, func(b *Booking) { b.Reduced = answer })
	return answer
}
