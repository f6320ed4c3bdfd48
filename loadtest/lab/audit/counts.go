package audit

import (
	"slices"

	"boxoffice/loadtest/service"
)

// addUp returns what the bookings that are listed come to.
func (c *eventCase) addUp() (confirmed int64, waitlist []*row) {
	for _, row := range c.rows {
		if row.status.HasTickets() {
			confirmed += row.Quantity
		}
		if row.status.Waits() {
			waitlist = append(waitlist, row)
		}
	}
	return confirmed, waitlist
}

// checkCounts compares the event's counters with the bookings that are listed.
func (c *eventCase) checkCounts() {
	confirmed, waitlist := c.addUp()
	about := func(rule Rule, format string, args ...any) { c.breachf(rule, c.event.ID, "", format, args...) }
	s := c.state
	if totals := c.event.totals(); !slices.Contains(totals, s.Total) {
		about(Counts, "it has %d tickets, and was given %d", s.Total, totals[0])
	}
	if s.Confirmed+s.Available != s.Total {
		about(Sum, "%d tickets are confirmed and %d available, which is not the total of %d", s.Confirmed, s.Available, s.Total)
	}
	if s.Confirmed != confirmed {
		about(Counts, "it counts %d confirmed tickets, its bookings add up to %d", s.Confirmed, confirmed)
	}
	if s.Waiting != int64(len(waitlist)) {
		about(Counts, "it counts %d bookings in line, %d are listed", s.Waiting, len(waitlist))
	}
	for i, row := range waitlist {
		if row.Position != int64(i)+1 {
			c.failf(Position, row.id, "its position is given as %d, it is %d", row.Position, i+1)
		}
	}
}

// checkStatusNow compares the event's status with the bookings that are listed: the
// service may keep the two apart.
func (c *eventCase) checkStatusNow(status service.Event) {
	confirmed, waitlist := c.addUp()
	about := func(format string, args ...any) { c.breachf(Counts, c.event.ID, "", "its status "+format, args...) }
	if id := c.event.ID.String(); status.ID != id {
		about("is of event %q", status.ID)
	}
	if status.Version != c.state.Version || status.Total != c.state.Total {
		about("shows %d tickets at version %d, there are %d at version %d", status.Total, status.Version, c.state.Total, c.state.Version)
	}
	if status.Available != c.state.Total-confirmed {
		about("shows %d available tickets, its bookings leave %d", status.Available, c.state.Total-confirmed)
	}
	if waiting := int64(len(waitlist)); status.Waiting != waiting {
		about("shows %d bookings in line, %d are listed", status.Waiting, waiting)
	}
}
