package layout

import (
	"encoding/json"
	"errors"
	"fmt"
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
	ChangeHeld      ChangeKind = "held"      // tickets were held
	ChangeConfirmed ChangeKind = "confirmed" // a hold or an offer
	ChangeExtended  ChangeKind = "extended"  // a hold or an offer got a later deadline
	ChangeCancelled ChangeKind = "cancelled" // a booking, and what it freed promoted others
	ChangeReduced   ChangeKind = "reduced"   // a booking has fewer tickets, and those that it gave back promoted others
	ChangeExpired   ChangeKind = "expired"   // holds and offers, and what they freed promoted others
	ChangePromoted  ChangeKind = "promoted"  // bookings, in a step of their own
)

// Change is one entry of an event's log: what one version changed.
type Change struct {
	Kind      ChangeKind
	At        time.Time      // of a booking its record tells it, and this is zero
	By        string         // API key of the organizer who asked; may be empty
	Settings  SettingsChange // those that ChangeUpdated changed, as far as this version knows them
	Booking   ShortID        // which one, where it is one
	ExpiresAt Millis         // of ChangeExtended
	Quantity  int64          // tickets, of ChangeReduced
	Expired   []ShortID      // of ChangeExpired, in order of their deadlines
	Promoted  []ShortID      // of ChangeCancelled, ChangeReduced, ChangeExpired and ChangePromoted, in order
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
	when, ok := instant(at)
	if !ok {
		return Change{}, errors.New("an entry of the log without a time")
	}
	parse, known := changes[kind]
	if !known {
		return Change{}, fmt.Errorf("an entry of the log of the kind %q", kind)
	}
	change, err := parse(rest)
	change.At = when
	return change, err
}

// changes are the kinds of entries that have a time, each with how the rest of it is read.
var changes = map[string]func(rest string) (Change, error){
	"E": func(rest string) (Change, error) { return Change{Kind: ChangeCreated, By: rest}, nil },
	"U": parseUpdated,
	"H": parseOne(ChangeHeld),
	"C": parseOne(ChangeConfirmed),
	"D": parseExtended,
	"T": parseExpired,
	"X": parseCancelled,
	"R": parseReduced,
	"P": parsePromoted,
}

func parseUpdated(rest string) (Change, error) {
	var update struct {
		By       string          `json:"by"`
		Settings json.RawMessage `json:"settings"`
	}
	var names map[string]any
	change := Change{Kind: ChangeUpdated}
	err := json.Unmarshal([]byte(rest), &update)
	if err == nil {
		err = errors.Join(json.Unmarshal(update.Settings, &names), json.Unmarshal(update.Settings, &change.Settings))
	}
	if err != nil || len(names) == 0 {
		return Change{}, errors.New("an entry of the log without the settings that it changed")
	}
	change.By = update.By
	return change, nil
}

// parseOne reads an entry that names one booking and nothing else.
func parseOne(kind ChangeKind) func(rest string) (Change, error) {
	return func(rest string) (Change, error) {
		booking := ParseShortID(rest)
		if rest == "" || booking == InvalidShortID {
			return Change{}, errors.New("an entry of the log without its booking")
		}
		return Change{Kind: kind, Booking: booking}, nil
	}
}

func parseExtended(rest string) (Change, error) {
	booking, deadline, _ := strings.Cut(rest, "|")
	change, err := parseOne(ChangeExtended)(booking)
	expiresAt, ok := wholeNumber(deadline)
	if !ok && err == nil {
		err = errors.New("an entry of the log without the new deadline")
	}
	change.ExpiresAt = Millis(expiresAt)
	return change, err
}

func parseExpired(rest string) (Change, error) {
	ended, promoted, ok := strings.Cut(rest, "|")
	change := Change{Kind: ChangeExpired}
	var err, promotedErr error
	change.Expired, err = parseShortIDs(ended)
	change.Promoted, promotedErr = parseShortIDs(promoted)
	if !ok || len(change.Expired) == 0 && err == nil {
		err = errors.New("an entry of the log without the bookings that expired")
	}
	return change, errors.Join(err, promotedErr)
}

func parseCancelled(rest string) (Change, error) {
	booking, rest, _ := strings.Cut(rest, "|")
	promoted, by, ok := strings.Cut(rest, "|")
	change := Change{Kind: ChangeCancelled, Booking: ParseShortID(booking), By: by}
	if !ok || booking == "" || change.Booking == InvalidShortID {
		return Change{}, errors.New("an entry of the log without the booking that was cancelled")
	}
	var err error
	change.Promoted, err = parseShortIDs(promoted)
	return change, err
}

func parseReduced(rest string) (Change, error) {
	booking, rest, _ := strings.Cut(rest, "|")
	tickets, rest, _ := strings.Cut(rest, "|")
	promoted, by, ok := strings.Cut(rest, "|")
	change := Change{Kind: ChangeReduced, Booking: ParseShortID(booking), By: by}
	var isNumber bool
	change.Quantity, isNumber = wholeNumber(tickets)
	if !ok || !isNumber || change.Quantity == 0 || booking == "" || change.Booking == InvalidShortID {
		return Change{}, errors.New("an entry of the log without the booking that was reduced, and its tickets")
	}
	var err error
	change.Promoted, err = parseShortIDs(promoted)
	return change, err
}

func parsePromoted(rest string) (Change, error) {
	promoted, err := parseShortIDs(rest)
	if len(promoted) == 0 && err == nil {
		err = errors.New("an entry of the log without the bookings that were promoted")
	}
	return Change{Kind: ChangePromoted, Promoted: promoted}, err
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
