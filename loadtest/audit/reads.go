package audit

import (
	"cmp"
	"slices"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// seen returns what clients were told of the event's status, by version.
func (c *eventCase) seen() []*load.Entry {
	var seen []*load.Entry
	for _, entry := range c.others {
		if entry.Kind != load.Status || entry.Outcome != load.Found {
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

// checkSeen holds what was seen at a version against what is replayed to it.
func (h *history) checkSeen(version int64) {
	for len(h.seen) > 0 && h.seen[0].Answer.Version == version {
		told := h.seen[0]
		h.seen = h.seen[1:]
		// A negative number is not told: the client reads it as none.
		if available := max(0, h.total-h.confirmed); !h.lost && (told.Available != available || told.Position != h.waiting) {
			h.breachf(Counts, h.event.ID, "", "its status at version %d told %d available tickets and %d in line, there were %d and %d",
				version, told.Available, told.Position, available, h.waiting)
		}
	}
}

// checkLookups holds what clients read of their bookings against the history of these.
func (c *eventCase) checkLookups() {
	for _, row := range c.rows {
		cancelledAt := answered(row.cancels)
		for _, entry := range row.lookups {
			if entry.Outcome == load.Found {
				c.checkLookup(row, entry, cancelledAt)
			}
		}
	}
}

// checkLookup judges one of them; the booking's cancellation was answered at cancelledAt.
func (c *eventCase) checkLookup(row *row, entry *load.Entry, cancelledAt int64) {
	told := entry.Answer
	if told.Booked != row.id || told.Version != row.Version {
		c.failf(WrongRecord, row.id, "who looked it up was told of booking %s of version %d, its own is %d",
			told.Booked, told.Version, row.Version)
		return
	}
	could := false
	switch told.State {
	case load.StateConfirmed:
		could = !row.Waited || row.Promoted != 0
	case load.StateWaiting:
		could = row.Waited
	case load.StateCancelled:
		could = row.Status == service.Cancelled && slices.ContainsFunc(row.cancels, func(cancel *load.Entry) bool {
			return cancel.MayHaveHappened() && cancel.Sent < entry.Done
		})
	case load.StateNone:
	}
	if !could || (told.State == load.StateWaiting) != (told.Position > 0) {
		c.failf(WrongRecord, row.id, "who looked it up was told %s, place %d; "+
			"the record says waited=%t, promoted at version %d, cancelled at version %d",
			told.State, told.Position, row.Waited, row.Promoted, row.Cancelled)
	}
	if told.State != load.StateCancelled && cancelledAt < entry.Sent {
		c.failf(LostCancel, row.id, "who looked it up after its cancellation was acknowledged was told that it is %s", told.State)
	}
}
