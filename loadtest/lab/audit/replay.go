package audit

import (
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store"
	"boxoffice/store/model"
)

// replay follows an event from version to version. What is confirmed and waiting, who is
// next and whether promotions are due is the model's; what the records say happened is
// done whether the rules allow it or not, so that one breach is reported once.
type replay struct {
	*eventCase
	tickets  model.Tickets
	raises   map[int64]int64 // version -> total
	joined   []*row          // the waiting list: sequence number n is at n - 1
	seen     []*load.Entry   // what clients saw of its status from here on
	oversold int64           // confirmed tickets, as far as that was reported
	lost     bool            // a change is missing: how many tickets are available is not known
	late     *row            // head that should have been promoted, as far as that was reported

	// reached is the sequence number that the service's promotions came to at least. While
	// they are due it may be behind the head: a step that promotes nobody leaves no version.
	reached int64
}

// head returns who is next in line, or nil.
func (r *replay) head() *row {
	if sequence := r.tickets.Head(); sequence != 0 {
		return r.joined[sequence-1]
	}
	return nil
}

// passed is the last sequence number before the head's.
func (r *replay) passed() int64 {
	if head := r.tickets.Head(); head != 0 {
		return head - 1
	}
	return int64(len(r.joined))
}

func (r *replay) follow(version int64, s *step) {
	total, raised := r.raises[version]
	if raised {
		r.tickets.Change(store.SettingsChange{TotalTickets: &total}.Apply(r.tickets.Settings))
	} else if s.isEmpty() {
		r.lost = true
		r.breachf(VersionGap, r.event.ID, "", "nothing is known to have happened at version %d: a change was lost", version)
		return
	}
	if !r.tickets.PromotionsDue {
		r.reached = r.passed()
	}
	// Where several changes have one version, those of older bookings go first.
	older := func(row *row) bool { return row.Version != version }
	last := service.ID{}
	each := func(rows []*row, which bool, do func(version int64, row *row, s *step)) {
		for _, row := range rows {
			if older(row) == which {
				last = row.id
				do(version, row, s)
			}
		}
	}
	each(s.cancelled, true, r.cancel)
	each(s.promoted, true, r.promote)
	each(s.booked, false, r.book)
	each(s.cancelled, false, r.cancel)
	each(s.promoted, false, r.promote)

	if t := &r.tickets; t.Confirmed > max(t.TotalTickets, r.oversold) {
		r.failf(Oversell, last, "at version %d, %d tickets are confirmed, and there are %d", version, t.Confirmed, t.TotalTickets)
		r.oversold = t.Confirmed // once, not at each version from here
	}
	r.followPromotions(s)
	if !r.tickets.PromotionsDue {
		r.checkHead("after version %d", version)
	}
}

// followPromotions works out whether the service may still have promotions to make.
func (r *replay) followPromotions(s *step) {
	switch {
	case model.StepEnds(r.passed() - r.reached):
		r.tickets.PromotionsDue = true
	case len(s.booked)+len(s.cancelled) == 0 && len(s.promoted) > 0 && !r.tickets.HeadFits():
		r.tickets.PromotionsDue = false // the promotions were made
	}
	for _, row := range s.promoted {
		r.reached = max(r.reached, min(row.sequence, r.passed()))
	}
}

// checkHead makes sure that nobody waits for what is available.
func (r *replay) checkHead(when string, args ...any) {
	if head := r.head(); head != r.late && r.tickets.HeadFits() && !r.lost {
		r.late = head
		r.failf(NeedlessWait, head.id, when+" it is next in line for %d tickets, and %d are available",
			append(args, head.Quantity, r.tickets.Available())...)
	}
}

func (r *replay) cancel(version int64, row *row, _ *step) {
	status := row.past().At(version - 1).Status()
	switch {
	case status.HasTickets():
		r.tickets.Release(row.Quantity)
		// While promotions are due, the service makes them before it frees more.
		r.tickets.PromotionsDue, r.reached = false, r.passed()
	case status.Waits() && row.sequence != 0:
		r.tickets.Withdraw(row.sequence)
	}
}

func (r *replay) book(version int64, row *row, s *step) {
	head, status := r.head(), r.tickets.NewcomerStatus(row.Quantity)
	certain := !s.isTangled() && !r.lost
	if !row.Waited {
		r.tickets.Confirm(row.Quantity)
		if head != nil && !s.isTangled() {
			r.failf(Overtaken, row.id, "it was confirmed at once at version %d, while booking %s had waited since version %d",
				version, head.id, head.Version)
		}
		return
	}
	if status.HasTickets() && certain {
		r.failf(NeedlessWait, row.id, "it was put in line at version %d, while %d tickets were available and nobody waited",
			version, r.tickets.Available())
		r.late = row
	}
	row.sequence = r.tickets.Join(row.Quantity)
	r.joined = append(r.joined, row)
	if now := row.past().At(version - 1).Status(); !now.Waits() {
		r.tickets.Withdraw(row.sequence) // by its record it was promoted or cancelled before it was booked
	}
	if certain {
		r.checkPosition(row)
	}
}

// checkPosition makes sure that the answer to who was put last in line named that position.
func (r *replay) checkPosition(row *row) {
	if row.claim == nil {
		return
	}
	for _, entry := range row.claim.entries {
		if entry.Outcome == service.Waiting && entry.Booked == row.id && entry.Answer.Version == row.Version &&
			entry.Position != r.tickets.Waiting {
			r.failf(Position, row.id, "it was put in line at version %d; the answer was position %d, and it was %d",
				row.Version, entry.Position, r.tickets.Waiting)
			return
		}
	}
}

func (r *replay) promote(version int64, row *row, s *step) {
	switch {
	case !row.Waited || row.Version > version || (row.Version == version && !s.isTangled()):
		r.failf(WrongRecord, row.id, "it was promoted at version %d without having waited (booked at version %d)",
			version, row.Version)
	case row.Cancelled != 0 && row.Cancelled <= version:
		r.failf(PromotedCancel, row.id, "it was cancelled at version %d, and promoted at version %d", row.Cancelled, version)
		r.tickets.Confirm(row.Quantity)
		return
	}
	if head := r.head(); head != nil && head != row {
		r.failf(Overtaken, row.id, "it was promoted at version %d (booked at version %d), while booking %s had waited since version %d",
			version, row.Version, head.id, head.Version)
	}
	if row.sequence == 0 {
		r.tickets.Confirm(row.Quantity)
		return
	}
	r.tickets.Promote(row.sequence)
}
