package verify

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"boxoffice/store/layout"
)

// The copy of an event that a verification works on is packed: it may hold
// millions of bookings.

// copied is a booking: its record, and its link to the user's next younger one.
type copied struct {
	id                           layout.ShortID
	older, newer                 layout.ShortID // of the user's live bookings, as last read
	version                      int64
	past                         layout.History
	user                         int32 // index in eventCopy.users
	quantity, sequence, position uint32
	booked                       uint32 // tickets, before it was reduced
	reducedAt                    int64  // version at which it was reduced last, or 0
	known                        bool   // its record was read; without one there is only a link
	broken                       bool   // it has a record that cannot be read
	cancelledByUser              bool   // a cancellation's id leads to it
	inWaitlist                   bool   // seen in the list
}

// notBooked is the status of a booking before it was made.
const notBooked layout.Status = ""

// at is the booking's status as of a version. It is right for every version up to that at
// which the record was read.
func (b *copied) at(version int64) layout.Status {
	if !b.known || b.version > version {
		return notBooked
	}
	return b.past.At(version).Status()
}

// withdrawn reports whether it was cancelled while it waited, as of a version.
func (b *copied) withdrawn(version int64) bool {
	return b.at(version) == layout.StatusCancelled && b.past.First.Waits() && b.past.Promoted.Version == 0
}

func (b *copied) live(version int64) bool { return b.at(version).Live() }

// holder is a user's entry in the event's hash, as last read. Its tickets are -1 if the
// entry cannot be read.
type holder struct {
	layout.Holding
	name   string
	listed bool // there is an entry
}

const slabSize = 4096

type eventCopy struct {
	slabs     [][]copied // so that growing copies nothing
	bookings  int32
	indexes   map[layout.ShortID]int32
	users     []holder
	userIndex map[string]int32
	updates   map[string]int64 // id of a change of settings -> version
	deadlines bool             // some booking has or had one
	reduced   bool             // some booking was
}

func newEventCopy() eventCopy {
	return eventCopy{
		indexes: map[layout.ShortID]int32{}, userIndex: map[string]int32{}, updates: map[string]int64{},
	}
}

func (c *eventCopy) booking(i int32) *copied { return &c.slabs[i/slabSize][i%slabSize] }

// find returns the booking of an id, or nil.
func (c *eventCopy) find(id layout.ShortID) *copied {
	if i, ok := c.indexes[id]; ok {
		return c.booking(i)
	}
	return nil
}

// findOrAdd returns the booking of an id, a new one if need be.
func (c *eventCopy) findOrAdd(id layout.ShortID) *copied {
	i, ok := c.indexes[id]
	if !ok {
		i = c.bookings
		c.indexes[id] = i
		if i%slabSize == 0 {
			c.slabs = append(c.slabs, make([]copied, slabSize))
		}
		c.bookings++
		*c.booking(i) = copied{id: id}
	}
	return c.booking(i)
}

func (c *eventCopy) user(name string) int32 {
	i, ok := c.userIndex[name]
	if !ok {
		i = int32(len(c.users))
		name = strings.Clone(name) // or it would keep the whole record in memory
		c.userIndex[name] = i
		c.users = append(c.users, holder{name: name})
	}
	return i
}

// put takes in a booking's record. The error says what is wrong with it. Where it
// contradicts itself, the rest is checked by what its versions say.
func (c *eventCopy) put(id layout.ShortID, text string) (*copied, error) {
	b := c.findOrAdd(id)
	record, err := layout.ParseRecord(text)
	b.known, b.broken = err == nil, err != nil
	if err != nil {
		return b, err
	}
	b.version, b.past = record.Version, record.History
	b.older = record.Older
	b.quantity, b.sequence, b.position = uint32(record.Quantity), uint32(record.Sequence), uint32(record.Position)
	b.booked, b.reducedAt = b.quantity, record.Reduced.Version
	if b.reducedAt != 0 {
		b.booked, c.reduced = uint32(record.Reduced.From), true
	}
	b.user = c.user(record.User)
	c.deadlines = c.deadlines || b.past.ExpiresAt != 0
	return b, b.contradiction(record)
}

// contradiction finds parts of a record that cannot be true together.
func (b *copied) contradiction(record layout.Record) error {
	if status := b.at(forever); record.Status != status {
		return fmt.Errorf("its status is %q, and its versions say %s", record.Status, status)
	}
	for _, c := range []struct {
		wrong bool
		what  string
	}{
		{b.reducedAt != 0 && b.reducedAt <= b.version, "it was reduced before it was booked"},
		{b.version < 2, "it was booked at a version before the first booking"},
		{(b.sequence == 0) != (b.position == 0), "it has only one of sequence number and position"},
		{!b.past.Possible(), "it was promoted without having waited, or ended or was confirmed without having been held"},
		{!follows(b.past.Promoted, b.version), "it was promoted before it was booked"},
		{!follows(b.past.Expired, max(b.version, b.past.Promoted.Version)), "it expired before it was booked or promoted"},
		{
			!follows(b.past.Confirmed, max(b.version, b.past.Promoted.Version, b.past.Expired.Version)),
			"it was confirmed before it was held or offered, or before it expired",
		},
		{!follows(b.past.Cancelled, max(b.version, b.past.Confirmed.Version, b.past.Promoted.Version)), "it was cancelled before all else"},
		{b.past.Cancelled.Version != 0 && b.past.Expired.Version != 0 && b.past.Confirmed.Version == 0, "it was cancelled after it had expired"},
		{b.past.Expired.Version != 0 && b.past.Expired.At < b.past.ExpiresAt, "it expired before its deadline"},
		{(b.sequence != 0) != b.past.First.Waits(), "its first status and its sequence number do not agree"},
		{b.older == layout.InvalidShortID, "the user's next older booking is none"},
		{record.User == "", "it has no user"},
	} {
		if c.wrong {
			return errors.New(c.what)
		}
	}
	return nil
}

// follows reports whether something did not happen, or after a version.
func follows(moment layout.Moment, version int64) bool {
	return moment.Version == 0 || moment.Version > version
}

// linked is the version at which it came to the young end of its user's chain, as of a version: when it
// was booked, or when it was confirmed after it had expired.
func (b *copied) linked(version int64) int64 {
	if past := b.past.At(version); past.Expired.Version != 0 && past.Confirmed.Version != 0 {
		return past.Confirmed.Version
	}
	return b.version
}

// putHolder takes in a user's entry, which is empty for a user who has no live booking any
// more.
func (c *eventCopy) putHolder(name, entry string) {
	h := &c.users[c.user(name)]
	if entry == "" {
		return
	}
	holding, err := layout.ParseHolding(entry)
	if err != nil {
		holding = layout.Holding{Tickets: -1}
	}
	h.listed, h.Holding = true, holding
}

// forever is a version that no change comes after.
const forever = math.MaxInt64
