package layout

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// EventRef names an event, by its number alone or by its UUID. The zero value names none.
type EventRef struct {
	number uint64
	uuid   string // empty: whatever event has the number
}

// EventNumber refers to the event of this number.
func EventNumber(number uint64) EventRef { return EventRef{number: number} }

// EventUUID refers to the event of this id. An id that this service did not make
// refers to no event.
func EventUUID(id uuid.UUID) EventRef {
	number, ok := NumberOf(id)
	if !ok {
		return EventRef{}
	}
	return EventRef{number: number, uuid: id.String()}
}

// Number returns the event's number, or 0 if no event can be meant, whatever Redis holds.
func (r EventRef) Number() uint64 {
	if r.number > MaxNumber {
		return 0
	}
	return r.number
}

// UUID returns the event's id as the scripts take it: empty for whatever event has the
// number.
func (r EventRef) UUID() string { return r.uuid }

// Matches reports whether the event of this id, which has the number, is the one meant.
func (r EventRef) Matches(id uuid.UUID) bool { return r.uuid == "" || r.uuid == id.String() }

// State says what an event takes.
type State string

// The states of an event.
const (
	StateOpen   State = "open"   // takes bookings and cancellations, promotes
	StatePaused State = "paused" // takes cancellations; promotes nobody until it is open again
	StateClosed State = "closed" // takes cancellations; promotes nobody, and never opens again
)

// Known reports whether the state is one of those above.
func (s State) Known() bool { return slices.Contains([]State{StateOpen, StatePaused, StateClosed}, s) }

// Event is an event as it stood at Version.
type Event struct {
	Number        uint64
	UUID          uuid.UUID
	Name          string
	State         State
	TotalTickets  int64
	Confirmed     int64 // tickets
	Waiting       int64 // bookings
	MaxPerUser    int64 // tickets confirmed or waiting, 0 = no limit
	WaitlistLimit int64 // bookings, 0 = no limit
	Version       int64 // raised by one with every change
	CreatedAt     time.Time
}

// Available returns the tickets that are neither confirmed nor, while bookings
// wait, promised to anybody.
func (e Event) Available() int64 { return e.TotalTickets - e.Confirmed }

// Fields of an event's hash that are not of a booking, a user or a request.
const (
	SettingsField  = "settings"
	CountersField  = "counters"
	NameField      = "name"
	CreatedAtField = "createdAt"
	requestField   = "request" // what initialize.lua was asked for
)

// EventFields are those that show the event, in the order in which ParseEvent takes their
// values.
func EventFields() []string {
	return []string{SettingsField, CountersField, NameField, CreatedAtField}
}

// AllEventFields are all fields of an event's hash that are not of a booking, a user or a
// request. Every event has them.
func AllEventFields() []string { return append(EventFields(), requestField) }

// ParseEvent reads the values of EventFields. Errors: ErrEventNotFound if the hash is not
// there, ErrUnknownFormat.
func ParseEvent(number uint64, values []any) (Event, error) {
	names := EventFields()
	if len(values) != len(names) {
		return Event{}, fmt.Errorf("event %d: %d values", number, len(values))
	}
	if values[0] == nil {
		return Event{}, ErrEventNotFound
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i], _ = value.(string)
	}
	settings, err := ParseSettings(texts[0])
	if errors.Is(err, ErrUnknownFormat) {
		return Event{}, fmt.Errorf("event %d: %w", number, err)
	}
	for i, value := range values {
		if value == nil {
			return Event{}, fmt.Errorf("event %d has no field %s", number, names[i])
		}
	}
	counters, countersErr := ParseCounters(texts[1])
	createdAt, createdAtErr := ParseCreatedAt(texts[3])
	if err := errors.Join(err, countersErr, createdAtErr); err != nil {
		return Event{}, fmt.Errorf("event %d: %w", number, err)
	}
	return Event{
		Number:        number,
		UUID:          settings.UUID,
		Name:          texts[2],
		State:         settings.State,
		TotalTickets:  settings.TotalTickets,
		Confirmed:     counters.Confirmed,
		Waiting:       counters.Waiting,
		MaxPerUser:    settings.MaxPerUser,
		WaitlistLimit: settings.WaitlistLimit,
		Version:       counters.Version,
		CreatedAt:     createdAt,
	}, nil
}

// ParseCreatedAt reads when an event was created.
func ParseCreatedAt(text string) (time.Time, error) {
	milliseconds, err := parseNumber(CreatedAtField, text)
	return time.UnixMilli(milliseconds).UTC(), err
}
