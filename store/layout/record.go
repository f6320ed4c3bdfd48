package layout

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A booking is one field of its event's hash: its short id, and a record with | between
// its parts. The scripts write it; the first four parts change, the rest is what replays
// are answered from.

// Parts of a record, in order.
const (
	partStatus    = iota // C confirmed, W waiting, X cancelled
	partPromoted         // version of the event then, or empty
	partCancelled        // version of the event then, or empty
	partFreed            // first booking that the cancellation promoted, with +n if n > 1 of them, or empty
	partQuantity         // tickets
	partCreatedAt        // milliseconds since 1970
	partVersion          // of the event when it was booked
	partBefore           // the booking made before it, or empty
	partOlder            // the user's next older live booking, unless it is the oldest
	partSequence         // the number drawn when it joined the waiting list, or empty
	partPosition         // its position when it was booked, or empty; 1 is next
	partUser             // last, for it may hold a |
	recordParts
)

// RecordParts names the parts of a record, in order.
func RecordParts() []string {
	return []string{
		"status", "promoted", "cancelled", "freed", "quantity", "createdAt",
		"version", "before", "older", "sequence", "position", "user",
	}
}

// Status says where a booking stands.
type Status string

// The statuses of a booking.
const (
	StatusConfirmed Status = "confirmed"
	StatusWaiting   Status = "waiting"
	StatusCancelled Status = "cancelled" // for good
)

var statusLetters = map[string]Status{"C": StatusConfirmed, "W": StatusWaiting, "X": StatusCancelled}

// Record is what an event's hash holds of one booking.
type Record struct {
	Status     Status
	Promoted   int64 // version of the event when it was promoted, or 0
	Cancelled  int64 // version of the event when it was cancelled, or 0
	FreedFirst ShortID
	FreedCount int64 // bookings that its cancellation promoted; FreedFirst is the first of them
	Quantity   int64 // tickets
	CreatedAt  time.Time
	Version    int64   // of the event when it was booked
	Before     ShortID // the booking made before it; InvalidShortID if that is none
	Older      ShortID // the user's next older live booking, unless it is the oldest; may be InvalidShortID
	Sequence   int64   // the number drawn when it joined the waiting list, or 0
	Position   int64   // in the waiting list when it was booked, 1 = next; or 0
	User       string
}

// ParseRecord reads a record. It does not judge whether the parts can be true together.
// The error does not quote the record, which names the user.
func ParseRecord(text string) (Record, error) {
	parts := strings.SplitN(text, "|", recordParts)
	if len(parts) != recordParts {
		return Record{}, fmt.Errorf("it has %d parts", len(parts))
	}
	status, known := statusLetters[parts[partStatus]]
	if !known {
		return Record{}, errors.New("its status is none")
	}
	var wrong error
	number := func(part, bits int, required bool) int64 {
		if parts[part] == "" && !required {
			return 0
		}
		value, err := strconv.ParseUint(parts[part], 10, bits)
		if (err != nil || value == 0) && wrong == nil {
			wrong = fmt.Errorf("its part %s is no whole number above 0", RecordParts()[part])
		}
		return int64(value)
	}
	record := Record{
		Status:    status,
		Promoted:  number(partPromoted, 63, false),
		Cancelled: number(partCancelled, 63, false),
		Quantity:  number(partQuantity, 32, true),
		Version:   number(partVersion, 63, true),
		Before:    ParseShortID(parts[partBefore]),
		Older:     ParseShortID(parts[partOlder]),
		Sequence:  number(partSequence, 32, false),
		Position:  number(partPosition, 32, false),
		User:      parts[partUser],
	}
	created, err := strconv.ParseInt(parts[partCreatedAt], 10, 64)
	if err != nil && wrong == nil {
		wrong = fmt.Errorf("its part %s is no whole number", RecordParts()[partCreatedAt])
	}
	record.CreatedAt = time.UnixMilli(created).UTC()
	record.FreedFirst, record.FreedCount, err = parseFreed(parts[partFreed])
	return record, cmp.Or(wrong, err)
}

func parseFreed(text string) (first ShortID, count int64, err error) {
	if text == "" {
		return ShortID{}, 0, nil
	}
	name, several, ok := strings.Cut(text, "+")
	if !ok {
		several = "1"
	}
	count, err = strconv.ParseInt(several, 10, 32)
	first = ParseShortID(name)
	if err != nil || count < 1 || first == (ShortID{}) || first == InvalidShortID {
		return ShortID{}, 0, fmt.Errorf("its part %s is not whom it promoted", RecordParts()[partFreed])
	}
	return first, count, nil
}
