package layout

import "strconv"

// EventsKey is the hash of all events: the last number given, which creation got which, and
// the id of the store.
const EventsKey = "events"

// Fields of the hash of all events that are no creation's.
const (
	LastField  = "last"  // the last event number given, at first 0
	StoreField = "store" // the id of the store, see identify.lua
	markField  = "mark"  // comes and goes for answers that change nothing, in an event's hash too: see unchanged.lua
)

// Every key of an event carries its number as hash tag, so that a Redis Cluster
// keeps them in one slot and a script may use them together.

func tag(number uint64) string { return ":{" + strconv.FormatUint(number, 10) + "}" }

// EventKey is the hash of an event: settings, counters, bookings, users.
func EventKey(number uint64) string { return "event" + tag(number) }

// WaitlistKey is the list of the bookings that wait.
func WaitlistKey(number uint64) string { return "waitlist" + tag(number) }

// WithdrawnKey is the sorted set of sequence numbers of bookings cancelled before their turn.
func WithdrawnKey(number uint64) string { return "withdrawn" + tag(number) }

// LogKey is the list of an event's changes: the entry of version v at index v - 1.
func LogKey(number uint64) string { return "log" + tag(number) }

// EventKeys are all keys of an event, in the order in which the scripts that work on the
// whole of it take them.
func EventKeys(number uint64) []string {
	return []string{EventKey(number), LogKey(number), WaitlistKey(number), WithdrawnKey(number)}
}
