package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Event reads one event. Errors: ErrEventNotFound, ErrUnavailable.
func (s *Store) Event(ctx context.Context, ref EventRef) (Event, error) {
	if ref.Number() == 0 {
		return Event{}, ErrEventNotFound
	}
	return s.event(ctx, ref, conn.Query{})
}

// event reads an event the way that how says.
func (s *Store) event(ctx context.Context, ref EventRef, how conn.Query) (Event, error) {
	how.What = "read event"
	fields := layout.EventFields()
	args := make([]any, len(fields))
	for i, field := range fields {
		args[i] = field
	}
	answer, err := s.conn.Query(ctx, how, "hmget", layout.EventKey(ref.Number()), args...)
	if err != nil {
		return Event{}, err
	}
	values, err := answer.Slice()
	if err != nil {
		return Event{}, err
	}
	event, err := parseEvent(ref.Number(), values)
	if err != nil {
		return Event{}, err
	}
	if !ref.Matches(event.UUID) {
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
	var last uint64
	what := conn.Query{What: "read last event number"}
	err := s.conn.QueryAll(ctx, what, func(ctx context.Context, client redis.UniversalClient) (err error) {
		last, err = client.HGet(ctx, layout.EventsKey, layout.LastField).Uint64()
		if errors.Is(err, redis.Nil) {
			last, err = 0, nil
		}
		return err
	})
	if err != nil || cursor == "" {
		return last, err
	}
	number, valid := layout.ParseEventNumber(cursor)
	if !valid {
		return 0, ErrBadCursor
	}
	return min(number, last), nil
}

// eventsBetween reads the events of first, first-1 ... last+1 in one round trip.
func (s *Store) eventsBetween(ctx context.Context, first, last uint64) ([]Event, error) {
	var replies []*redis.SliceCmd
	err := s.conn.QueryAll(ctx, conn.Query{What: "read events"}, func(ctx context.Context, client redis.UniversalClient) error {
		replies = replies[:0]
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for number := first; number > last; number-- {
				replies = append(replies, pipe.HMGet(ctx, layout.EventKey(number), layout.EventFields()...))
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
		event, err := parseEvent(first-uint64(i), one.Val())
		if errors.Is(err, ErrEventNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// parseEvent reads the values of layout.EventFields. Errors: ErrEventNotFound,
// ErrUnknownFormat.
func parseEvent(number uint64, values []any) (Event, error) {
	event, err := layout.ParseEvent(number, values)
	if errors.Is(err, ErrUnknownFormat) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return event, err
}
