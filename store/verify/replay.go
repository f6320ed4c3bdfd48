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

// step replays all that was done at one version: one booking, confirmation or extension, one change of
// settings, or one cancellation, one reduction, some expiries or none with the promotions that these made possible.
func (r *replay) step(changes []change) {
	for i, c := range changes[1:] {
		if !joins(c, changes[i]) {
			var b *copied
			if which := max(c.booking, changes[i].booking); which >= 0 {
				b = r.booking(which)
			}
			r.breachf(b, RuleVersions, "it was changed at version %d, at which something else was changed, too", r.version)
			r.whole = false
		}
	}
	for _, c := range changes {
		switch c.kind {
		case cancelling:
			if r.booking(c.booking).withdrawn(r.version) {
				r.waiting--
			}
		case promoting:
			r.waiting--
			r.checkOvertaking(r.booking(c.booking))
		case booking:
			r.book(r.booking(c.booking))
		case confirming:
			if b := r.booking(c.booking); b.past.Expired.Version != 0 && r.head() != nil {
				r.breachf(b, RuleOvertaken, "it was confirmed late at version %d, while %s waited", r.version, r.head().id)
			}
		case expiring, reducing, extending, updating: // nobody gets tickets by that
		}
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

// head returns the first booking that waits, or nil.
func (r *replay) head() *copied {
	for r.ahead < len(r.waitlist) {
		head := r.booking(r.waitlist[r.ahead])
		switch status := head.at(r.version); {
		case status == notBooked:
			return nil
		case status.Waits():
			return head
		}
		r.ahead++
	}
	return nil
}

// checkOvertaking checks that nobody waited ahead of a booking that got tickets.
func (r *replay) checkOvertaking(b *copied) {
	head := r.head()
	if head != nil && (b.sequence == 0 || head.sequence < b.sequence) && head != r.passed {
		r.passed = head
		r.breachf(b, RuleOvertaken, "it was confirmed or held at version %d, while %s waited ahead of it", r.version, head.id)
	}
}
