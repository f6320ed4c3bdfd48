// Package model is the rules of booking once more, in the plainest way: one event, its
// bookings in a slice that is searched from the front. What the service answers is held
// against it, call by call or as a history of calls that overlapped.
package model

import (
	"slices"

	"github.com/google/uuid"

	"boxoffice/store"
)

// Event is an event and all that was booked of it. A copy of it (see Clone) shares the
// bookings, which are therefore replaced and never changed.
type Event struct {
	Total, MaxPerUser, WaitlistLimit int64
	Version                          int64
	Bookings                         []*Booking // in order of arrival: the waiting list is those of them that wait
}

// Booking is a booking as it stands.
type Booking struct {
	ID       uuid.UUID
	Request  string // user and idempotency key: one request, however often it is sent
	User     string
	Quantity int64
	Status   store.Status

	Booked       Answer // to the first request
	Promoted     int64  // version then, or 0
	Cancellation string // user and idempotency key of a cancellation by user, or empty
	Cancelled    Answer // to the first cancellation; Version is 0 before
}

// Answer is what a change is answered with. It does not tell a first answer from a
// repeated one: they have to be the same.
type Answer struct {
	Refusal  error // an error of the store, or nil; the rest is empty then
	Booking  uuid.UUID
	Version  int64        // of the event, by this change
	Status   store.Status // of a booking when it was made
	Position int64        // of a booking when it was made
	Next     uuid.UUID    // the first booking that a cancellation promoted
	Promoted int64        // bookings that a cancellation promoted
}

// Counts is what the status of an event tells.
type Counts struct{ Version, Total, Confirmed, Waiting int64 }

// Clone returns a copy that can be changed.
func (e *Event) Clone() *Event {
	c := *e
	c.Bookings = slices.Clone(e.Bookings)
	return &c
}

func (e *Event) find(is func(*Booking) bool) int { return slices.IndexFunc(e.Bookings, is) }

func (e *Event) change(i int, change func(*Booking)) *Booking {
	b := *e.Bookings[i]
	change(&b)
	e.Bookings[i] = &b
	return &b
}

// Counts returns the event's status.
func (e *Event) Counts() Counts {
	c := Counts{Version: e.Version, Total: e.Total}
	for _, b := range e.Bookings {
		switch b.Status {
		case store.StatusConfirmed:
			c.Confirmed += b.Quantity
		case store.StatusWaiting:
			c.Waiting++
		}
	}
	return c
}

// Book books; id is how the booking is named if it is made. repeated is true if this
// request booked before.
func (e *Event) Book(request, user string, quantity int64, id uuid.UUID) (answer Answer, repeated bool) {
	if i := e.find(func(b *Booking) bool { return b.Request == request }); i >= 0 {
		if e.Bookings[i].Quantity != quantity {
			return Answer{Refusal: store.ErrIdempotencyMismatch}, false
		}
		return e.Bookings[i].Booked, true
	}
	userTickets := int64(0)
	for _, b := range e.Bookings {
		if b.User == user && b.Status != store.StatusCancelled {
			userTickets += b.Quantity
		}
	}
	now := e.Counts()
	answer = Answer{Booking: id, Version: e.Version + 1, Status: store.StatusConfirmed}
	switch {
	case quantity > e.Total:
		return Answer{Refusal: store.ErrOverCapacity}, false
	case e.MaxPerUser > 0 && userTickets+quantity > e.MaxPerUser:
		return Answer{Refusal: store.ErrUserLimit}, false
	case now.Waiting == 0 && now.Confirmed+quantity <= e.Total:
	case e.WaitlistLimit > 0 && now.Waiting >= e.WaitlistLimit:
		return Answer{Refusal: store.ErrWaitingListFull}, false
	default:
		answer.Status, answer.Position = store.StatusWaiting, now.Waiting+1
	}
	e.Version++
	e.Bookings = append(e.Bookings, &Booking{
		ID: id, Request: request, User: user, Quantity: quantity, Status: answer.Status, Booked: answer,
	})
	return answer, false
}

// head is the first that waits, or -1; it fits if its whole quantity is available.
func (e *Event) head() (i int, fits bool) {
	i = e.find(func(b *Booking) bool { return b.Status == store.StatusWaiting })
	return i, i >= 0 && e.Bookings[i].Quantity <= e.Total-e.Counts().Confirmed
}

// serve promotes from the head of the waiting list while it fits, as part of the change that
// makes the version.
func (e *Event) serve(version int64) (first uuid.UUID, promoted int64) {
	for i, fits := e.head(); fits; i, fits = e.head() {
		b := e.change(i, func(b *Booking) { b.Status, b.Promoted = store.StatusConfirmed, version })
		if promoted == 0 {
			first = b.ID
		}
		promoted++
	}
	return first, promoted
}

// Promote gives out what a raised total made available. It tells whether there was anything.
func (e *Event) Promote() bool {
	_, promoted := e.serve(e.Version + 1)
	if promoted > 0 {
		e.Version++
	}
	return promoted > 0
}

// SetTotal changes the total; what becomes available is for Promote to give out.
func (e *Event) SetTotal(total int64) (refusal error) {
	switch {
	case total == e.Total:
	case total < e.Counts().Confirmed:
		return store.ErrCapacityBelowConfirmed
	default:
		e.Total = total
		e.Version++
	}
	return nil
}

// Cancel cancels a user's booking. With tickets left to give out, a confirmed one has
// to wait for Promote: possible is false then.
func (e *Event) Cancel(id uuid.UUID, user string) (answer Answer, repeated, possible bool) {
	i := e.find(func(b *Booking) bool { return b.ID == id && b.User == user })
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false, true
	}
	return e.cancel(i, "")
}

// CancelOldest cancels the user's oldest confirmed booking, else the oldest that waits.
func (e *Event) CancelOldest(request, user string) (answer Answer, repeated, possible bool) {
	i := e.find(func(b *Booking) bool { return b.Cancellation == request })
	for _, status := range []store.Status{store.StatusConfirmed, store.StatusWaiting} {
		if i < 0 {
			i = e.find(func(b *Booking) bool { return b.User == user && b.Status == status })
		}
	}
	if i < 0 {
		return Answer{Refusal: store.ErrBookingNotFound}, false, true
	}
	return e.cancel(i, request)
}

func (e *Event) cancel(i int, request string) (answer Answer, repeated, possible bool) {
	b := e.Bookings[i]
	head, fits := e.head()
	if b.Status == store.StatusCancelled {
		return b.Cancelled, true, true
	}
	if b.Status == store.StatusConfirmed && fits {
		return Answer{}, false, false
	}
	serves := b.Status == store.StatusConfirmed || i == head
	e.change(i, func(b *Booking) { b.Status, b.Cancellation = store.StatusCancelled, request })
	answer = Answer{Booking: b.ID, Version: e.Version + 1}
	if serves {
		answer.Next, answer.Promoted = e.serve(answer.Version)
	}
	e.Version++
	e.change(i, func(b *Booking) { b.Cancelled = answer })
	return answer, false, true
}

// List returns the bookings as the store lists them, oldest first. Times and the event's
// id are not modelled.
func (e *Event) List() []store.Booking {
	var list []store.Booking
	position := int64(0)
	for _, b := range e.Bookings {
		row := store.Booking{
			ID: b.ID, User: b.User, Quantity: b.Quantity, Status: b.Status, Version: b.Booked.Version,
			Waited: b.Booked.Status == store.StatusWaiting, Promoted: b.Promoted, Cancelled: b.Cancelled.Version,
		}
		if b.Status == store.StatusWaiting {
			position++
			row.Position = position
		}
		list = append(list, row)
	}
	return list
}
