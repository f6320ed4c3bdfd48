package audit

import (
	"boxoffice/loadtest/load"
	"boxoffice/scripts"
)

// history is the state of an event at one version.
type history struct {
	*eventCase
	total, confirmed int64
	waiting          int64           // bookings that wait
	raises           map[int64]int64 // version -> total
	waitlist         []*row          // from next, those who do not wait any more included
	next             int             // index in waitlist
	notWaiting       map[*row]bool   // withdrawn or promoted
	seen             []*load.Entry   // what clients saw of its status from here on
	oversold         int64           // as far as that was told
	lost             bool            // a change is missing: how many tickets are available is not known
	late             *row            // head that should have been promoted, as far as that was told

	// promotionsDue is true while promotions may rightly come in later steps. reached is then
	// an index in waitlist that the service has come to at least, else it is next.
	promotionsDue bool
	reached       int
}

// head returns who is next in line, or nil.
func (h *history) head() *row {
	for h.next < len(h.waitlist) && h.notWaiting[h.waitlist[h.next]] {
		delete(h.notWaiting, h.waitlist[h.next])
		h.next++
	}
	if h.next == len(h.waitlist) {
		return nil
	}
	return h.waitlist[h.next]
}

// fits tells whether there are tickets for who is next in line.
func (h *history) fits() bool {
	head := h.head()
	return head != nil && h.confirmed+head.Quantity <= h.total
}

func (h *history) replay(version int64, s *step) {
	total, raised := h.raises[version]
	if raised {
		h.total = total
	} else if s.isEmpty() {
		h.lost = true
		h.breachf(VersionGap, h.event.ID, "", "nothing is known to have happened at version %d: a change was lost", version)
		return
	}
	h.head()
	if !h.promotionsDue {
		h.reached = h.next
	}
	// Where several changes have one version, those of older bookings go first.
	older := func(row *row) bool { return row.Version != version }
	last := load.ID{}
	each := func(rows []*row, which bool, do func(version int64, row *row, s *step)) {
		for _, row := range rows {
			if older(row) == which {
				last = row.id
				do(version, row, s)
			}
		}
	}
	each(s.cancelled, true, h.cancel)
	each(s.promoted, true, h.promote)
	each(s.booked, false, h.book)
	each(s.cancelled, false, h.cancel)
	each(s.promoted, false, h.promote)

	if h.confirmed > max(h.total, h.oversold) {
		h.failf(Oversell, last, "at version %d, %d tickets are confirmed, and there are %d", version, h.confirmed, h.total)
		h.oversold = h.confirmed // told once, not at each version from here
	}
	h.follow(s, raised)
	if !h.promotionsDue {
		h.checkHead("after version %d", version)
	}
}

// follow keeps track of whether the service still has promotions to make.
func (h *history) follow(s *step, raised bool) {
	fits := h.fits() // also moves next
	switch looked := h.next - h.reached; {
	case raised && h.head() != nil && h.confirmed < h.total, looked >= scripts.LookLimit:
		h.promotionsDue = true
	case len(s.booked)+len(s.cancelled) == 0 && !fits:
		h.promotionsDue = false // the promotions have followed
	}
	for _, row := range s.promoted {
		h.reached = max(h.reached, min(row.place+1, h.next))
	}
}

// checkHead makes sure that nobody waits for what is available.
func (h *history) checkHead(when string, args ...any) {
	if head := h.head(); head != h.late && h.fits() && !h.lost {
		h.late = head
		h.failf(NeedlessWait, head.id, when+" it is next in line for %d tickets, and %d are available",
			append(args, head.Quantity, h.total-h.confirmed)...)
	}
}

func (h *history) cancel(version int64, row *row, _ *step) {
	if row.Waited && (row.Promoted == 0 || row.Promoted >= version) {
		h.notWaiting[row] = true
		h.waiting--
		return
	}
	h.confirmed -= row.Quantity
	// While promotions are due, the service makes them before it frees more.
	h.head()
	h.promotionsDue, h.reached = false, h.next
}

func (h *history) book(version int64, row *row, s *step) {
	head := h.head()
	if row.Waited {
		if head == nil && h.confirmed+row.Quantity <= h.total && !s.isTangled() && !h.lost {
			h.failf(NeedlessWait, row.id, "it was put in line at version %d, while %d tickets were available and nobody waited",
				version, h.total-h.confirmed)
			h.late = row
		}
		row.place = len(h.waitlist)
		h.waitlist = append(h.waitlist, row)
		h.waiting++
		if !s.isTangled() && !h.lost {
			h.checkTold(row)
		}
		return
	}
	h.confirmed += row.Quantity
	if head != nil && !s.isTangled() {
		h.failf(Overtaken, row.id, "it was confirmed at once at version %d, while booking %s had waited since version %d",
			version, head.id, head.Version)
	}
}

// checkTold makes sure that who was put last in line was told that place.
func (h *history) checkTold(row *row) {
	if row.claim == nil {
		return
	}
	for _, entry := range row.claim.entries {
		if entry.Outcome == load.Waiting && entry.Booked == row.id && entry.Answer.Version == row.Version &&
			entry.Position != h.waiting {
			h.failf(Position, row.id, "it was put in line at version %d and told place %d, it was place %d",
				row.Version, entry.Position, h.waiting)
			return
		}
	}
}

func (h *history) promote(version int64, row *row, s *step) {
	h.confirmed += row.Quantity
	switch {
	case !row.Waited || row.Version > version || (row.Version == version && !s.isTangled()):
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
	h.notWaiting[row] = true
	h.waiting--
}
