package store

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// EventPage is a page of events, newest first. It may have fewer events than were asked for,
// or none, and a next page all the same.
type EventPage struct {
	Events []EventEntry
	Next   string // cursor of the next page, empty on the last
}

// EventEntry is an event of a list. If Err is set, it cannot be read, and only its number is
// known, and maybe its UUID.
type EventEntry struct {
	Event
	Err error // ErrDamaged, ErrUnknownFormat or nil
}

// What bounds the reading of a page: so many numbers in all, and in one round trip.
const (
	eventsWindow = 1000
	eventsStep   = 500
)

// Events reads up to limit events, starting at the cursor of a former page, or at the newest.
// It looks at a bounded count of numbers, some of which may have no event. Errors: ErrBadCursor,
// ErrDamaged (the counter of events), ErrUnavailable.
func (s *Store) Events(ctx context.Context, cursor string, limit int) (EventPage, error) {
	number, err := s.firstNumber(ctx, cursor)
	if err != nil {
		return EventPage{}, err
	}
	var page EventPage
	// A number whose creation never finished has no event. Where there are many of those, each
	// step looks at more numbers.
	least := number - min(number, eventsWindow)
	for step := limit; number > least && len(page.Events) < limit; step *= 2 {
		last := max(least, number-min(number, uint64(min(step, eventsStep))))
		entries, err := s.eventsBetween(ctx, number, last)
		if err != nil {
			return EventPage{}, err
		}
		number = last
		if surplus := len(page.Events) + len(entries) - limit; surplus > 0 {
			entries = entries[:len(entries)-surplus]
			number = entries[len(entries)-1].Number - 1
		}
		page.Events = append(page.Events, entries...)
	}
	if number > 0 {
		page.Next = strconv.FormatUint(number, 10)
	}
	return page, nil
}

// firstNumber is the number that a page starts with: the cursor's, or the last given. A cursor
// does without the last number if that cannot be read.
func (s *Store) firstNumber(ctx context.Context, cursor string) (uint64, error) {
	events, err := s.readEventsKey(ctx, conn.Query{})
	if err != nil {
		return 0, err
	}
	last, err := events.lastNumber()
	if cursor == "" {
		return last, err
	}
	number, valid := layout.ParseEventNumber(cursor)
	switch {
	case !valid:
		return 0, ErrBadCursor
	case err != nil:
		return number, nil //nolint:nilerr // what is wrong with the counter does not matter here
	default:
		return min(number, last), nil
	}
}

// eventsBetween reads the events of first, first-1 ... last+1 in one round trip.
func (s *Store) eventsBetween(ctx context.Context, first, last uint64) ([]EventEntry, error) {
	var replies []*redis.SliceCmd
	err := s.conn.QueryAll(ctx, conn.Query{What: "read events"}, func(ctx context.Context, client redis.UniversalClient) error {
		replies = replies[:0]
		_, _ = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for number := first; number > last; number-- {
				replies = append(replies, pipe.HMGet(ctx, s.keys.Event(number), layout.EventFields()...))
			}
			return nil
		})
		for _, reply := range replies {
			if err := reply.Err(); err != nil && !conn.IsWrongType(err) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var entries []EventEntry
	for i, reply := range replies {
		number := first - uint64(i)
		if err := reply.Err(); err != nil {
			entries = append(entries, EventEntry{Event: Event{Number: number}, Err: damagedIfWrongType(err)})
			continue
		}
		event, err := parseEvent(number, reply.Val())
		if errors.Is(err, ErrEventNotFound) {
			continue
		}
		s.finishLeftovers(number, event.PromotionsDue, event.Deadline) //nolint:contextcheck // it outlives the request
		entries = append(entries, EventEntry{Event: event, Err: err})
	}
	return entries, nil
}
