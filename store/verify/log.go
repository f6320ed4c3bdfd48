package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// readLog calls take with the entry of each version from first to last, as far as the log
// has them.
func (in *inspection) readLog(ctx context.Context, first, last int64, take func(version int64, entry string)) error {
	for from := first; from <= last; from += readStep {
		var entries []string
		err := in.read(ctx, "log", func(ctx context.Context, client redis.UniversalClient) (err error) {
			entries, err = client.LRange(ctx, in.keys.Log(in.number), from-1, min(from+readStep-1, last)-1).Result()
			return err
		})
		if err != nil {
			return err
		}
		for i, entry := range entries {
			take(from+int64(i), entry)
		}
		if int64(len(entries)) < min(readStep, last-from+1) {
			return nil // the log ends: a version that is broken may be far beyond
		}
	}
	return nil
}

// Log calls take with the change that each version of an event made, oldest first. Errors:
// ErrEventNotFound, ErrUnavailable, and another one if an entry cannot be read.
func (v *Verifier) Log(ctx context.Context, event layout.EventRef, take func(version int64, change layout.Change)) error {
	in := &inspection{Verifier: v, number: event.Number()}
	var length int64
	err := v.read(ctx, "log", func(ctx context.Context, client redis.UniversalClient) (err error) {
		length, err = client.LLen(ctx, in.keys.Log(in.number)).Result()
		return err
	})
	if err == nil && length == 0 {
		err = layout.ErrEventNotFound
	}
	if err != nil {
		return err
	}
	var wrong []error
	err = in.readLog(ctx, 1, length, func(version int64, entry string) {
		change, err := layout.ParseChange(entry)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("event %d, version %d: %w", in.number, version, err))
			return
		}
		take(version, change)
	})
	return errors.Join(append(wrong, err)...)
}

// checkLog checks that the log has an entry for each version up to the start, and that it
// says what the records say.
func (in *inspection) checkLog(ctx context.Context) error {
	if in.start.logged != in.start.Version {
		in.breachf(nil, RuleLog, "it has %d entries, and the event is at version %d", in.start.logged, in.start.Version)
	}
	changes := in.changes()
	settings, read := in.start.created, int64(0) // entries that could be read
	err := in.readLog(ctx, 1, in.start.Version, func(version int64, text string) {
		count := 0
		for count < len(changes) && changes[count].version <= version {
			count++
		}
		entry, err := layout.ParseChange(text)
		if err != nil {
			in.breachf(nil, RuleLog, "version %d: %v: %q", version, err, text)
		} else {
			in.checkEntry(version, entry, changes[:count])
			settings = entry.Settings.Apply(settings)
			read++
		}
		changes = changes[count:]
	})
	if err == nil && read == in.start.Version && settings != in.start.settings {
		in.breachf(nil, RuleLog, "its changes lead to the settings %+v, the event has %+v", settings, in.start.settings)
	}
	return err
}

// logged is a change as an entry of the log has it, but for its time.
type logged struct {
	kind     layout.ChangeKind
	booking  layout.ShortID   // the one that it is about
	expired  []layout.ShortID // in order of their ids
	promoted []layout.ShortID
}

func (l logged) String() string {
	text := string(l.kind)
	if l.booking != (layout.ShortID{}) {
		text += " " + l.booking.String()
	}
	if len(l.expired) > 0 {
		text += fmt.Sprintf(" %s", l.expired)
	}
	if len(l.promoted) > 0 {
		text += fmt.Sprintf(", promoted %s", l.promoted)
	}
	return text
}

// checkEntry compares the entry of one version with what the records say of it.
func (in *inspection) checkEntry(version int64, entry layout.Change, changes []change) {
	says := logged{entry.Kind, entry.Booking, entry.Expired, entry.Promoted}
	want, ok := in.loggedChange(version, changes)
	slices.SortFunc(says.expired, compareIDs)
	slices.SortFunc(want.expired, compareIDs)
	if !ok || says.kind == want.kind && says.booking == want.booking && slices.Equal(says.promoted, want.promoted) &&
		slices.Equal(says.expired, want.expired) {
		return
	}
	for _, id := range slices.Concat([]layout.ShortID{says.booking}, says.expired, says.promoted) {
		switch b := in.find(id); {
		case id == layout.ShortID{}:
		case b == nil || !b.known && !b.broken:
			in.breachf(&copied{id: id}, RuleLog, "it has no record, and the entry of version %d is: %s", version, says)
			return
		case b.broken: // that is reported already
			return
		}
	}
	in.breachf(in.find(want.booking), RuleLog, "the entry of version %d is: %s; the records say: %s", version, says, want)
}

// loggedChange is what the records say of one version. ok is false if they contradict each
// other, which is reported already.
func (in *inspection) loggedChange(version int64, changes []change) (says logged, ok bool) {
	if version == 1 {
		return logged{kind: layout.ChangeCreated}, len(changes) == 0
	}
	says.kind = "nothing"
	for i, c := range changes {
		if c.version != version || i > 0 && !joins(c, changes[i-1]) {
			return says, false
		}
		switch c.kind {
		case cancelling:
			says.kind, says.booking = layout.ChangeCancelled, in.booking(c.booking).id
		case booking:
			says.kind, says.booking = madeBy(in.booking(c.booking)), in.booking(c.booking).id
		case confirming:
			says.kind, says.booking = layout.ChangeConfirmed, in.booking(c.booking).id
		case reducing:
			says.kind, says.booking = layout.ChangeReduced, in.booking(c.booking).id
		case extending:
			says.kind, says.booking = layout.ChangeExtended, in.booking(c.booking).id
		case expiring:
			says.kind = layout.ChangeExpired
			says.expired = append(says.expired, in.booking(c.booking).id)
		case updating:
			says.kind = layout.ChangeUpdated
		case promoting:
			if i == 0 {
				says.kind = layout.ChangePromoted
			}
			says.promoted = append(says.promoted, in.booking(c.booking).id)
		}
	}
	return says, true
}

func compareIDs(a, b layout.ShortID) int { return slices.Compare(a[:], b[:]) }

// findSteps finds what records only have the last of: the versions at which deadlines were moved, and
// at which bookings were reduced.
func (in *inspection) findSteps(ctx context.Context) error {
	if !in.deadlines && !in.reduced {
		return nil
	}
	in.extensions = map[int64]int32{}
	err := in.readLog(ctx, 1, in.start.Version, func(version int64, text string) {
		entry, err := layout.ParseChange(text)
		i, known := in.indexes[entry.Booking]
		switch {
		case err != nil || !known:
		case entry.Kind == layout.ChangeExtended:
			in.extensions[version] = i
		case entry.Kind == layout.ChangeReduced:
			in.noteReduction(version, entry)
		}
	})
	if err == nil {
		in.checkReductions()
	}
	return err
}

// reduction is a step by which a booking came to have fewer tickets.
type reduction struct {
	version  int64
	quantity uint32
}

func (in *inspection) noteReduction(version int64, entry layout.Change) {
	if in.reductions == nil {
		in.reductions = map[layout.ShortID][]reduction{}
	}
	in.reductions[entry.Booking] = append(in.reductions[entry.Booking], reduction{version, uint32(entry.Quantity)})
}

// checkReductions checks that each reduction left fewer tickets, and that the record has the last.
func (in *inspection) checkReductions() {
	for _, i := range in.past {
		b := in.booking(i)
		steps := in.reductions[b.id]
		quantity, last := b.booked, int64(0)
		for _, step := range steps {
			if step.quantity >= quantity {
				in.breachf(b, RuleLog, "version %d reduced it to %d tickets, and it had %d", step.version, step.quantity, quantity)
			}
			quantity, last = step.quantity, step.version
		}
		if b.reducedAt <= in.start.Version && (b.reducedAt != last || b.quantity != quantity) {
			in.breachf(b, RuleLog, "its record has %d tickets since version %d, and the log %d since version %d",
				b.quantity, b.reducedAt, quantity, last)
		}
	}
}

// tickets returns how many tickets a booking had at a version, up to which the log has been read.
func (in *inspection) tickets(b *copied, version int64) int64 {
	if b.reducedAt <= version {
		return int64(b.quantity)
	}
	quantity := b.booked
	for _, step := range in.reductions[b.id] {
		if step.version <= version {
			quantity = step.quantity
		}
	}
	return int64(quantity)
}

// madeBy is the kind of change that made a booking.
func madeBy(b *copied) layout.ChangeKind {
	if b.past.First.Ends() {
		return layout.ChangeHeld
	}
	return layout.ChangeBooked
}

// joins reports whether a change may be a part of the same version as the one before.
func joins(c, before change) bool {
	return c.kind == promoting || c.kind == expiring && before.kind == expiring
}
