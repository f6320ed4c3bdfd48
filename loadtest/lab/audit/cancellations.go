package audit

import (
	"cmp"
	"slices"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store"
)

// several stands for the number of bookings that were promoted at a version which
// several cancellations have.
const several = -1

// checkCancellations compares the answers about cancelled bookings, and about those that
// were promoted by it, with the records.
func (c *eventCase) checkCancellations() {
	promotedAt := c.countPromoted()
	for _, entry := range c.others {
		row := c.byID[entry.Booking]
		if row != nil && entry.Kind == service.Cancel {
			row.cancels = append(row.cancels, entry)
		}
		if row != nil && entry.Kind == service.Lookup {
			row.lookups = append(row.lookups, entry)
		}
		if entry.Outcome == service.Refused && entry.Code == 404 && !entry.Booking.IsZero() {
			c.failf(LostBooking, entry.Booking, "the answer to user u%d was that it does not exist, after it was booked", entry.User)
		}
		if entry.Outcome == service.Cancelled {
			c.checkCancelled(entry, row, promotedAt)
		}
	}
	for _, row := range c.rows {
		if row.status == store.StatusCancelled && !slices.ContainsFunc(row.cancels, (*load.Entry).MayHaveHappened) {
			c.failf(UnaskedCancel, row.id, "it was cancelled at version %d, and nobody asked for that", row.Cancelled)
		}
	}
}

// countPromoted counts the bookings that were promoted at each version.
func (c *eventCase) countPromoted() map[int64]int32 {
	promotedAt, cancelledAt := make(map[int64]int32), make(map[int64]int)
	for _, row := range c.rows {
		promotedAt[row.Promoted]++
		cancelledAt[row.Cancelled]++
	}
	for version, n := range cancelledAt {
		if n > 1 {
			promotedAt[version] = several // who promoted whom is not known
		}
	}
	return promotedAt
}

func (c *eventCase) checkCancelled(entry *load.Entry, row *row, promotedAt map[int64]int32) {
	version := entry.Answer.Version
	switch {
	case row == nil:
		c.failf(LostBooking, entry.Booking, "its cancellation was acknowledged (version %d), but there is no such booking", version)
		return
	case row.status != store.StatusCancelled && row.Promoted > version:
		c.failf(PromotedCancel, row.id, "it was cancelled at version %d, promoted at version %d, and is %s",
			version, row.Promoted, row.Status)
	case row.status != store.StatusCancelled:
		c.failf(LostCancel, row.id, "its cancellation was acknowledged (version %d), but it is %s", version, row.Status)
	case row.Cancelled != version:
		c.failf(WrongRecord, row.id, "the answer said cancelled at version %d, the record says %d", version, row.Cancelled)
	}
	if n := promotedAt[version]; n != entry.Promoted && n != several {
		c.failf(WrongRecord, row.id, "the answer said that cancelling it promoted %d bookings at version %d, %d were",
			entry.Promoted, version, n)
	}
	if entry.Next.IsZero() {
		return
	}
	switch next := c.byID[entry.Next]; {
	case next == nil:
		c.failf(LostBooking, entry.Next, "cancelling booking %s promoted it, but there is no such booking", row.id)
	case next.Promoted != version:
		c.failf(WrongRecord, entry.Next, "cancelling booking %s promoted it at version %d, its record says %d",
			row.id, version, next.Promoted)
	}
}

// checkOrder compares the order of versions with the order that clients saw: what was
// asked for after something else was answered cannot have happened before it.
func (c *eventCase) checkOrder() {
	type change struct {
		version, asked, answered int64
		booking                  service.ID
	}
	var changes []change
	for _, row := range c.rows {
		if row.claim != nil {
			changes = append(changes, change{row.Version, row.claim.asked(), answered(row.claim.entries), row.id})
		}
		if len(row.cancels) > 0 && row.Cancelled != 0 {
			first := slices.MinFunc(row.cancels, func(a, b *load.Entry) int { return cmp.Compare(a.Sent, b.Sent) })
			changes = append(changes, change{row.Cancelled, first.Sent, answered(row.cancels), row.id})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(b.version, a.version) })
	var earliest *change // answered, of those with a higher version
	for from := 0; from < len(changes); {
		to := from // of this version: it is one change, unless that was reported already
		for ; to < len(changes) && changes[to].version == changes[from].version; to++ {
			if one := &changes[to]; earliest != nil && one.asked > earliest.answered {
				c.failf(Order, one.booking, "its version %d is before version %d of booking %s, which was answered before it was asked for",
					one.version, earliest.version, earliest.booking)
			}
		}
		for ; from < to; from++ {
			if earliest == nil || changes[from].answered < earliest.answered {
				earliest = &changes[from]
			}
		}
	}
}

// answered is when the first acknowledgement came.
func answered(entries []*load.Entry) int64 {
	first := int64(1<<63 - 1)
	for _, entry := range entries {
		if entry.Acknowledged() {
			first = min(first, entry.Done)
		}
	}
	return first
}

// checkPositions makes sure that no position that a client saw ever got worse.
func (c *eventCase) checkPositions() {
	for _, row := range c.rows {
		if len(row.lookups) == 0 {
			continue
		}
		slices.SortFunc(row.lookups, func(a, b *load.Entry) int { return cmp.Compare(a.Sent, b.Sent) })
		seen := row.lookups
		if row.claim != nil {
			seen = append(slices.Clone(row.claim.entries), seen...)
		}
		for i, later := range seen {
			if later.Answer.Position == 0 || later.Kind != service.Lookup {
				continue
			}
			for _, earlier := range seen[:i] {
				if earlier.Answer.Position > 0 && earlier.Done < later.Sent && earlier.Answer.Position < later.Answer.Position {
					c.failf(MovedBack, row.id, "its position in the waiting list was %d, and later %d",
						earlier.Answer.Position, later.Answer.Position)
				}
			}
		}
	}
}
