package layout

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A booking is one field of its event's hash: its short id, and a record with | between
// its parts. The scripts write it; the parts up to quantity change, and so does older; the
// rest is what replays are answered from.

// Parts of a record, in order. booking.lua, which writes it, says what they are.
const (
	partStatus = iota
	partPromoted
	partConfirmed
	partCancelled
	partExpired
	partExpiresAt
	partQuantity
	partCreatedAt
	partVersion
	partOlder
	partSequence
	partPosition
	partSeconds
	partReference
	partUser // last, since it may contain |
	recordParts
)

// RecordParts names the parts of a record, in order.
func RecordParts() []string {
	return []string{
		"status", "promoted", "confirmed", "cancelled", "expired", "expiresAt", "quantity", "createdAt",
		"version", "older", "sequence", "position", "seconds", "reference", "user",
	}
}

// Record is what an event's hash holds of one booking.
type Record struct {
	Status Status
	History
	Quantity     int64 // tickets
	Reduced      Reduced
	CreatedAt    time.Time
	Version      int64   // of the event when it was booked
	Older        ShortID // the user's next older live booking, unless it is the oldest; may be InvalidShortID
	Sequence     int64   // the number drawn when it joined the waiting list, or 0
	Position     int64   // in the waiting list when it was booked, 1 = next; or 0
	AskedSeconds int64   // of a hold, as it was asked for; 0 if that was left to the event
	HeldSeconds  int64   // of a hold, as it was given; else 0
	Reference    string  // the shop's own text
	User         string
}

// Reduced is what a booking was before it was left with fewer tickets. It is empty of one that never was.
type Reduced struct {
	From    int64 // tickets, as they were booked
	Version int64 // of the event, when it was reduced last
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
	p := recordReader{parts: parts}
	record := Record{
		Status: status,
		History: History{
			First: first, Promoted: p.moment(partPromoted), Confirmed: p.moment(partConfirmed), Cancelled: p.moment(partCancelled),
			Expired: p.moment(partExpired), ExpiresAt: Millis(p.number(partExpiresAt, 62, false)),
		},
		Version:  p.number(partVersion, 62, true),
		Older:    ParseShortID(parts[partOlder]),
		Sequence: p.number(partSequence, 32, false),
		Position: p.number(partPosition, 32, false),
		User:     parts[partUser],
	}
	record.Quantity, record.Reduced = p.quantity()
	var ok bool
	if record.CreatedAt, ok = instant(parts[partCreatedAt]); !ok {
		p.wrongf("its part %s is not a time", RecordParts()[partCreatedAt])
	}
	if err := record.parseSeconds(parts[partSeconds]); err != nil {
		p.wrongf("%w", err)
	}
	if record.Reference, ok = decodeReference(parts[partReference]); !ok {
		p.wrongf("its reference is not one")
	}
	return record, p.wrong
}

// recordReader reads the parts of a record, and remembers the first thing that is wrong.
type recordReader struct {
	parts []string
	wrong error
}

func (p *recordReader) wrongf(format string, args ...any) {
	if p.wrong == nil {
		p.wrong = fmt.Errorf(format, args...)
	}
}

// number reads a number above 0 and below 2 to the power of bits, or 0 for an empty part.
func (p *recordReader) number(part, bits int, required bool) int64 {
	if p.parts[part] == "" && !required {
		return 0
	}
	value, ok := wholeNumber(p.parts[part])
	if !ok || value == 0 || value >= 1<<bits {
		p.wrongf("its part %s is not a whole number above 0", RecordParts()[part])
	}
	return value
}

// quantity reads the tickets of a booking, and those that it had before it was reduced.
func (p *recordReader) quantity() (tickets int64, before Reduced) {
	now, reduced, isReduced := strings.Cut(p.parts[partQuantity], "/")
	tickets, ok := wholeNumber(now)
	if isReduced {
		from, version, _ := strings.Cut(reduced, "@")
		var fromOK, versionOK bool
		before.From, fromOK = wholeNumber(from)
		before.Version, versionOK = wholeNumber(version)
		ok = ok && fromOK && versionOK && before.From > tickets && before.Version > 0
	}
	if !ok || tickets == 0 || max(tickets, before.From) >= 1<<32 {
		p.wrongf("its part %s is not a whole number above 0, or such numbers as a reduction leaves", RecordParts()[partQuantity])
	}
	return tickets, before
}

func (p *recordReader) moment(part int) Moment {
	if p.parts[part] == "" {
		return Moment{}
	}
	version, at, several := strings.Cut(p.parts[part], "@")
	number, ok := wholeNumber(version)
	when, isTime := wholeNumber(at)
	if !several || !ok || number == 0 || !isTime || when == 0 || when > lastMillisecond {
		p.wrongf("its part %s is not a version and a time", RecordParts()[part])
	}
	return Moment{number, Millis(when)}
}

// parseSeconds reads how long a hold was asked for, and how long it was given.
func (r *Record) parseSeconds(text string) error {
	asked, given, isHold := strings.Cut(text, ":")
	if isHold != r.First.Ends() || !isHold && text != "" {
		return errors.New("its seconds do not fit its first status")
	}
	if !isHold {
		return nil
	}
	var askedOK, givenOK bool
	r.AskedSeconds, askedOK = wholeNumber(asked)
	r.HeldSeconds, givenOK = wholeNumber(given)
	if !askedOK || !givenOK || r.HeldSeconds == 0 {
		return errors.New("its seconds are no numbers")
	}
	return nil
}

// A reference stands in the middle of a record, so what separates parts is written otherwise.
var (
	referenceEncoder = strings.NewReplacer("%", "%25", "|", "%7C")
	referenceDecoder = strings.NewReplacer("%25", "%", "%7C", "|")
)

// EncodeReference returns a reference as scripts take it.
func EncodeReference(reference string) string { return referenceEncoder.Replace(reference) }

func decodeReference(text string) (reference string, ok bool) {
	reference = referenceDecoder.Replace(text)
	return reference, EncodeReference(reference) == text
}
