package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
)

// Users' entries and links do not tell at which version they were written. Where one
// differs from what the bookings say, because the user booked or cancelled during
// the scan or because it is wrong, it is read again together with the event's
// version, and compared with the user's bookings as of that version.

// entry is a part of a user's chain in the event's hash: the field @user, the field
// >booking, or (of kind <) the next older booking in a booking's record.
type entry struct {
	kind    byte
	user    int32   // of kind @
	booking *copied // of the others
}

func (in *inspection) fieldOf(e entry) string {
	switch e.kind {
	case '@':
		return "@" + in.users[e.user].name
	case '<':
		return e.booking.id.String()
	default:
		return ">" + e.booking.id.String()
	}
}

// valueOf returns an entry, given the field that it is in.
func (in *inspection) valueOf(e entry, field string) string {
	if e.kind != '<' {
		return field
	}
	if parts := strings.SplitN(field, "|", recordParts); len(parts) == recordParts {
		return parts[8]
	}
	return ""
}

// holding is what a user's bookings add up to, as they were scanned.
type holding struct {
	tickets int64
	oldest  shortID
	newest  *copied // nil if the user has no live booking
}

func (h holding) newestID() shortID {
	if h.newest == nil {
		return shortID{}
	}
	return h.newest.id
}

// checkUsers compares all users' entries and links as they were scanned, and
// settles what differs.
func (in *inspection) checkUsers(ctx context.Context) error {
	for some := range slices.Chunk(in.doubtfulEntries(), verifyStep) {
		if err := in.settle(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (in *inspection) doubtfulEntries() []entry {
	holdings := make([]holding, len(in.users))
	var doubtful []entry
	expect := func(kind byte, b *copied, link, want shortID) {
		if link != want {
			doubtful = append(doubtful, entry{kind: kind, booking: b})
		}
	}
	for _, i := range in.order {
		b := in.booking(i)
		if !b.live(forever) {
			continue
		}
		h := &holdings[b.user]
		if h.newest == nil {
			h.oldest = b.id
		} else {
			expect('<', b, b.older, h.newest.id)
			expect('>', h.newest, h.newest.newer, b.id)
		}
		h.tickets += int64(b.quantity)
		h.newest = b
	}
	for i := range in.bookings {
		if b := in.booking(i); !b.live(forever) && !b.broken {
			expect('>', b, b.newer, shortID{})
		}
	}
	for i, h := range holdings {
		if h.newest != nil {
			expect('>', h.newest, h.newest.newer, shortID{})
		}
		read := in.users[i]
		if read.listed != (h.newest != nil) || read.tickets != h.tickets || read.oldest != h.oldest || read.newest != h.newestID() {
			doubtful = append(doubtful, entry{kind: '@', user: int32(i)})
		}
	}
	return doubtful
}

// settle reads entries again, at one instant, and finds those that are wrong then.
func (in *inspection) settle(ctx context.Context, entries []entry) error {
	fields := []string{"counters"}
	for _, e := range entries {
		fields = append(fields, in.fieldOf(e))
	}
	var values []any
	err := in.read(ctx, "users", func(ctx context.Context) (err error) {
		values, err = in.store.client.HMGet(ctx, eventKey(in.number), fields...).Result()
		return err
	})
	if err != nil {
		return err
	}
	text, _ := values[0].(string)
	version, err := counterOf(text, "version")
	if err != nil {
		return err
	}
	counters, err := splitCounters(text)
	if err != nil {
		return err
	}
	if err := in.catchUp(ctx, counters["latest"], version); err != nil {
		return err
	}
	chains, err := in.liveChains(ctx, entries, version)
	if err != nil {
		return err
	}
	for i, e := range entries {
		field, _ := values[i+1].(string)
		found := in.valueOf(e, field)
		b, want, unread := in.wanted(chains, e)
		switch {
		case unread || found == want:
		case e.kind == '<':
			in.breachf(b, RuleUser, "its record says that its user's next older booking is %q, it is %q at version %d",
				found, want, version)
		default:
			in.breachf(b, RuleUser, "field %q of the event is %q, and should be %q at version %d",
				fields[i+1], found, want, version)
		}
	}
	return nil
}

// liveChains returns, of the users whose entries are given, the live bookings as of a
// version, oldest first.
func (in *inspection) liveChains(ctx context.Context, entries []entry, version int64) (map[int32][]*copied, error) {
	chains := map[int32][]*copied{}
	for _, e := range entries {
		switch {
		case e.kind == '@':
			chains[e.user] = nil
		case e.booking.known:
			chains[e.booking.user] = nil
		}
	}
	var theirs []*copied
	for i := range in.bookings {
		b := in.booking(i)
		if !b.live(version) {
			continue
		}
		if _, ok := chains[b.user]; ok {
			theirs = append(theirs, b)
		}
	}
	if err := in.reread(ctx, theirs); err != nil {
		return nil, err
	}
	slices.SortFunc(theirs, func(a, b *copied) int { return cmp.Compare(a.version, b.version) })
	for _, b := range theirs {
		if b.live(version) {
			chains[b.user] = append(chains[b.user], b)
		}
	}
	return chains, nil
}

// wanted returns what an entry should be, empty if it should not be there, and the
// booking that a wrong one is a breach of. Next older than the oldest, or than a
// cancelled one, may be anything: nobody reads it.
func (in *inspection) wanted(chains map[int32][]*copied, e entry) (b *copied, want string, unread bool) {
	if e.kind == '@' {
		chain := chains[e.user]
		if len(chain) == 0 {
			return nil, "", false
		}
		oldest, newest := chain[0], chain[len(chain)-1]
		tickets := int64(0)
		for _, b := range chain {
			tickets += int64(b.quantity)
		}
		holding := strconv.FormatInt(tickets, 10) + ":" + oldest.id.String()
		if newest != oldest {
			holding += ":" + newest.id.String()
		}
		return oldest, holding, false
	}
	if !e.booking.known {
		return e.booking, "", e.kind == '<'
	}
	chain := chains[e.booking.user]
	at, live := slices.BinarySearchFunc(chain, e.booking.version, func(b *copied, version int64) int {
		return cmp.Compare(b.version, version)
	})
	switch {
	case e.kind == '<' && live && at > 0:
		return e.booking, chain[at-1].id.String(), false
	case e.kind == '>' && live && at+1 < len(chain):
		return e.booking, chain[at+1].id.String(), false
	default:
		return e.booking, "", e.kind == '<'
	}
}

// checkCancellations checks that the ids of requests to cancel lead to cancelled
// bookings.
func (in *inspection) checkCancellations(ctx context.Context) error {
	var doubtful []*copied
	for i := range in.bookings {
		if b := in.booking(i); b.cancelledByUser && !b.broken && b.at(forever) != 'X' {
			doubtful = append(doubtful, b)
		}
	}
	// It may have been cancelled after its record was read.
	if err := in.reread(ctx, doubtful); err != nil {
		return err
	}
	for _, b := range doubtful {
		if b.at(forever) != 'X' {
			in.breachf(b, RuleCancellation, "a request to cancel led to it, and it is not cancelled")
		}
	}
	return nil
}
