package audit

import (
	"slices"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// step is all that happened to an event at one version.
type step struct {
	booked, cancelled *row
	promoted          []*row
}

func (s *step) isEmpty() bool { return s.booked == nil && s.cancelled == nil && len(s.promoted) == 0 }

// checkHistory replays the event from its first version to its last.
func (c *eventCase) checkHistory() {
	steps := c.steps()
	h := history{eventCase: c, total: c.event.Total, raises: c.raises(steps), gone: make(map[*row]bool)}
	for version := int64(2); version < int64(len(steps)); version++ {
		h.replay(version, &steps[version])
	}
	if head := h.head(); head != nil && c.state.State == "open" && h.confirmed+head.Quantity <= h.total {
		c.failf(NeedlessWait, head.id, "it is next in line for %d tickets, and %d are free",
			head.Quantity, h.total-h.confirmed)
	}
}

// steps puts every change that the records tell of at its version.
func (c *eventCase) steps() []step {
	steps := make([]step, c.state.Version+1)
	at := func(version int64, row *row, what string) *step {
		if version < 2 || version > c.state.Version {
			c.failf(WrongRecord, row.id, "it was %s at version %d, and the event is at version %d", what, version, c.state.Version)
			return nil
		}
		return &steps[version]
	}
	for _, row := range c.rows {
		if s := at(row.Version, row, "booked"); s != nil {
			if s.booked != nil {
				c.failf(VersionConflict, row.id, "it was booked at version %d, and so was booking %s", row.Version, s.booked.id)
			} else {
				if s.cancelled != nil {
					c.failf(VersionConflict, row.id, "it was booked at version %d, where booking %s was cancelled", row.Version, s.cancelled.id)
				}
				s.booked = row
			}
		}
		if row.Promoted != 0 {
			if s := at(row.Promoted, row, "promoted"); s != nil {
				s.promoted = append(s.promoted, row)
			}
		}
		if row.Cancelled != 0 {
			if s := at(row.Cancelled, row, "cancelled"); s != nil {
				if s.cancelled != nil || s.booked != nil {
					c.failf(VersionConflict, row.id, "it was cancelled at version %d, where something else happened too", row.Cancelled)
				}
				s.cancelled = row
			}
		}
		c.checkStatus(row)
	}
	return steps
}

// checkStatus makes sure that a booking's status is what its versions tell.
func (c *eventCase) checkStatus(row *row) {
	if (row.Status == service.Cancelled) != (row.Cancelled != 0) ||
		(row.Status == service.Confirmed && row.Waited != (row.Promoted != 0)) ||
		(row.Status == service.Waiting && (!row.Waited || row.Promoted != 0)) {
		rule := WrongRecord
		if row.Cancelled != 0 && row.Promoted > row.Cancelled {
			rule = PromotedCancel
		}
		c.failf(rule, row.id, "it is %s, with waited=%t, promoted at version %d, cancelled at version %d (0 = never)",
			row.Status, row.Waited, row.Promoted, row.Cancelled)
	}
}

// history is the state of an event at one version.
type history struct {
	*eventCase
	total, confirmed int64
	raises           map[int64]int64 // version -> total
	line             []*row          // from next, those who are gone included
	next             int             // index in line
	gone             map[*row]bool   // cancelled in line, or promoted
}

// head returns who is next in line, or nil.
func (h *history) head() *row {
	for h.next < len(h.line) && h.gone[h.line[h.next]] {
		delete(h.gone, h.line[h.next])
		h.next++
	}
	if h.next == len(h.line) {
		return nil
	}
	return h.line[h.next]
}

func (h *history) replay(version int64, s *step) {
	if total, raised := h.raises[version]; raised {
		h.total = total
	} else if s.isEmpty() {
		h.breachf(VersionGap, h.event.ID, "", "nothing is known to have happened at version %d: a change was lost", version)
		return
	}
	last := load.ID{}
	if row := s.cancelled; row != nil {
		last = row.id
		if row.Waited && (row.Promoted == 0 || row.Promoted >= version) {
			h.gone[row] = true
		} else {
			h.confirmed -= row.Quantity
		}
	}
	if row := s.booked; row != nil {
		last = row.id
		h.book(version, row)
	}
	// The line is in the order of booking, and so is one step's share of it.
	slices.SortFunc(s.promoted, func(a, b *row) int { return int(a.Version - b.Version) })
	for _, row := range s.promoted {
		last = row.id
		h.promote(version, row)
	}
	if h.confirmed > h.total {
		h.failf(Oversell, last, "at version %d, %d tickets are confirmed, and there are %d", version, h.confirmed, h.total)
		h.total = h.confirmed // told once, not at each version from here
	}
}

func (h *history) book(version int64, row *row) {
	head := h.head()
	if row.Waited {
		if head == nil && h.confirmed+row.Quantity <= h.total {
			h.failf(NeedlessWait, row.id, "it was put in line at version %d, while %d tickets were free and nobody waited",
				version, h.total-h.confirmed)
		}
		h.line = append(h.line, row)
		return
	}
	h.confirmed += row.Quantity
	if head != nil {
		h.failf(Overtaken, row.id, "it was confirmed at once at version %d, while booking %s had waited since version %d",
			version, head.id, head.Version)
	}
}

func (h *history) promote(version int64, row *row) {
	h.confirmed += row.Quantity
	switch {
	case !row.Waited || row.Version >= version:
		h.failf(WrongRecord, row.id, "it was promoted at version %d without having waited (booked at version %d)",
			version, row.Version)
	case row.Cancelled != 0 && row.Cancelled <= version:
		h.failf(PromotedCancel, row.id, "it was cancelled at version %d, and promoted at version %d", row.Cancelled, version)
		return
	}
	if head := h.head(); head != nil && head != row {
		h.failf(Overtaken, row.id, "it was promoted at version %d (booked at version %d), while booking %s had waited since version %d",
			version, row.Version, head.id, head.Version)
	}
	h.gone[row] = true
}
