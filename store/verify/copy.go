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
	known                        bool // its record was read; without one there is only a link
	broken                       bool // it has a record that cannot be read
	cancelledByUser              bool // a cancellation's id leads to it
	inWaitlist                   bool // seen in the list
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
	return b.at(version) == layout.StatusCancelled && b.past.First.Waits() && b.past.Promoted == 0
}

func (b *copied) live(version int64) bool { return b.at(version).Live() }

// holder is a user's entry in the event's hash, as last read. Its tickets are -1 if the
// entry cannot be read.
type holder struct {
	layout.Holding
	name   string
	listed bool // there is an entry
}

// freed is whom a booking's cancellation promoted, as its record says.
type freed struct {
	first layout.ShortID
	count int64
}

const slabSize = 4096

type eventCopy struct {
	slabs     [][]copied // so that growing copies nothing
	bookings  int32
	indexes   map[layout.ShortID]int32
	users     []holder
	userIndex map[string]int32
	freed     map[int32]freed  // by cancelled booking
	updates   map[string]int64 // id of a change of settings -> version
}

func newEventCopy() eventCopy {
	return eventCopy{
		indexes: map[layout.ShortID]int32{}, userIndex: map[string]int32{},
		freed: map[int32]freed{}, updates: map[string]int64{},
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
func (c *eventCopy) findOrAdd(id layout.ShortID) (int32, *copied) {
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
	return i, c.booking(i)
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
	i, b := c.findOrAdd(id)
	record, err := layout.ParseRecord(text)
	b.known, b.broken = err == nil, err != nil
	if err != nil {
		return b, err
	}
	b.version, b.past = record.Version, record.History
	b.older = record.Older
	b.quantity, b.sequence, b.position = uint32(record.Quantity), uint32(record.Sequence), uint32(record.Position)
	b.user = c.user(record.User)
	if record.PromotedCount > 0 {
		c.freed[i] = freed{record.Next, record.PromotedCount}
	}
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
		{b.version < 2, "it was booked at a version before the first booking"},
		{(b.sequence == 0) != (b.position == 0), "it has only one of sequence number and position"},
		{!b.past.Possible(), "it was promoted without having waited"},
		{b.past.Promoted != 0 && b.past.Promoted <= b.version, "it was promoted before it was booked"},
		{b.past.Cancelled != 0 && b.past.Cancelled <= max(b.version, b.past.Promoted), "it was cancelled before it was booked or promoted"},
		{(b.sequence != 0) != b.past.First.Waits(), "its first status and its sequence number do not agree"},
		{b.past.Cancelled == 0 && record.PromotedCount > 0, "it promoted others without being cancelled"},
		{b.older == layout.InvalidShortID, "the user's next older booking is none"},
		{record.User == "", "it has no user"},
	} {
		if c.wrong {
			return errors.New(c.what)
		}
	}
	return nil
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
