package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// Users' entries and links do not say at which version they were written. Where one
// differs from what the bookings say, because the user booked or cancelled during
// the scan or because it is wrong, it is read again together with the event's
// version, and compared with the user's bookings as of that version.

// entry is a part of a user's chain in the event's hash.
type entry struct {
	kind    entryKind
	user    int32   // of entryHolding
	booking *copied // of the others
}

type entryKind byte

const (
	entryHolding entryKind = iota // the user's holding, a field
	entryNewer                    // a booking's next younger one, a field
	entryOlder                    // a booking's next older one, in its record
)

func (in *inspection) fieldOf(e entry) string {
	switch e.kind {
	case entryHolding:
		return layout.HoldingField(in.users[e.user].name)
	case entryNewer:
		return layout.NewerField(e.booking.id)
	case entryOlder:
	}
	return layout.BookingField(e.booking.id)
}

// valueOf returns an entry, given the field that it is in.
func (in *inspection) valueOf(e entry, field string) string {
	if e.kind != entryOlder {
		return field
	}
	record, err := layout.ParseRecord(field)
	if err != nil || record.Older == (layout.ShortID{}) {
		return ""
	}
	return named(record.Older)
}

// holding is what a user's bookings add up to, as they were scanned.
type holding struct {
	tickets int64
	oldest  layout.ShortID
	newest  *copied // nil if the user has no live booking
}

func (h holding) newestID() layout.ShortID {
	if h.newest == nil {
		return layout.ShortID{}
	}
	return h.newest.id
}

// checkUsers compares all users' entries and links as they were scanned, and
// settles what differs.
func (in *inspection) checkUsers(ctx context.Context) error {
	for some := range slices.Chunk(in.doubtfulEntries(), readStep) {
		if err := in.settle(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (in *inspection) doubtfulEntries() []entry {
	holdings := make([]holding, len(in.users))
	var doubtful []entry
	expect := func(kind entryKind, b *copied, link, want layout.ShortID) {
		if link != want {
			doubtful = append(doubtful, entry{kind: kind, booking: b})
		}
	}
	order := in.order
	if in.deadlines { // a late confirmation comes last
		order = slices.Clone(order)
		slices.SortStableFunc(order, func(a, b int32) int {
			return cmp.Compare(in.booking(a).linked(forever), in.booking(b).linked(forever))
		})
	}
	for _, i := range order {
		b := in.booking(i)
		if !b.live(forever) {
			continue
		}
		h := &holdings[b.user]
		if h.newest == nil {
			h.oldest = b.id
		} else {
			expect(entryOlder, b, b.older, h.newest.id)
			expect(entryNewer, h.newest, h.newest.newer, b.id)
		}
		h.tickets += int64(b.quantity)
		h.newest = b
	}
	for i := range in.bookings {
		if b := in.booking(i); !b.live(forever) && !b.broken {
			expect(entryNewer, b, b.newer, layout.ShortID{})
		}
	}
	for i, h := range holdings {
		if h.newest != nil {
			expect(entryNewer, h.newest, h.newest.newer, layout.ShortID{})
		}
		read := in.users[i]
		if read.listed != (h.newest != nil) || read.Tickets != h.tickets || read.Oldest != h.oldest || read.Newest != h.newestID() {
			doubtful = append(doubtful, entry{kind: entryHolding, user: int32(i)})
		}
	}
	return doubtful
}

// settle reads entries again, at one instant, and finds those that are wrong then.
func (in *inspection) settle(ctx context.Context, entries []entry) error {
	fields := []string{layout.CountersField}
	for _, e := range entries {
		fields = append(fields, in.fieldOf(e))
	}
	var values []any
	err := in.read(ctx, "users", func(ctx context.Context, client redis.UniversalClient) (err error) {
		values, err = client.HMGet(ctx, in.keys.Event(in.number), fields...).Result()
		return err
	})
	if err != nil {
		return err
	}
	text, _ := values[0].(string)
	counters, err := layout.ParseCounters(text)
	if err != nil {
		return err
	}
	version := counters.Version
	if err := in.catchUp(ctx, version); err != nil {
		return err
	}
	chains, err := in.liveChains(ctx, entries, version)
	if err != nil {
		return err
	}
	for i, e := range entries {
		field, _ := values[i+1].(string)
		value := in.valueOf(e, field)
		b, want, unread := in.wanted(chains, e, version)
		switch {
		case unread || value == want:
		case e.kind == entryOlder:
			in.breachf(b, RuleUser, "its record says that its user's next older booking is %q, it is %q at version %d",
				value, want, version)
		default:
			in.breachf(b, RuleUser, "field %q of the event is %q, and should be %q at version %d",
				fields[i+1], value, want, version)
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
		case e.kind == entryHolding:
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
	slices.SortFunc(theirs, func(a, b *copied) int { return cmp.Compare(a.linked(version), b.linked(version)) })
	for _, b := range theirs {
		if b.live(version) {
			chains[b.user] = append(chains[b.user], b)
		}
	}
	return chains, nil
}

// wanted returns what an entry should be at a version, empty if it should not be there, and the
// booking that a wrong one is a breach of. Next older than the oldest, or than a
// cancelled one, may be anything: nobody reads it.
func (in *inspection) wanted(chains map[int32][]*copied, e entry, version int64) (b *copied, want string, unread bool) {
	if e.kind == entryHolding {
		chain := chains[e.user]
		if len(chain) == 0 {
			return nil, "", false
		}
		oldest, newest := chain[0], chain[len(chain)-1]
		tickets := int64(0)
		for _, b := range chain {
			tickets += in.tickets(b, version)
		}
		holding := layout.Holding{Tickets: tickets, Oldest: oldest.id, Newest: newest.id}
		return oldest, holding.String(), false
	}
	if !e.booking.known {
		return e.booking, "", e.kind == entryOlder
	}
	chain := chains[e.booking.user]
	at := slices.Index(chain, e.booking)
	live := at >= 0
	switch {
	case e.kind == entryOlder && live && at > 0:
		return e.booking, chain[at-1].id.String(), false
	case e.kind == entryNewer && live && at+1 < len(chain):
		return e.booking, chain[at+1].id.String(), false
	default:
		return e.booking, "", e.kind == entryOlder
	}
}

// checkCancellations checks that the ids of requests to cancel lead to cancelled
// bookings.
func (in *inspection) checkCancellations(ctx context.Context) error {
	var doubtful []*copied
	for i := range in.bookings {
		if b := in.booking(i); b.cancelledByUser && !b.broken && b.at(forever) != layout.StatusCancelled {
			doubtful = append(doubtful, b)
		}
	}
	// It may have been cancelled after its record was read.
	if err := in.reread(ctx, doubtful); err != nil {
		return err
	}
	for _, b := range doubtful {
		if b.at(forever) != layout.StatusCancelled {
			in.breachf(b, RuleCancellation, "a request to cancel led to it, and it is not cancelled")
		}
	}
	return nil
}
