// Package model is the rules of booking once more, in plain Go: what the scripts answer
// and what they leave behind is held against it, call by call in the store's tests, as a
// history of calls that overlapped in the fault runs, and version by version in the
// load lab's audit.
//
// A rule is written here once and looked up by all of them. Tickets is who gets tickets
// and when; Event adds bookings, users and versions. A new setting is there with
// store.Settings, and its rule goes where it matters. What is written once a version belongs
// into commit.
package model

import (
	"cmp"
	"errors"
	"slices"

	"github.com/google/uuid"

	"boxoffice/store"
)

// Event is an event and all that was booked of it. A copy of it (see Clone) shares the
// bookings, which are therefore replaced and never changed.
type Event struct {
	Tickets

	Version  int64
	Bookings []*Booking // in order of arrival
}

// Booking is a booking as it stands.
type Booking struct {
	ID       uuid.UUID
	Request  string // user and idempotency key: one request, however often it is sent
	User     string
	Quantity int64
	Asked    int64 // tickets, as they were booked
	Status   store.Status
	Sequence int64 // number drawn when it joined the waiting list, or 0

	Booked       Answer // to the first request
	Reference    string
	AskedSeconds int64  // of a hold
	HeldSeconds  int64  // of a hold, as it was given
	Linked       int64  // version at which it came to the young end of its user's bookings
	Cancellation string // user and idempotency key of a cancellation by user, or empty
	Cancelled    Answer // to the first cancellation; Version is 0 before
	Reduced      Answer // to the reduction that led to Quantity; Version is 0 before

	Promoted, Confirmed, Expired, Ended store.Moment // Ended is when it was cancelled
	ExpiresAt                           store.Millis // deadline, or 0 if it never had one
}

// Answer is what a change is answered with. It does not distinguish a first answer from
// a repeated one: they have to be the same.
type Answer struct {
	Refusal  error // an error of the store, or nil; the rest is empty then
	Booking  uuid.UUID
	Version  int64        // of the event, by this change
	Status   store.Status // of a booking when it was made
	Position int64        // of a booking when it was made
	Next     uuid.UUID    // the first booking that a cancellation or a reduction promoted
	Promoted int64        // bookings that it promoted

	ExpiresAt store.Millis // of a hold when it was made, or of what was extended
	Late      bool         // of a confirmation: the deadline had passed
}

// Counts is an event's status.
type Counts struct{ Version, Total, Confirmed, Waiting int64 }

// ErrPromotionsDue refuses a cancellation until Promote has made the promotions that are
// due: else nobody could say who got its tickets. The service does that by itself.
var ErrPromotionsDue = errors.New("promotions are due")

// New returns an event as it is created.
func New(request store.InitializeRequest) *Event {
	settings := request.Settings
	settings.State = cmp.Or(settings.State, store.StateOpen)
	return &Event{Tickets: Tickets{Settings: settings}, Version: 1}
}

// Clone returns a copy that can be changed.
func (e *Event) Clone() *Event {
	c := *e
	c.Tickets, c.Bookings = e.clone(), slices.Clone(e.Bookings)
	return &c
}

// Equal reports whether all further calls would be answered alike.
func (e *Event) Equal(other *Event) bool {
	return e.Tickets.equal(&other.Tickets) && e.Version == other.Version &&
		slices.EqualFunc(e.Bookings, other.Bookings, func(a, b *Booking) bool { return *a == *b })
}

// Counts returns the event's status.
func (e *Event) Counts() Counts { return Counts{e.Version, e.TotalTickets, e.Confirmed, e.Waiting} }

// Update changes settings; whom that gives tickets is for Promote. A request that
// changes nothing makes no version.
func (e *Event) Update(request store.UpdateRequest) (refusal error) {
	settings := request.Apply(e.Settings)
	switch {
	case settings == e.Settings:
		return nil
	case e.State == store.StateClosed && settings.State != store.StateClosed:
		return store.ErrEventClosed
	case settings.TotalTickets < e.Confirmed+e.Held && e.due():
		e.ExpireAll()
		return e.Update(request)
	case settings.TotalTickets < e.Confirmed+e.Held:
		return store.ErrCapacityBelowConfirmed
	}
	e.Change(settings)
	e.commit()
	return nil
}

// Promote is one step of promotions, and a version of its own if it promotes anybody.
// more reports whether promotions are still due.
func (e *Event) Promote() (promoted []uuid.UUID, more bool) {
	promoted, e.PromotionsDue = e.serve(0)
	if len(promoted) > 0 {
		e.commit()
	}
	return promoted, e.PromotionsDue
}

// PromoteAll makes all promotions that are due.
func (e *Event) PromoteAll() {
	for e.PromotionsDue {
		e.Promote()
	}
}

// serve promotes as part of the change that makes the next version.
func (e *Event) serve(passed int64) (promoted []uuid.UUID, more bool) {
	sequences, more := e.Tickets.Serve(passed)
	for _, sequence := range sequences {
		i := e.find(func(b *Booking) bool { return b.Sequence == sequence })
		b := e.change(i, func(b *Booking) {
			b.Status, b.Promoted = store.StatusConfirmed, e.moment()
			if e.OfferSeconds > 0 {
				b.Status, b.ExpiresAt = store.StatusOffered, e.Now+store.Millis(e.OfferSeconds*1000)
				if e.ClosesAt != 0 {
					b.ExpiresAt = min(b.ExpiresAt, e.ClosesAt)
				}
			}
		})
		promoted = append(promoted, b.ID)
	}
	return promoted, more
}

// PromotedAt returns who was promoted at a version, in order.
func (e *Event) PromotedAt(version int64) (promoted []uuid.UUID) {
	for _, b := range e.Bookings {
		if b.Promoted.Version == version {
			promoted = append(promoted, b.ID)
		}
	}
	return promoted
}

// moment is that of the change that is made now.
func (e *Event) moment() store.Moment { return store.Moment{Version: e.Version + 1, At: e.Now} }

// commit ends a change: it has a version of its own.
func (e *Event) commit() { e.Version++ }

func (e *Event) find(is func(*Booking) bool) int { return slices.IndexFunc(e.Bookings, is) }

func (e *Event) change(i int, change func(*Booking)) *Booking {
	b := *e.Bookings[i]
	change(&b)
	e.Bookings[i] = &b
	return &b
}

// reduced is what a booking was before it had fewer tickets, as the store has it.
func (b *Booking) reduced() store.Reduced {
	if b.Reduced.Version == 0 {
		return store.Reduced{}
	}
	return store.Reduced{From: b.Asked, Version: b.Reduced.Version}
}

// List returns the bookings as the store lists them, oldest first, but without times and
// the event's id.
func (e *Event) List() []store.Booking {
	var list []store.Booking
	position := int64(0)
	for _, b := range e.Bookings {
		row := store.Booking{
			ID: b.ID, User: b.User, Quantity: b.Quantity, Status: b.Status, Version: b.Booked.Version,
			Reference: b.Reference, HeldSeconds: b.HeldSeconds, Reduced: b.reduced(),
			History: store.History{
				First: b.Booked.Status, Promoted: b.Promoted, Confirmed: b.Confirmed, Cancelled: b.Ended, Expired: b.Expired,
				ExpiresAt: b.ExpiresAt,
			},
		}
		if b.Status.Waits() {
			position++
			row.Position = position
		}
		list = append(list, row)
	}
	return list
}
