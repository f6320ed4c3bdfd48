package audit

import (
	"cmp"
	"slices"
	"strconv"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store"
)

// row is a booking that the service lists, with what clients know about it.
type row struct {
	service.Booking
	id      service.ID
	claim   *claim
	cancels []*load.Entry
	lookups []*load.Entry

	status   store.Status // empty if the service gave it a status that the model does not have
	sequence int64        // in the waiting list that is replayed
}

// past is what the record says of the booking's past.
func (r *row) past() store.History {
	first := store.StatusConfirmed
	if r.Waited {
		first = store.StatusWaiting
	}
	return store.History{First: first, Promoted: store.Moment{Version: r.Promoted}, Cancelled: store.Moment{Version: r.Cancelled}}
}

// claim is one wish to book: a request, or all requests with one idempotency key.
type claim struct {
	user     uint64
	key      uint64
	quantity int64
	entries  []*load.Entry
	booked   service.ID // what the first acknowledgement named
}

func (c *claim) mayHaveHappened() bool {
	return slices.ContainsFunc(c.entries, (*load.Entry).MayHaveHappened)
}

// asked is when the first of its requests was sent.
func (c *claim) asked() int64 {
	return slices.MinFunc(c.entries, func(a, b *load.Entry) int { return cmp.Compare(a.Sent, b.Sent) }).Sent
}

// eventCase is the audit of one event.
type eventCase struct {
	*Result
	event  Event
	state  service.Event
	rows   []*row // by version
	byID   map[service.ID]*row
	claims []*claim
	users  map[string][]*claim
	others []*load.Entry // cancellations and lookups
}

func newCase(r *Result, event Event, state service.Event, bookings []service.Booking, entries []*load.Entry) *eventCase {
	c := &eventCase{
		Result: r, event: event, state: state,
		byID: make(map[service.ID]*row, len(bookings)), users: make(map[string][]*claim),
	}
	for _, booking := range bookings {
		id, ok := service.ParseID(booking.ID)
		if !ok {
			c.breachf(WrongRecord, event.ID, booking.ID, "its id is no UUID")
			continue
		}
		if c.byID[id] != nil {
			c.breachf(DoubleBooking, event.ID, booking.ID, "the service lists it twice")
			continue
		}
		one := &row{Booking: booking, id: id, status: booking.Status.Store()}
		c.rows = append(c.rows, one)
		c.byID[id] = one
	}
	slices.Reverse(c.rows) // they are listed newest first, also those of one version
	slices.SortStableFunc(c.rows, func(a, b *row) int { return cmp.Compare(a.Version, b.Version) })

	type wish struct{ user, key uint64 }
	keyed := make(map[wish]*claim)
	for _, entry := range entries {
		if entry.Kind != service.Book {
			c.others = append(c.others, entry)
			continue
		}
		one := keyed[wish{entry.User, entry.Key}]
		if one == nil || entry.Key == 0 {
			one = &claim{user: entry.User, key: entry.Key, quantity: int64(entry.Quantity)}
			c.claims = append(c.claims, one)
			name := "u" + strconv.FormatUint(entry.User, 10)
			c.users[name] = append(c.users[name], one)
			if entry.Key != 0 {
				keyed[wish{entry.User, entry.Key}] = one
			}
		}
		one.entries = append(one.entries, entry)
	}
	return c
}

func (c *eventCase) failf(rule Rule, booking service.ID, format string, args ...any) {
	c.breachf(rule, c.event.ID, booking.String(), format, args...)
}

// checkAnswers compares the answers about bookings with the records, and the records with
// what clients asked for.
func (c *eventCase) checkAnswers() {
	for _, claim := range c.claims {
		for _, entry := range claim.entries {
			if entry.Acknowledged() {
				c.checkAcknowledged(claim, entry)
			}
		}
	}
	for _, row := range c.rows {
		if row.claim == nil {
			c.explain(row)
		}
	}
}

func (c *eventCase) checkAcknowledged(claim *claim, entry *load.Entry) {
	if claim.booked.IsZero() {
		claim.booked = entry.Booked
	} else if claim.booked != entry.Booked {
		c.failf(DoubleBooking, entry.Booked, "it answers Idempotency-Key k%d of user u%d, and so does booking %s",
			claim.key, claim.user, claim.booked)
	}
	row := c.byID[entry.Booked]
	if row == nil {
		c.failf(LostBooking, entry.Booked, "the answer to user u%d was %s (version %d), but there is no such booking",
			entry.User, entry.Outcome, entry.Answer.Version)
		return
	}
	if row.claim != nil && row.claim != claim {
		c.failf(DoubleBooking, entry.Booked, "it was given to two requests, of user u%d and of user u%d",
			row.claim.user, claim.user)
	}
	row.claim = claim
	if row.User != "u"+strconv.FormatUint(entry.User, 10) || row.Quantity != int64(entry.Quantity) {
		c.failf(WrongRecord, entry.Booked, "user u%d booked %d tickets, the record says user %s and %d tickets",
			entry.User, entry.Quantity, row.User, row.Quantity)
	}
	if row.Version != entry.Answer.Version || row.Waited != (entry.Outcome == service.Waiting) {
		c.failf(WrongRecord, entry.Booked, "the answer was %s at version %d, the record says waited=%t at version %d",
			entry.Outcome, entry.Answer.Version, row.Waited, row.Version)
	}
}

// explain finds out why there is a booking that no answer named.
func (c *eventCase) explain(row *row) {
	claims := c.users[row.User]
	if len(claims) == 0 {
		c.failf(UnaskedBooking, row.id, "user %s never asked for one", row.User)
		return
	}
	refused := true
	for _, claim := range claims {
		refused = refused && !claim.mayHaveHappened()
		if claim.booked.IsZero() && claim.mayHaveHappened() && claim.quantity == row.Quantity {
			claim.booked, row.claim = row.id, claim
			c.Happened++
			return
		}
	}
	switch {
	case refused:
		c.failf(RefusedBooked, row.id, "user %s was refused (%s)", row.User, claims[0].entries[0].Reason)
	case claims[0].key != 0:
		c.failf(DoubleBooking, row.id, "user %s has it beside booking %s, for the same Idempotency-Key k%d",
			row.User, claims[0].booked, claims[0].key)
	default:
		c.failf(DoubleBooking, row.id, "user %s has it beside booking %s, after %d requests",
			row.User, claims[0].booked, len(claims))
	}
}
