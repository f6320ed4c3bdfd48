package verify

import (
	"slices"
)

// replay goes through all changes of an event once more, version by version, and
// checks each against the rules of the waiting list.
type replay struct {
	*inspection
	version  int64  // reached so far
	sequence uint32 // last sequence number given
	waiting  uint32
	ahead    int     // index in waitlist: all before it do not wait any more
	passed   *copied // the last one found to have been overtaken: it is reported once
	whole    bool    // no change is missing so far
}

// checkHistory checks the changes up to the start.
func (in *inspection) checkHistory() {
	r := &replay{inspection: in, version: 1, whole: true}
	var missing, first int64
	gap := func(next int64) {
		if next > r.version+1 {
			if missing == 0 {
				first = r.version + 1
			}
			missing += next - r.version - 1
			r.whole = false
		}
	}
	for changes := in.changes(); len(changes) > 0; {
		version := changes[0].version
		count := slices.IndexFunc(changes, func(c change) bool { return c.version != version })
		if count < 0 {
			count = len(changes)
		}
		gap(version)
		r.version = version
		r.step(changes[:count])
		changes = changes[count:]
	}
	gap(in.start.Version + 1)
	if missing > 0 {
		in.breachf(nil, RuleVersions, "of the %d versions of the event, %d have left no trace, the first is %d",
			in.start.Version, missing, first)
	}
}

// step replays all that was done at one version: one booking, one change of
// settings, or one cancellation or none with the promotions that it made possible.
func (r *replay) step(changes []change) {
	for i, c := range changes[1:] {
		if c.kind != promoting {
			var b *copied
			if which := max(c.booking, changes[i].booking); which >= 0 {
				b = r.booking(which)
			}
			r.breachf(b, RuleVersions, "it was changed at version %d, at which something else was changed, too", r.version)
			r.whole = false
		}
	}
	var cancelled, promoted *copied
	var promotions int64
	for _, c := range changes {
		switch c.kind {
		case cancelling:
			cancelled = r.booking(c.booking)
			if cancelled.withdrawn(r.version) {
				r.waiting--
			}
		case promoting:
			r.waiting--
			promotions++
			if promoted == nil {
				promoted = r.booking(c.booking)
			}
			r.checkOvertaking(r.booking(c.booking))
		case booking:
			r.book(r.booking(c.booking))
		case updating: // touches no booking
		}
	}
	if cancelled != nil {
		r.checkFreed(cancelled, promoted, promotions)
	}
}

func (r *replay) book(b *copied) {
	if b.sequence == 0 {
		r.checkOvertaking(b)
		return
	}
	if b.sequence != r.sequence+1 {
		r.breachf(b, RuleSequence, "it has sequence number %d, after %d was the last one given", b.sequence, r.sequence)
		r.whole = false
	}
	r.sequence = b.sequence
	r.waiting++
	// Where a booking is missing, that is reported; the places behind it prove nothing.
	if r.whole && b.position != r.waiting {
		r.breachf(b, RuleSequence, "it was told position %d in line, and was at %d", b.position, r.waiting)
		r.whole = false
	}
}

// checkOvertaking checks that nobody waited ahead of a booking that was confirmed.
func (r *replay) checkOvertaking(b *copied) {
	for r.ahead < len(r.waitlist) {
		head := r.booking(r.waitlist[r.ahead])
		if status := head.at(r.version); status == notBooked {
			return // nobody waited
		} else if !status.Waits() {
			r.ahead++
			continue
		}
		if (b.sequence == 0 || head.sequence < b.sequence) && head != r.passed {
			r.passed = head
			r.breachf(b, RuleOvertaken, "it was confirmed at version %d, while %s waited ahead of it", r.version, head.id)
		}
		return
	}
}

// checkFreed checks that the record of a cancelled booking names whom its cancellation promoted.
func (r *replay) checkFreed(cancelled, promoted *copied, promotions int64) {
	want := freed{count: promotions}
	if promoted != nil {
		want.first = promoted.id
	}
	if recorded := r.freed[r.indexes[cancelled.id]]; recorded != want {
		r.breachf(cancelled, RuleCancellation, "its record says that it promoted %d bookings, the first %s; it was %d, the first %s",
			recorded.count, named(recorded.first), want.count, named(want.first))
	}
}
