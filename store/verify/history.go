package verify

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// sort puts the bookings in order of their versions, and finds those of the start.
func (in *inspection) sort() {
	for i := range in.bookings {
		if in.booking(i).known {
			in.order = append(in.order, i)
		}
	}
	slices.SortFunc(in.order, func(a, b int32) int {
		return cmp.Compare(in.booking(a).version, in.booking(b).version)
	})
	in.past = in.order[:sort.Search(len(in.order), func(i int) bool {
		return in.booking(in.order[i]).version > in.start.Version
	})]
	for _, i := range in.past {
		if in.booking(i).sequence != 0 {
			in.waitlist = append(in.waitlist, i)
		}
	}
	slices.SortStableFunc(in.waitlist, func(a, b int32) int {
		return cmp.Compare(in.booking(a).sequence, in.booking(b).sequence)
	})
}

// checkNotAhead finds changes of versions that the event has not reached.
func (in *inspection) checkNotAhead(ctx context.Context) error {
	var counters string
	err := in.read(ctx, "version", func(ctx context.Context, client redis.UniversalClient) (err error) {
		counters, err = client.HGet(ctx, in.keys.Event(in.number), layout.CountersField).Result()
		return err
	})
	if err != nil {
		return err
	}
	read, err := layout.ParseCounters(counters)
	if err != nil {
		return err
	}
	version := read.Version
	if version < in.start.Version {
		in.breachf(nil, RuleVersions, "the event went back from version %d to %d", in.start.Version, version)
	}
	for i := range in.bookings {
		b := in.booking(i)
		if newest := max(b.version, b.reducedAt, b.past.Last()); b.known && newest > version {
			in.breachf(b, RuleVersions, "its record is of version %d, and the event has only reached %d", newest, version)
		}
	}
	for id, updated := range in.updates {
		if updated > version {
			in.breachf(nil, RuleVersions, "settings were changed at version %d (request %q), and the event has only reached %d",
				updated, id, version)
		}
	}
	return nil
}

func named(id layout.ShortID) string {
	switch id {
	case layout.ShortID{}:
		return "none"
	case layout.InvalidShortID:
		return "no booking's id"
	default:
		return id.String()
	}
}

// checkCounters compares what the event counted when the look started with what
// its bookings add up to as of that version.
func (in *inspection) checkCounters() {
	var confirmed, held, waiting, lastTaken int64
	var last *copied // to get tickets
	for _, i := range in.past {
		b := in.booking(i)
		status := b.at(in.start.Version)
		if status.HasTickets() {
			if status.Ends() {
				held += in.tickets(b, in.start.Version)
			} else {
				confirmed += in.tickets(b, in.start.Version)
			}
			if at := max(b.version, b.past.At(in.start.Version).Last()); at > lastTaken {
				last, lastTaken = b, at
			}
		}
		if status.Waits() {
			waiting++
		}
	}
	if confirmed != in.start.Confirmed {
		in.breachf(nil, RuleConfirmed, "%d tickets are confirmed, the event says %d", confirmed, in.start.Confirmed)
	}
	if held != in.start.Held {
		in.breachf(nil, RuleHeld, "%d tickets are held or offered, the event says %d", held, in.start.Held)
	}
	if waiting != in.start.Waiting {
		in.breachf(nil, RuleWaiting, "%d bookings wait, the event says %d", waiting, in.start.Waiting)
	}
	if int64(len(in.waitlist)) != in.start.LastJoined {
		in.breachf(nil, RuleSequence, "%d bookings were put in the waiting list, the event says %d", len(in.waitlist), in.start.LastJoined)
	}
	if confirmed+held > in.start.settings.TotalTickets {
		in.breachf(last, RuleOversold, "%d tickets are confirmed or held of %d; this booking was the last to get any",
			confirmed+held, in.start.settings.TotalTickets)
	}
	if entries := in.start.length - 1 - in.start.stillListed(); in.start.LastServed+entries != in.start.LastJoined {
		in.breachf(nil, RuleWaitlist, "the list holds %d bookings, and of %d sequence numbers %d are used up",
			entries, in.start.LastJoined, in.start.LastServed)
	}
	in.checkServedUpTo()
	in.checkHead(in.start.settings.TotalTickets - confirmed - held)
}

// checkServedUpTo checks that those who wait are beyond the number up to which the
// list was served, and those who were promoted are not.
func (in *inspection) checkServedUpTo() {
	for _, i := range in.waitlist {
		b := in.booking(i)
		reached := int64(b.sequence) <= in.start.LastServed
		if reached && b.at(in.start.Version).Waits() {
			in.breachf(b, RuleWaitlist, "it waits with sequence number %d, and the list was served up to %d", b.sequence, in.start.LastServed)
		}
		if !reached && b.past.Promoted.Version != 0 && b.past.Promoted.Version <= in.start.Version {
			in.breachf(b, RuleWaitlist, "it was promoted with sequence number %d, and the list was served only up to %d",
				b.sequence, in.start.LastServed)
		}
	}
}

// checkHead checks that the waiting list was served as far as it could be, unless the event
// says that promotions are due.
func (in *inspection) checkHead(available int64) {
	if in.start.PromotionsDue {
		return
	}
	if entry := in.find(layout.ParseShortID(in.start.head)); entry != nil && entry.withdrawn(in.start.Version) {
		in.breachf(entry, RuleUnserved, "it is at the head of the waiting list, and cancelled")
	}
	first := slices.IndexFunc(in.waitlist, func(i int32) bool { return in.booking(i).at(in.start.Version).Waits() })
	if first < 0 || in.start.settings.State != layout.StateOpen || in.start.saleEnded() {
		return
	}
	head := in.booking(in.waitlist[first])
	if quantity := in.tickets(head, in.start.Version); quantity <= available {
		in.breachf(head, RuleUnserved, "it is the first that waits, for %d tickets, and %d are available", quantity, available)
	}
}

// A change is what made one version of the event, or a part of it: one cancellation
// may promote many, and many may expire at once.
type change struct {
	version int64
	booking int32
	kind    changeKind
}

type changeKind byte

const (
	cancelling changeKind = iota
	expiring
	reducing
	promoting
	booking
	confirming
	extending
	updating
)

// changes returns the changes up to the start, in the order in which they were made.
func (in *inspection) changes() []change {
	changes := make([]change, 0, len(in.past)+len(in.updates))
	add := func(version int64, booking int32, kind changeKind) {
		if version != 0 && version <= in.start.Version {
			changes = append(changes, change{version, booking, kind})
		}
	}
	for _, i := range in.past {
		b := in.booking(i)
		add(b.version, i, booking)
		add(b.past.Promoted.Version, i, promoting)
		add(b.past.Confirmed.Version, i, confirming)
		add(b.past.Expired.Version, i, expiring)
		add(b.past.Cancelled.Version, i, cancelling)
	}
	for version, i := range in.extensions {
		add(version, i, extending)
	}
	for id, steps := range in.reductions {
		for _, step := range steps {
			add(step.version, in.indexes[id], reducing)
		}
	}
	for _, version := range in.updates {
		add(version, -1, updating)
	}
	slices.SortFunc(changes, func(a, b change) int {
		if order := cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.kind, b.kind)); order != 0 || a.kind == updating {
			return order
		}
		return cmp.Compare(in.booking(a.booking).sequence, in.booking(b.booking).sequence)
	})
	return changes
}
