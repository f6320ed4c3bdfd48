package layout

import (
	"errors"
	"slices"
	"strings"
)

// FieldKind is what a field of an event's hash is about.
type FieldKind byte

// The kinds of fields.
const (
	FieldOfEvent FieldKind = iota // settings, counters, ..., or the mark of an answer that changed nothing
	FieldBooking                  // a booking's record
	FieldHolding                  // what a user's live bookings come to
	FieldNewer                    // the same user's next younger live booking
	FieldRequest                  // what a request to cancel or to change settings came to
)

// What the names of fields begin with.
const (
	holdingSign = '@'
	newerSign   = '>'
	requestSign = '!'
)

// Field is the name of a field of an event's hash.
type Field struct {
	Kind    FieldKind
	Booking ShortID // of FieldBooking and FieldNewer
	User    string  // of FieldHolding
	Request string  // of FieldRequest: its id
}

// ParseField reads the name of a field of an event's hash.
func ParseField(name string) (Field, error) {
	if name == markField || slices.Contains(AllEventFields(), name) {
		return Field{Kind: FieldOfEvent}, nil
	}
	field := Field{Kind: FieldBooking}
	if name != "" {
		switch name[0] {
		case holdingSign:
			return Field{Kind: FieldHolding, User: name[1:]}, nil
		case requestSign:
			return Field{Kind: FieldRequest, Request: name[1:]}, nil
		case newerSign:
			field.Kind, name = FieldNewer, name[1:]
		}
	}
	field.Booking = ParseShortID(name)
	if name == "" || field.Booking == InvalidShortID {
		return Field{}, errors.New("not one of an event")
	}
	return field, nil
}

// BookingField is the name of the field with a booking's record.
func BookingField(booking ShortID) string { return booking.String() }

// HoldingField is the name of the field with what a user's live bookings come to.
func HoldingField(user string) string { return string(holdingSign) + user }

// NewerField is the name of the field with the same user's next younger live booking.
func NewerField(booking ShortID) string { return string(newerSign) + booking.String() }

// RequestField is the name of the field with what a request came to.
func RequestField(request string) string { return string(requestSign) + request }

// Request is what a request came to: a change of settings or a cancellation.
type Request struct {
	Version   int64   // that a change of settings made, or that it found everything as asked at; or 0
	Made      bool    // the change made the version
	Cancelled ShortID // the booking that a user cancelled without naming it
}

// ParseRequest reads the value of a field of the kind FieldRequest. settings.lua writes those of
// changes.
func ParseRequest(text string) (Request, error) {
	if at := strings.IndexAny(text, ".="); at > 0 {
		version, ok := wholeNumber(text[:at])
		if made := text[at] == '.'; ok && version >= 1 && (version >= 2 || !made) {
			return Request{Version: version, Made: made}, nil
		}
	}
	booking := ParseShortID(text)
	if text == "" || booking == InvalidShortID {
		return Request{}, errors.New("neither a version nor a booking")
	}
	return Request{Cancelled: booking}, nil
}
