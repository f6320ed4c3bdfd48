package layout

import (
	"fmt"
	"math"
	"strconv"

	"boxoffice/scripts"
)

// Sentinel is the entry that keeps an event's list and its set alive: entry 0 of a new
// list, and with score 0 in the set.
const Sentinel = "-"

// WaitlistBase is the sequence number that entry 0 of the list has, given the last one
// served: those that were served are cut off several at once. An entry's sequence number,
// its index + WaitlistBase, stays the same while others join behind it and are served ahead
// of it.
func WaitlistBase(lastServed int64) int64 { return lastServed - lastServed%scripts.TrimEvery }

// IsDeadlinesSentinel reports whether a member of the set of deadlines is the Sentinel.
func IsDeadlinesSentinel(member any, score float64) bool {
	return member == Sentinel && math.IsInf(score, 1)
}

// IsWithdrawnSentinel reports whether a member of the set of withdrawn bookings is the
// Sentinel.
func IsWithdrawnSentinel(member any, score float64) bool { return member == Sentinel && score == 0 }

// ParseWithdrawn reads a member of the set of withdrawn bookings: its sequence number,
// which is its score too.
func ParseWithdrawn(member any, score float64) (sequence int64, err error) {
	sequence = int64(score)
	if fmt.Sprint(member) != strconv.FormatFloat(score, 'f', -1, 64) || sequence < 1 {
		return 0, fmt.Errorf("%q with score %v", member, score)
	}
	return sequence, nil
}
