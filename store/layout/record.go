package layout

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A booking is one field of its event's hash: its short id, and a record with | between
// its parts. The scripts write it; the first four parts change, the rest is what replays
// are answered from.

// Parts of a record, in order. booking.lua, which writes it, says what they are.
const (
	partStatus = iota
	partPromoted
	partCancelled
	partNext
	partPromotedCount
	partQuantity
	partCreatedAt
	partVersion
	partOlder
	partSequence
	partPosition
	partUser // last, since it may contain |
	recordParts
)

// RecordParts names the parts of a record, in order.
func RecordParts() []string {
	return []string{
		"status", "promotedVersion", "cancelledVersion", "nextBooking", "promotedCount", "quantity", "createdAt",
		"version", "older", "sequence", "position", "user",
	}
}

// Record is what an event's hash holds of one booking.
type Record struct {
	Status Status
	History
	Next          ShortID
	PromotedCount int64 // bookings that its cancellation promoted; Next is the first of them
	Quantity      int64 // tickets
	CreatedAt     time.Time
	Version       int64   // of the event when it was booked
	Older         ShortID // the user's next older live booking, unless it is the oldest; may be InvalidShortID
	Sequence      int64   // the number drawn when it joined the waiting list, or 0
	Position      int64   // in the waiting list when it was booked, 1 = next; or 0
	User          string
}

// ParseRecord reads a record. It does not judge whether the parts can be true together.
// The error does not quote the record, which names the user.
func ParseRecord(text string) (Record, error) {
	parts := strings.SplitN(text, "|", recordParts)
	if len(parts) != recordParts {
		return Record{}, fmt.Errorf("it has %d parts", len(parts))
	}
	if len(parts[partStatus]) != 2 {
		return Record{}, errors.New("its status is not two letters")
	}
	status, known := statusLetters[parts[partStatus][:1]]
	first, firstKnown := statusLetters[parts[partStatus][1:]]
	if !known || !firstKnown {
		return Record{}, errors.New("its status is unknown")
	}
	var wrong error
	number := func(part, bits int, required bool) int64 {
		if parts[part] == "" && !required {
			return 0
		}
		value, ok := wholeNumber(parts[part])
		if (!ok || value == 0 || value >= 1<<bits) && wrong == nil {
			wrong = fmt.Errorf("its part %s is not a whole number above 0", RecordParts()[part])
		}
		return value
	}
	record := Record{
		Status:        status,
		History:       History{First: first, Promoted: number(partPromoted, 62, false), Cancelled: number(partCancelled, 62, false)},
		Next:          ParseShortID(parts[partNext]),
		PromotedCount: number(partPromotedCount, 31, false),
		Quantity:      number(partQuantity, 32, true),
		Version:       number(partVersion, 62, true),
		Older:         ParseShortID(parts[partOlder]),
		Sequence:      number(partSequence, 32, false),
		Position:      number(partPosition, 32, false),
		User:          parts[partUser],
	}
	created, ok := instant(parts[partCreatedAt])
	if !ok && wrong == nil {
		wrong = fmt.Errorf("its part %s is not a time", RecordParts()[partCreatedAt])
	}
	record.CreatedAt = created
	if wrong == nil {
		wrong = record.checkPromoted()
	}
	return record, wrong
}

func (r Record) checkPromoted() error {
	if r.Next == InvalidShortID || (r.Next == ShortID{}) != (r.PromotedCount == 0) {
		return errors.New("it does not say which bookings it promoted, and how many")
	}
	return nil
}
