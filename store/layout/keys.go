package layout

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// Fields of the hash of all events that are no creation's.
const (
	LastField  = "last"  // the last event number given, at first 0
	StoreField = "store" // the id of the store, see identify.lua
	markField  = "mark"  // comes and goes for answers that change nothing, in an event's hash too: see unchanged.lua
)

// Keys names the keys of a store. The zero value is a store that has its Redis to itself.
//
// Every key of an event carries its number as hash tag, so that a Redis Cluster keeps them in one
// slot and a script may use them together.
type Keys struct {
	Prefix string // stands before every key; see CheckPrefix
}

const longestPrefix = 64 // bytes: they are sent with each call, a few times

// CheckPrefix returns an error if this cannot stand before keys: with a brace in it, it would be
// the hash tag of all of them.
func CheckPrefix(prefix string) error {
	if len(prefix) > longestPrefix {
		return errors.New("longer than 64 characters")
	}
	for _, char := range prefix {
		if char <= ' ' || char >= utf8.RuneSelf-1 {
			return errors.New("it has blanks or characters beyond ASCII")
		}
		if char == '{' || char == '}' {
			return errors.New("it has a brace, which a cluster would take for a hash tag")
		}
	}
	return nil
}

// Events is the hash of all events: the last number given, which creation got which, and the id
// of the store.
func (k Keys) Events() string { return k.Prefix + "events" }

func (k Keys) of(kind string, number uint64) string {
	return k.Prefix + kind + ":{" + strconv.FormatUint(number, 10) + "}"
}

// Event is the hash of an event: settings, counters, bookings, users.
func (k Keys) Event(number uint64) string { return k.of("event", number) }

// Waitlist is the list of the bookings that wait.
func (k Keys) Waitlist(number uint64) string { return k.of("waitlist", number) }

// Withdrawn is the sorted set of sequence numbers of bookings cancelled before their turn.
func (k Keys) Withdrawn(number uint64) string { return k.of("withdrawn", number) }

// Deadlines is the sorted set of holds and offers by their deadlines.
func (k Keys) Deadlines(number uint64) string { return k.of("deadlines", number) }

// Log is the list of an event's changes: the entry of version v at index v - 1.
func (k Keys) Log(number uint64) string { return k.of("log", number) }

// Partitions is how many sorted sets share the events that may have work without traffic.
const Partitions = 16

// Due is the sorted set of events that may have work, those whose number leaves the same remainder as
// this one.
func (k Keys) Due(number uint64) string { return k.of("due", number%Partitions) }

// Lease is the hash that says which instance does the work of a partition.
func (k Keys) Lease(partition uint64) string { return k.of("lease", partition) }

// OfEvent are all keys of an event, in the order in which the scripts that work on the whole of it
// take them.
func (k Keys) OfEvent(number uint64) []string {
	return []string{k.Event(number), k.Log(number), k.Waitlist(number), k.Withdrawn(number), k.Deadlines(number)}
}
