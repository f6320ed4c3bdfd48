package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// EventRef names an event, by its number alone or by its UUID.
type EventRef struct {
	number uint64
	uuid   string // empty: whatever event has the number
}

// EventNumber refers to the event of this number.
func EventNumber(number uint64) EventRef { return EventRef{number: number} }

// EventUUID refers to the event of this id. An id that this service did not make
// refers to no event.
func EventUUID(id uuid.UUID) EventRef {
	number, ok := numberOf(id)
	if !ok {
		return EventRef{}
	}
	return EventRef{number: number, uuid: id.String()}
}

// Number returns the event's number, or 0 if no event can be meant.
func (r EventRef) Number() uint64 {
	if !r.exists() {
		return 0
	}
	return r.number
}

// exists is false if no event can be meant, whatever the store holds.
func (r EventRef) exists() bool { return r.number > 0 && r.number <= maxNumber }

// State says what an event takes.
type State string

// The states of an event.
const (
	StateOpen   State = "open"   // takes bookings and cancellations, promotes
	StatePaused State = "paused" // takes cancellations; promotes nobody until it is open again
	StateClosed State = "closed" // takes cancellations; promotes nobody, and never opens again
)

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

// eventFields are those of an event's hash that show it. The first two have parts,
// with | between them, as event.lua writes them.
var eventFields = []string{"settings", "counters", "name", "createdAt"}

// settingsParts and countersParts name the parts.
var (
	settingsParts = []string{"format", "state", "total", "maxPerUser", "waitlistLimit", "uuid"}
	countersParts = []string{"version", "confirmed", "waiting", "lastJoined", "lastServed", "promotionsDue", "latest"}
)

// knownFormat is the format of an event that this package and its scripts know. It
// tells whether all else means what it does here.
const knownFormat = "1"

func formatOf(settings string) string {
	format, _, _ := strings.Cut(settings, "|")
	return format
}

// splitParts adds the parts of a field to values, by their names.
func splitParts(values map[string]string, names []string, field string) error {
	parts := strings.SplitN(field, "|", len(names))
	if len(parts) != len(names) {
		return fmt.Errorf("%d parts, not %d", len(parts), len(names)) // not what they are: this goes into the log
	}
	for i, name := range names {
		values[name] = parts[i]
	}
	return nil
}

// Event reads one event. Errors: ErrEventNotFound, ErrUnavailable.
func (s *Store) Event(ctx context.Context, ref EventRef) (Event, error) {
	if !ref.exists() {
		return Event{}, ErrEventNotFound
	}
	permit, err := s.acquireRead(ctx, eventKey(ref.number))
	if err != nil {
		return Event{}, err
	}
	defer permit.release()
	return s.event(ctx, ref)
}

func (s *Store) event(ctx context.Context, ref EventRef) (Event, error) {
	var values []any
	err := s.retry(ctx, "read event", func() (err error) {
		values, err = s.client.HMGet(ctx, eventKey(ref.number), eventFields...).Result()
		return err
	})
	if err != nil {
		return Event{}, err
	}
	event, found, err := parseEvent(ref.number, values)
	if err != nil {
		return Event{}, err
	}
	if !found || (ref.uuid != "" && ref.uuid != event.UUID.String()) {
		return Event{}, ErrEventNotFound
	}
	return event, nil
}

// EventPage is a page of events, newest first.
type EventPage struct {
	Events []Event
	Next   string // cursor of the next page, empty on the last
}

// Events reads up to limit events, starting at the cursor of a former page, or at
// the newest. Errors: ErrBadCursor, ErrUnavailable.
func (s *Store) Events(ctx context.Context, cursor string, limit int) (EventPage, error) {
	start, err := s.firstNumber(ctx, cursor)
	if err != nil {
		return EventPage{}, err
	}
	permit, err := s.inFlight.acquire(allMasters{})
	if err != nil {
		return EventPage{}, err
	}
	defer permit.release()
	var page EventPage
	// A number whose creation never finished has no event, so one round may not do.
	for number := start; number > 0; {
		last := uint64(0)
		if missing := uint64(limit - len(page.Events)); number > missing {
			last = number - missing
		}
		if last == number {
			page.Next = strconv.FormatUint(number, 10)
			break
		}
		events, err := s.eventsBetween(ctx, number, last)
		if err != nil {
			return EventPage{}, err
		}
		page.Events = append(page.Events, events...)
		number = last
	}
	return page, nil
}

// firstNumber is the number that a page starts with: the cursor's, or the last given.
func (s *Store) firstNumber(ctx context.Context, cursor string) (uint64, error) {
	permit, err := s.acquireRead(ctx, eventsKey)
	if err != nil {
		return 0, err
	}
	defer permit.release()
	var last uint64
	err = s.retry(ctx, "read last event number", func() (err error) {
		last, err = s.client.HGet(ctx, eventsKey, "last").Uint64()
		if errors.Is(err, redis.Nil) {
			last, err = 0, nil
		}
		return err
	})
	if err != nil || cursor == "" {
		return last, err
	}
	number, err := strconv.ParseUint(cursor, 10, 48)
	if err != nil || number == 0 {
		return 0, ErrBadCursor
	}
	return min(number, last), nil
}

// eventsBetween reads the events of first, first-1 ... last+1 in one round trip.
func (s *Store) eventsBetween(ctx context.Context, first, last uint64) ([]Event, error) {
	var replies []*redis.SliceCmd
	err := s.retry(ctx, "read events", func() error {
		replies = replies[:0]
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for number := first; number > last; number-- {
				replies = append(replies, pipe.HMGet(ctx, eventKey(number), eventFields...))
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	var events []Event
	for i, one := range replies {
		event, found, err := parseEvent(first-uint64(i), one.Val())
		if err != nil {
			return nil, err
		}
		if found {
			events = append(events, event)
		}
	}
	return events, nil
}

// parseEvent reads the values of eventFields. found is false if there is no event.
func parseEvent(number uint64, values []any) (event Event, found bool, err error) {
	if len(values) != len(eventFields) {
		return Event{}, false, fmt.Errorf("event %d: %d values", number, len(values))
	}
	if values[0] == nil {
		return Event{}, false, nil
	}
	if settings, ok := values[0].(string); ok && formatOf(settings) != knownFormat {
		return Event{}, false, fmt.Errorf("event %d: %w: %q", number, ErrUnknownFormat, formatOf(settings))
	}
	fields := make(map[string]string, len(values)+len(settingsParts)+len(countersParts))
	for i, value := range values {
		text, ok := value.(string)
		if !ok {
			return Event{}, false, fmt.Errorf("event %d has no field %s", number, eventFields[i])
		}
		fields[eventFields[i]] = text
	}
	for field, parts := range map[string][]string{"settings": settingsParts, "counters": countersParts} {
		if err := splitParts(fields, parts, fields[field]); err != nil {
			return Event{}, false, fmt.Errorf("event %d, field %s: %w", number, field, err)
		}
	}
	integer := func(name string) int64 {
		value, parseErr := strconv.ParseInt(fields[name], 10, 64)
		if parseErr != nil && err == nil {
			err = fmt.Errorf("event %d, field %s: %w", number, name, parseErr)
		}
		return value
	}
	id, parseErr := uuid.Parse(fields["uuid"])
	if parseErr != nil {
		return Event{}, false, fmt.Errorf("event %d, field uuid: %w", number, parseErr)
	}
	event = Event{
		Number:        number,
		UUID:          id,
		Name:          fields["name"],
		State:         State(fields["state"]),
		TotalTickets:  integer("total"),
		Confirmed:     integer("confirmed"),
		Waiting:       integer("waiting"),
		MaxPerUser:    integer("maxPerUser"),
		WaitlistLimit: integer("waitlistLimit"),
		Version:       integer("version"),
		CreatedAt:     time.UnixMilli(integer("createdAt")).UTC(),
	}
	return event, true, err
}
