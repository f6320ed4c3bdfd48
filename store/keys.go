package store

import "strconv"

// eventsKey holds the last event number given, and which creation got which.
const eventsKey = "events"

// Every key of an event carries its number as hash tag, so that a Redis Cluster
// keeps them in one slot and a script may use them together.

func tag(number uint64) string { return ":{" + strconv.FormatUint(number, 10) + "}" }

// eventKey is the hash of an event: settings, counters, bookings, users.
func eventKey(number uint64) string { return "event" + tag(number) }

// waitlistKey is the list of those who wait.
func waitlistKey(number uint64) string { return "waitlist" + tag(number) }

// withdrawnKey is the sorted set of sequence numbers of bookings cancelled before their turn.
func withdrawnKey(number uint64) string { return "withdrawn" + tag(number) }

// markField comes and goes in the hash of an event, and in that of all events, for
// answers that change nothing: see unchanged.lua.
const markField = "mark"
