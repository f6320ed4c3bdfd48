package audit

import (
	"slices"

	"boxoffice/loadtest/service"
)

// checkCounts holds the event's counters against the bookings that are listed.
func (c *eventCase) checkCounts() {
	var confirmed int64
	var line []*row
	for _, row := range c.rows {
		switch row.Status {
		case service.Confirmed:
			confirmed += row.Quantity
		case service.Waiting:
			line = append(line, row)
		}
	}
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
	if s.Waiting != int64(len(line)) {
		about(Counts, "it counts %d bookings in line, %d are listed", s.Waiting, len(line))
	}
	for i, row := range line {
		if row.Position != int64(i)+1 {
			c.failf(Position, row.id, "its place in line is given as %d, it is %d", row.Position, i+1)
		}
	}
}
