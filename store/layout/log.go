package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ChangeKind is what a change of an event is.
type ChangeKind string

// The kinds of changes.
const (
	ChangeCreated   ChangeKind = "created"   // the event
	ChangeUpdated   ChangeKind = "updated"   // its settings
	ChangeBooked    ChangeKind = "booked"    // a booking, whose record says the rest
	ChangeCancelled ChangeKind = "cancelled" // a booking, and what it freed promoted others
	ChangePromoted  ChangeKind = "promoted"  // bookings, in a step of their own
)

// Change is one entry of an event's log: what one version changed.
type Change struct {
	Kind     ChangeKind
	At       time.Time                  // of a booking its record tells it, and this is zero
	By       string                     // API key that asked, of ChangeCreated and ChangeUpdated; may be empty
	Settings map[string]json.RawMessage // those that ChangeUpdated changed, by the names of their fields
	Booking  ShortID                    // of ChangeBooked and ChangeCancelled
	Promoted []ShortID                  // of ChangeCancelled and ChangePromoted, in order
}

// ParseChange reads an entry of the log. log.lua, which writes it, says what it consists of.
func ParseChange(text string) (Change, error) {
	kind, rest, several := strings.Cut(text, "|")
	if !several {
		booking := ParseShortID(text)
		if text == "" || booking == InvalidShortID {
			return Change{}, errors.New("not an entry of the log")
		}
		return Change{Kind: ChangeBooked, Booking: booking}, nil
	}
	at, rest, _ := strings.Cut(rest, "|")
	milliseconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return Change{}, errors.New("an entry of the log without a time")
	}
	change := Change{At: time.UnixMilli(milliseconds).UTC()}
	switch kind {
	case "E":
		change.Kind, change.By = ChangeCreated, rest
	case "U":
		var update struct {
			By       string                     `json:"by"`
			Settings map[string]json.RawMessage `json:"settings"`
		}
		if err := json.Unmarshal([]byte(rest), &update); err != nil || len(update.Settings) == 0 {
			return Change{}, errors.New("an entry of the log without the settings that it changed")
		}
		change.Kind, change.By, change.Settings = ChangeUpdated, update.By, update.Settings
	case "X":
		booking, promoted, ok := strings.Cut(rest, "|")
		change.Kind, change.Booking = ChangeCancelled, ParseShortID(booking)
		if !ok || booking == "" || change.Booking == InvalidShortID {
			return Change{}, errors.New("an entry of the log without the booking that was cancelled")
		}
		change.Promoted, err = parseShortIDs(promoted)
	case "P":
		change.Kind = ChangePromoted
		if change.Promoted, err = parseShortIDs(rest); len(change.Promoted) == 0 {
			return Change{}, errors.New("an entry of the log without the bookings that were promoted")
		}
	default:
		return Change{}, fmt.Errorf("an entry of the log of the kind %q", kind)
	}
	return change, err
}

// parseShortIDs reads short ids of bookings with commas between them.
func parseShortIDs(text string) ([]ShortID, error) {
	if text == "" {
		return nil, nil
	}
	var ids []ShortID
	for one := range strings.SplitSeq(text, ",") {
		id := ParseShortID(one)
		if one == "" || id == InvalidShortID {
			return nil, errors.New("an entry of the log with a promoted booking that is none")
		}
		ids = append(ids, id)
	}
	return ids, nil
}
