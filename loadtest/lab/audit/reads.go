package audit

import (
	"cmp"
	"slices"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store"
)

// seen returns the answers about the event's status, by version.
func (c *eventCase) seen() []*load.Entry {
	var seen []*load.Entry
	for _, entry := range c.others {
		if entry.Kind != service.Status || entry.Outcome != service.Found {
			continue
		}
		if entry.Answer.Version < 1 || entry.Answer.Version > c.state.Version {
			c.breachf(WrongRecord, c.event.ID, "", "user u%d saw it at version %d, and it is at version %d",
				entry.User, entry.Answer.Version, c.state.Version)
			continue
		}
		seen = append(seen, entry)
	}
	slices.SortFunc(seen, func(a, b *load.Entry) int { return cmp.Compare(a.Answer.Version, b.Answer.Version) })
	return seen
}

// checkSeen compares what was seen at a version with what is replayed to it.
func (r *replay) checkSeen(version int64) {
	for len(r.seen) > 0 && r.seen[0].Answer.Version == version {
		got := r.seen[0]
		r.seen = r.seen[1:]
		// The client reads a negative number as none.
		if available := max(0, r.tickets.Available()); !r.lost && (got.Available != available || got.WaitingCount != r.tickets.Waiting) {
			r.breachf(Counts, r.event.ID, "", "its status at version %d was %d available tickets and %d in line, there were %d and %d",
				version, got.Available, got.WaitingCount, available, r.tickets.Waiting)
		}
	}
}

// checkLookups compares what clients read of their bookings with the history of these.
func (c *eventCase) checkLookups() {
	for _, row := range c.rows {
		cancelledAt := answered(row.cancels)
		for _, entry := range row.lookups {
			if entry.Outcome == service.Found {
				c.checkLookup(row, entry, cancelledAt)
			}
		}
	}
}

// checkLookup judges one of them; the booking's cancellation was answered at cancelledAt.
func (c *eventCase) checkLookup(row *row, entry *load.Entry, cancelledAt int64) {
	got := entry.Answer
	if got.Booked != row.id || got.Version != row.Version {
		c.failf(WrongRecord, row.id, "a lookup of it answered booking %s of version %d, its own is %d",
			got.Booked, got.Version, row.Version)
		return
	}
	status := got.Status.Store()
	possible := row.past().Had(status)
	if status == store.StatusCancelled {
		possible = possible && slices.ContainsFunc(row.cancels, func(cancel *load.Entry) bool {
			return cancel.MayHaveHappened() && cancel.Sent < entry.Done
		})
	}
	if !possible || status.Waits() != (got.Position > 0) {
		c.failf(WrongRecord, row.id, "a lookup of it answered %s, position %d; "+
			"the record says waited=%t, promoted at version %d, cancelled at version %d",
			got.Status, got.Position, row.Waited, row.Promoted, row.Cancelled)
	}
	if status != store.StatusCancelled && cancelledAt < entry.Sent {
		c.failf(LostCancel, row.id, "a lookup of it after its cancellation was acknowledged answered that it is %s", got.Status)
	}
}
