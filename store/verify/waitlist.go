package verify

import (
	"context"
	"sort"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// An entry's sequence number, its index in the list + layout.WaitlistBase, stays the same
// while others join behind it and are served ahead of it. So the list can be read in
// steps, each with lastServed as of that instant.

// checkWaitlist matches the waiting list with the bookings, up to the entry that was the
// last one when the look started.
func (in *inspection) checkWaitlist(ctx context.Context) error {
	in.checkServed()
	w := &waitlistWalk{inspection: in, expected: in.firstBeyond(in.start.LastServed)}
	last := layout.WaitlistBase(in.start.LastServed) + in.start.length - 1
	lastServed := in.start.LastServed
	for sequence := lastServed + 1; sequence <= last; {
		first, entries, err := in.readWaitlist(ctx, sequence, &lastServed)
		if err != nil {
			return err
		}
		if lastServed >= sequence { // served meanwhile, as far as that
			sequence = lastServed + 1
			w.expected = max(w.expected, in.firstBeyond(lastServed))
		}
		if first > sequence {
			continue // more was served than the reading allowed for
		}
		if first+int64(len(entries)) <= sequence {
			break
		}
		for _, entry := range entries[sequence-first:] {
			if sequence <= last {
				w.entry(entry, lastServed)
			}
			sequence++
		}
	}
	w.skip(len(in.waitlist), lastServed)
	for _, b := range w.skipped {
		if !b.inWaitlist {
			in.breachf(b, RuleWaitlist, "it has sequence number %d, and is not in the list", b.sequence)
		}
	}
	return nil
}

// readWaitlist reads entries from about a sequence number on. It returns that of the first
// entry read, and updates lastServed. What was served since the last reading moves the
// entries, hence it starts somewhat ahead.
func (in *inspection) readWaitlist(ctx context.Context, sequence int64, lastServed *int64) (first int64, entries []string, err error) {
	from := max(1, sequence-layout.WaitlistBase(*lastServed)-readStep)
	to := max(1, sequence-layout.WaitlistBase(*lastServed)) + readStep - 1
	var read *redis.StringCmd
	var list *redis.StringSliceCmd
	err = in.readSnapshot(ctx, "waiting list", func(ctx context.Context, tx redis.Pipeliner) {
		read = tx.HGet(ctx, in.keys.Event(in.number), layout.CountersField)
		list = tx.LRange(ctx, in.keys.Waitlist(in.number), from, to)
	})
	if err != nil {
		return 0, nil, err
	}
	counters, err := layout.ParseCounters(read.Val())
	if err != nil {
		return 0, nil, err
	}
	*lastServed = counters.LastServed
	return layout.WaitlistBase(*lastServed) + from, list.Val(), nil
}

// checkServed checks the entries of the list that were served and not cut off yet,
// beginning with entry 0, which keeps the list alive.
func (in *inspection) checkServed() {
	number := layout.WaitlistBase(in.start.LastServed)
	for i, entry := range in.start.served {
		want, known := in.entryOf(number + int64(i))
		if known && entry != want {
			in.breachf(in.find(layout.ParseShortID(entry)), RuleWaitlist, "entry %d of the list is %q, and %q was served there",
				i, entry, want)
		}
	}
}

// entryOf returns the entry of the list that a sequence number has. known is false if the
// booking has no record, which is reported already.
func (in *inspection) entryOf(number int64) (entry string, known bool) {
	if number == 0 {
		return layout.Sentinel, true
	}
	i := in.firstBeyond(number) - 1
	if i < 0 || int64(in.booking(in.waitlist[i]).sequence) != number {
		return "", false
	}
	return in.booking(in.waitlist[i]).id.String(), true
}

// firstBeyond returns the index in in.waitlist of the first booking beyond a sequence number.
func (in *inspection) firstBeyond(number int64) int {
	return sort.Search(len(in.waitlist), func(i int) bool {
		return int64(in.booking(in.waitlist[i]).sequence) > number
	})
}

// waitlistWalk follows the list and the bookings that were put in it, side by side.
type waitlistWalk struct {
	*inspection
	expected int // index in waitlist of the booking that should come next
	skipped  []*copied
}

// skip notes that the list goes on with another booking than the expected one.
func (w *waitlistWalk) skip(to int, lastServed int64) {
	for ; w.expected < to; w.expected++ {
		if b := w.booking(w.waitlist[w.expected]); int64(b.sequence) > lastServed {
			w.skipped = append(w.skipped, b)
		}
	}
}

func (w *waitlistWalk) entry(entry string, lastServed int64) {
	id := layout.ParseShortID(entry)
	b := w.find(id)
	if b != nil && b.broken {
		return // reported already
	}
	if b == nil || !b.known {
		if id == layout.InvalidShortID || id == (layout.ShortID{}) {
			w.breachf(nil, RuleWaitlist, "the list holds %q, which is no booking's id", entry)
		} else {
			w.breachf(&copied{id: id}, RuleWaitlist, "it is in the list, and there is no such booking")
		}
		return
	}
	switch {
	case b.sequence == 0:
		w.breachf(b, RuleWaitlist, "it is in the list, and was never put in the waiting list")
		return
	case b.inWaitlist:
		w.breachf(b, RuleWaitlist, "it is in the list twice")
		return
	case b.past.Promoted.Version != 0:
		w.breachf(b, RuleWaitlist, "it is in the list, and was promoted at version %d", b.past.Promoted.Version)
	}
	b.inWaitlist = true
	at := w.firstBeyond(int64(b.sequence) - 1)
	for at < len(w.waitlist) && w.booking(w.waitlist[at]) != b {
		at++
	}
	if at < w.expected || at == len(w.waitlist) {
		w.breachf(b, RuleWaitlist, "it has sequence number %d, and is not in its place in the list", b.sequence)
		return
	}
	w.skip(at, lastServed)
	w.expected = at + 1
}
