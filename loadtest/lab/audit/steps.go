package audit

import (
	"boxoffice/store"
	"boxoffice/store/model"
)

// step is all that happened to an event at one version. Only one change may have.
type step struct {
	booked, cancelled, promoted []*row // in the order of booking
}

func (s *step) isEmpty() bool { return len(s.booked)+len(s.cancelled)+len(s.promoted) == 0 }

// isTangled reports whether several changes have this version: in which order is not known.
func (s *step) isTangled() bool { return len(s.booked)+len(s.cancelled) > 1 }

// checkHistory replays the event from its first version to its last.
func (c *eventCase) checkHistory() {
	steps := c.steps()
	r := replay{eventCase: c, raises: c.raises(steps), seen: c.seen()}
	r.tickets.Change(store.Settings{State: store.StateOpen, TotalTickets: c.event.Total}) // a run pauses no event
	r.checkSeen(1)
	for version := int64(2); version < int64(len(steps)); version++ {
		r.follow(version, &steps[version])
		r.checkSeen(version)
	}
	if model.Promotes(store.State(c.state.State)) {
		r.checkHead("at the end")
	}
}

// steps puts every change that the records show at its version.
func (c *eventCase) steps() []step {
	steps := make([]step, c.state.Version+1)
	at := func(version int64, row *row, what string) *step {
		if version < 2 || version > c.state.Version {
			c.failf(WrongRecord, row.id, "it was %s at version %d, and the event is at version %d", what, version, c.state.Version)
			return &step{}
		}
		return &steps[version]
	}
	for _, row := range c.rows {
		s := at(row.Version, row, "booked")
		s.booked = append(s.booked, row)
		if row.Promoted != 0 {
			s := at(row.Promoted, row, "promoted")
			s.promoted = append(s.promoted, row)
		}
		if row.Cancelled != 0 {
			s := at(row.Cancelled, row, "cancelled")
			s.cancelled = append(s.cancelled, row)
		}
		c.checkStatus(row)
	}
	for version := range steps {
		c.checkAlone(int64(version), &steps[version])
	}
	return steps
}

// checkAlone makes sure that one version is of one change.
func (c *eventCase) checkAlone(version int64, s *step) {
	if !s.isTangled() {
		return
	}
	for i, row := range s.booked {
		if i > 0 {
			c.failf(VersionConflict, row.id, "it was booked at version %d, and so was booking %s", version, s.booked[0].id)
		} else if len(s.cancelled) > 0 {
			c.failf(VersionConflict, row.id, "it was booked at version %d, where booking %s was cancelled", version, s.cancelled[0].id)
		}
	}
	for i, row := range s.cancelled {
		if i > 0 {
			c.failf(VersionConflict, row.id, "it was cancelled at version %d, and so was booking %s", version, s.cancelled[0].id)
		}
	}
}

// checkStatus makes sure that a booking's status is what its versions lead to.
func (c *eventCase) checkStatus(row *row) {
	if past := row.past(); row.status != past.Status() || (row.status.Live() && !past.Possible()) {
		rule := WrongRecord
		if row.Cancelled != 0 && row.Promoted > row.Cancelled {
			rule = PromotedCancel
		}
		c.failf(rule, row.id, "it is %s, with waited=%t, promoted at version %d, cancelled at version %d (0 = never)",
			row.Status, row.Waited, row.Promoted, row.Cancelled)
	}
}
