package audit

import "math"

// totals returns what the event's total can be at the end: the last that was
// acknowledged, or any that was asked for after it without an answer.
func (e Event) totals() []int64 {
	totals := []int64{e.Total}
	for _, raise := range e.Raised {
		if raise.AnswerVersion != 0 {
			totals = totals[:0]
		}
		totals = append(totals, raise.Total)
	}
	return totals
}

// raises finds the versions at which the total was raised: a raise leaves no trace in
// the bookings. Each was asked for after the one before was answered, so that a
// version lies between the bounds of the two. What is not found there is a breach,
// and no other version is taken for it.
func (c *eventCase) raises(steps []step) map[int64]int64 {
	at := make(map[int64]int64)
	from, group := int64(2), 0 // the first version, and the first raise, not yet explained
	for i, raise := range c.event.Raised {
		if raise.AnswerVersion != 0 {
			c.assignRaises(at, steps, c.event.Raised[group:i+1], from, raise.AnswerVersion)
			from, group = max(from, raise.AnswerVersion+1), i+1
		} else if raise.Total == c.state.Total && c.unanswered(i) {
			c.assignRaises(at, steps, c.event.Raised[group:i+1], from, math.MaxInt64)
			break // the total shows that those after it did not happen
		}
	}
	return at
}

// unanswered reports whether no raise from number i on was acknowledged.
func (c *eventCase) unanswered(i int) bool {
	for _, raise := range c.event.Raised[i:] {
		if raise.AnswerVersion != 0 {
			return false
		}
	}
	return true
}

// assignRaises gives raises, of which the last one happened and the others may have,
// their versions among those without a trace.
func (c *eventCase) assignRaises(at map[int64]int64, steps []step, raises []Raise, from, to int64) {
	var free []int64
	for version := from; version <= to && version < int64(len(steps)); version++ {
		if steps[version].isEmpty() {
			free = append(free, version)
		}
	}
	last := raises[len(raises)-1]
	if len(free) == 0 {
		if last.Total <= c.state.Total { // else checkCounts reports that it was lost
			c.breachf(VersionConflict, c.event.ID, "",
				"the total was raised to %d by version %d, but every version until then is another change's", last.Total, min(to, c.state.Version))
			at[min(to, c.state.Version)] = last.Total
		}
		return
	}
	free = free[:min(len(free), len(raises))]
	for i, raise := range raises[len(raises)-len(free):] {
		at[free[i]] = raise.Total
	}
}
