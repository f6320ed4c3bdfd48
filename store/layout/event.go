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
	Number uint64
	UUID   uuid.UUID
	Settings
	Confirmed int64 // tickets
	Held      int64 // tickets of holds and offers
	Waiting   int64 // bookings
	Version   int64 // raised by one with every change
	CreatedAt time.Time

	Deadline Millis // the earliest of a hold or an offer, or 0; it may have passed a moment ago

	PromotionsDue bool // waiting bookings are still to be promoted; it makes no version
}

// Available returns the tickets that are neither confirmed nor held. While bookings wait, a
// newcomer gets none of them.
func (e Event) Available() int64 { return e.TotalTickets - e.Confirmed - e.Held }

// OnSale reports whether the event is open and in its window. The time is the caller's; scripts go
// by Redis's.
func (e Event) OnSale(now time.Time) bool {
	at := MillisOf(now)
	return e.State == StateOpen && at >= e.OpensAt && (e.ClosesAt == 0 || at < e.ClosesAt)
}

// Bookable returns how many tickets newcomers can get now: none while anybody waits, or the event
// is not on sale. One booking gets at most MaxQuantity of them.
func (e Event) Bookable(now time.Time) int64 {
	if !e.OnSale(now) || e.Waiting > 0 {
		return 0
	}
	return e.Available()
}

// Fields of an event's hash that are neither a setting nor of a booking, a user or a
// request.
const (
	CountersField      = "counters"
	UUIDField          = "uuid"
	CreatedAtField     = "createdAt"
	FirstSettingsField = "request" // the settings that initialize.lua was given
)

// EventFields are the fields that show the event, in the order in which ParseEvent takes
// their values.
func EventFields() []string {
	return append([]string{CountersField, UUIDField, CreatedAtField}, SettingsFields()...)
}

// RequiredFields are the fields that every event has, apart from its settings.
func RequiredFields() []string {
	return []string{CountersField, UUIDField, CreatedAtField, FirstSettingsField}
}

// AllEventFields are all fields of an event's hash that are not of a booking, a user or a
// request.
func AllEventFields() []string { return append(EventFields(), FirstSettingsField) }

// ParseEvent reads the values of EventFields. Errors: ErrEventNotFound if the hash has no
// such field at all, ErrUnknownFormat, ErrDamaged. Along with the last two, the event has its
// number, and its UUID if that can be read.
func ParseEvent(number uint64, values []any) (Event, error) {
	names := EventFields()
	if len(values) != len(names) {
		return Event{}, fmt.Errorf("event %d: %d values", number, len(values))
	}
	if !slices.ContainsFunc(values, func(value any) bool { return value != nil }) {
		return Event{}, ErrEventNotFound
	}
	fields := map[string]string{}
	for i, value := range values {
		if text, ok := value.(string); ok {
			fields[names[i]] = text
		}
	}
	id, idErr := ParseUUID(fields[UUIDField])
	counters, err := ParseCounters(fields[CountersField])
	if errors.Is(err, ErrUnknownFormat) {
		return Event{Number: number, UUID: id}, fmt.Errorf("event %d: %w", number, err)
	}
	settings, settingsErr := ParseSettings(fields)
	if settingsErr == nil && !settings.State.Known() {
		settingsErr = wrongField("state", string(settings.State))
	}
	createdAt, createdAtErr := ParseCreatedAt(fields[CreatedAtField])
	if err := errors.Join(err, settingsErr, idErr, createdAtErr); err != nil {
		return Event{Number: number, UUID: id}, fmt.Errorf("event %d: %w: %w", number, ErrDamaged, err)
	}
	return Event{
		Number:    number,
		UUID:      id,
		Settings:  settings,
		Confirmed: counters.Confirmed,
		Held:      counters.Held,
		Waiting:   counters.Waiting,
		Version:   counters.Version,
		CreatedAt: createdAt,

		Deadline:      counters.Deadline,
		PromotionsDue: counters.PromotionsDue,
	}, nil
}

// ParseCreatedAt reads when an event was created.
func ParseCreatedAt(text string) (time.Time, error) {
	at, ok := instant(text)
	if !ok {
		return time.Time{}, wrongField(CreatedAtField, text)
	}
	return at, nil
}
