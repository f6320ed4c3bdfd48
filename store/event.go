package store

import (
	"context"
	"errors"
	"fmt"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Event reads one event. Errors: ErrEventNotFound, ErrDamaged, ErrUnavailable.
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
	answer, err := s.conn.Query(ctx, how, "hmget", s.keys.Event(ref.Number()), args...)
	if err != nil {
		return Event{}, damagedIfWrongType(err)
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
	s.finishLeftovers(event.Number, event.PromotionsDue, event.Deadline) //nolint:contextcheck // it outlives the request
	return event, nil
}

// parseEvent reads the values of layout.EventFields. Errors: ErrEventNotFound,
// ErrUnknownFormat, ErrDamaged.
func parseEvent(number uint64, values []any) (Event, error) {
	event, err := layout.ParseEvent(number, values)
	if errors.Is(err, ErrUnknownFormat) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return event, err
}
