package layout

import (
	"fmt"
	"slices"
	"strings"
)

// countersParts names the parts of an event's counters, in order, as event.lua writes them.
var countersParts = []string{"format", "version", "confirmed", "held", "waiting", "lastJoined", "lastServed", "promotionsDue", "deadline"}

// CountersParts names the parts of an event's counters, in order.
func CountersParts() []string { return slices.Clone(countersParts) }

// knownFormat is the format of an event that this package and the scripts know. It
// decides whether everything else means what it does here.
const knownFormat = "1"

// Counters are what an event counts.
type Counters struct {
	Version       int64  // raised by one with every change
	Confirmed     int64  // tickets
	Held          int64  // tickets of holds and offers
	Waiting       int64  // bookings
	LastJoined    int64  // the last sequence number drawn
	LastServed    int64  // all sequence numbers up to this one were promoted or withdrew
	PromotionsDue bool   // promote.lua has work
	Deadline      Millis // the earliest of a hold or an offer, or 0
}

// ParseCounters reads the field CountersField. Each gives the parts of the error one by
// one. Errors: ErrUnknownFormat.
func ParseCounters(text string) (Counters, error) {
	format, _, hasFormat := strings.Cut(text, "|")
	if hasFormat && format != "" && format != knownFormat {
		return Counters{}, fmt.Errorf("%w: %q", ErrUnknownFormat, format)
	}
	p, err := splitParts(countersParts, text)
	if err != nil {
		return Counters{}, fmt.Errorf("field %s: %w", CountersField, err)
	}
	if format != knownFormat {
		p.errs = append(p.errs, wrongField("format", format))
	}
	promotionsDue := p.values["promotionsDue"]
	if promotionsDue != "0" && promotionsDue != "1" {
		p.errs = append(p.errs, wrongField("promotionsDue", promotionsDue))
	}
	return Counters{
		Version:       p.number("version"),
		Confirmed:     p.number("confirmed"),
		Held:          p.number("held"),
		Waiting:       p.number("waiting"),
		LastJoined:    p.number("lastJoined"),
		LastServed:    p.number("lastServed"),
		PromotionsDue: promotionsDue == "1",
		Deadline:      Millis(p.number("deadline")),
	}, p.err()
}
