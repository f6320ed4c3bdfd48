package store

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The copy of an event that a verification works on is packed: it may hold
// millions of bookings.

// noShortID stands for a text that is not a booking's short id. It has another UUID
// version than bookings have, so it equals none of them.
var noShortID = shortID{0: 0xff}

// copied is a booking: its record, and its link to the user's next younger one.
type copied struct {
	id, before                   shortID
	older, newer                 shortID // of the user's live bookings, as last read
	version, promoted, cancelled int64
	user                         int32 // index in eventCopy.users
	quantity, sequence, position uint32
	known                        bool // its record was read; without one there is only a link
	broken                       bool // it has a record that cannot be read
	cancelledByUser              bool // a cancellation's id leads to it
	inWaitlist                   bool // seen in the list
}

// at is the booking's status as of a version: C, W, X, or 0 if it was not booked yet.
// It is right for every version up to that at which the record was read.
func (b *copied) at(version int64) byte {
	switch {
	case !b.known || b.version > version:
		return 0
	case b.cancelled != 0 && b.cancelled <= version:
		return 'X'
	case b.sequence == 0 || b.promoted != 0 && b.promoted <= version:
		return 'C'
	default:
		return 'W'
	}
}

// withdrawn tells whether it was cancelled while it waited, as of a version.
func (b *copied) withdrawn(version int64) bool {
	return b.at(version) == 'X' && b.sequence != 0 && b.promoted == 0
}

func (b *copied) live(version int64) bool { return b.at(version) == 'C' || b.at(version) == 'W' }

// holder is a user's entry in the event's hash, as last read.
type holder struct {
	name           string
	tickets        int64 // -1 if the entry cannot be read
	oldest, newest shortID
	listed         bool // there is an entry
}

// promotion is what a cancelled booking's record says that it set free.
type promotion struct {
	first shortID
	count int64
}

const slabSize = 4096

type eventCopy struct {
	slabs     [][]copied // so that growing copies nothing
	bookings  int32
	indexes   map[shortID]int32
	users     []holder
	userIndex map[string]int32
	freed     map[int32]promotion // by cancelled booking
	updates   map[string]int64    // id of a change of settings -> version
}

func newEventCopy() eventCopy {
	return eventCopy{
		indexes: map[shortID]int32{}, userIndex: map[string]int32{},
		freed: map[int32]promotion{}, updates: map[string]int64{},
	}
}

func (c *eventCopy) booking(i int32) *copied { return &c.slabs[i/slabSize][i%slabSize] }

// find returns the booking of an id, or nil.
func (c *eventCopy) find(id shortID) *copied {
	if i, ok := c.indexes[id]; ok {
		return c.booking(i)
	}
	return nil
}

// findOrAdd returns the booking of an id, a new one if need be.
func (c *eventCopy) findOrAdd(id shortID) (int32, *copied) {
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

// readShortID reads a booking's short id: all zeros if it is empty, noShortID if it is none.
func readShortID(text string) shortID {
	if text == "" {
		return shortID{}
	}
	id, err := bookingID(1, text)
	if err != nil {
		return noShortID
	}
	return shortIDOf(id)
}

// put takes in a booking's record. The error tells what is wrong with it. Where it
// contradicts itself, the rest is checked by what its versions say.
func (c *eventCopy) put(id shortID, record string) (*copied, error) {
	i, b := c.findOrAdd(id)
	parts := strings.SplitN(record, "|", recordParts)
	freed, err := b.parse(parts)
	b.known, b.broken = err == nil, err != nil
	if err != nil {
		return b, err
	}
	b.user = c.user(parts[11])
	if freed.count > 0 {
		c.freed[i] = freed
	}
	return b, b.contradiction(parts)
}

// parse reads the parts of a record.
func (b *copied) parse(parts []string) (promotion, error) {
	if len(parts) != recordParts {
		return promotion{}, fmt.Errorf("it has %d parts", len(parts))
	}
	var wrong error
	number := func(part, bits int, required bool) uint64 {
		if parts[part] == "" && !required {
			return 0
		}
		value, err := strconv.ParseUint(parts[part], 10, bits)
		if (err != nil || value == 0) && wrong == nil {
			wrong = fmt.Errorf("part %d is %q", part, parts[part])
		}
		return value
	}
	b.promoted, b.cancelled = int64(number(1, 63, false)), int64(number(2, 63, false))
	b.quantity, b.version = uint32(number(4, 32, true)), int64(number(6, 63, true))
	b.before = readShortID(parts[7])
	b.older = readShortID(parts[8])
	b.sequence, b.position = uint32(number(9, 32, false)), uint32(number(10, 32, false))
	if _, err := strconv.ParseInt(parts[5], 10, 64); err != nil && wrong == nil {
		wrong = fmt.Errorf("part 5 is %q", parts[5])
	}
	freed, err := parsePromotion(parts[3])
	return freed, cmp.Or(wrong, err)
}

// contradiction finds parts of a record that cannot be true together.
func (b *copied) contradiction(parts []string) error {
	if status := string(b.at(forever)); parts[0] != status {
		return fmt.Errorf("its status is %q, and its versions say %s", parts[0], status)
	}
	for _, c := range []struct {
		wrong bool
		what  string
	}{
		{b.version < 2, "it was booked at a version before the first booking"},
		{(b.sequence == 0) != (b.position == 0), "it has only one of sequence number and position"},
		{b.promoted != 0 && b.sequence == 0, "it was promoted without having waited"},
		{b.promoted != 0 && b.promoted <= b.version, "it was promoted before it was booked"},
		{b.cancelled != 0 && b.cancelled <= max(b.version, b.promoted), "it was cancelled before it was booked or promoted"},
		{b.cancelled == 0 && parts[3] != "", "it set tickets free without being cancelled"},
		{b.before == noShortID, "the booking before it is none"},
		{b.older == noShortID, "the user's next older booking is none"},
		{parts[11] == "", "it has no user"},
	} {
		if c.wrong {
			return errors.New(c.what)
		}
	}
	return nil
}

func parsePromotion(text string) (promotion, error) {
	if text == "" {
		return promotion{}, nil
	}
	first, count, several := strings.Cut(text, "+")
	if !several {
		count = "1"
	}
	n, err := strconv.ParseInt(count, 10, 32)
	if err != nil || n < 1 || first == "" || readShortID(first) == noShortID {
		return promotion{}, fmt.Errorf("part 3 is %q", text)
	}
	return promotion{first: readShortID(first), count: n}, nil
}

// putHolder takes in a user's entry: tickets:oldest, tickets:oldest:newest, or nothing
// for a user who has no live booking any more.
func (c *eventCopy) putHolder(name, entry string) {
	h := &c.users[c.user(name)]
	if entry == "" {
		return
	}
	h.listed, h.tickets = true, -1
	parts := strings.Split(entry, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[1] == "" || parts[1] == parts[len(parts)-1] && len(parts) == 3 {
		return
	}
	tickets, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || tickets < 1 {
		return
	}
	h.tickets, h.oldest, h.newest = tickets, readShortID(parts[1]), readShortID(parts[len(parts)-1])
}
