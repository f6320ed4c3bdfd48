package layout

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// completedNote stands behind the number of a creation whose event was made, see
// complete.lua. The event was there before the note, and nothing deletes an event: so
// whoever reads the note first and the event second, and finds none, knows that it was
// lost, even while events are created.
const completedNote = "+"

// Creation is one that was given a number, as the hash of all events has it.
type Creation struct {
	ID        ShortID
	Number    uint64 // of the event
	Completed bool   // its event was made
}

// Event is the id of the event that the creation made.
func (c Creation) Event() uuid.UUID { return NewID(c.Number, c.ID) }

// IsCreation reports whether a field of the hash of all events should be a creation's.
func IsCreation(name string) bool {
	return name != LastField && name != StoreField && name != markField
}

// ParseCreation reads a field of the hash of all events. Along with an error, Number is
// that of an event all the same, or 0.
func ParseCreation(name, value string) (Creation, error) {
	value, completed := strings.CutSuffix(value, completedNote)
	number, valid := ParseEventNumber(value)
	id, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || len(id) != shortIDBytes || !valid {
		return Creation{Number: number}, errors.New("not a creation's number")
	}
	return Creation{ID: ShortID(id), Number: number, Completed: completed}, nil
}

// ParseLast reads the field LastField. It is invalid if no number can be given after it.
func ParseLast(text string) (last uint64, valid bool) {
	if text == "0" {
		return 0, true
	}
	last, valid = ParseEventNumber(text)
	return last, valid && text[0] != '0'
}

// ParseEventNumber reads the number of an event; 0 if it is none.
func ParseEventNumber(text string) (number uint64, valid bool) {
	number, err := strconv.ParseUint(text, 10, 48)
	if err != nil || number == 0 {
		return 0, false
	}
	return number, true
}
