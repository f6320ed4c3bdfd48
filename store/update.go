package store

import (
	"context"
	"errors"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// UpdateRequest changes settings of an event. Bookings that were made before stay, whatever
// the new limits are.
type UpdateRequest struct {
	Event EventRef
	SettingsChange
	IfVersion      []int64 // the event must be at one of these; nil: at any
	IdempotencyKey string  // the same key of the same event and By changes once; may be empty
	By             string  // name of the API key that asks, for the event's log; may be empty
}

// UpdateResult is an event after a change.
type UpdateResult struct {
	Event    Event       // as it is now
	Promoted []Promotion // by the change, in order; the first MostPromoted of them
	Replayed bool        // the same request changed it before, and others may have done so since

	Sold // only with ErrCapacityBelowConfirmed
}

// MostPromoted is how many bookings an UpdateResult names.
const MostPromoted = 250

// Sold is what a total cannot be lower than.
type Sold struct {
	Confirmed, Held int64  // tickets
	HeldUntil       Millis // the last deadline of what is held, if nothing is extended
}

// Update changes an event, promotes from the waiting list as far as a raised
// total or a reopened event allows, and returns the event after that.
//
// Errors: ErrEventNotFound, ErrEventClosed (a closed event never opens again),
// ErrCapacityBelowConfirmed, ErrVersionMismatch, ErrIdempotencyMismatch, ErrStorageFull,
// ErrUnavailable.
func (s *Store) Update(ctx context.Context, request UpdateRequest) (UpdateResult, error) {
	event := request.Event
	if event.Number() == 0 {
		return UpdateResult{}, ErrEventNotFound
	}
	number := event.Number()
	permit, err := s.conn.Acquire(ctx, conn.Change, s.keys.Event(number))
	if err != nil {
		return UpdateResult{}, err
	}
	defer permit.Release()
	s.register(ctx, number)
	r, err := s.callEvent(ctx, number, conn.Call{
		Script:    updateScript,
		Keys:      s.updateKeys(number),
		Args:      append([]any{event.UUID()}, request.arguments()...),
		Unbounded: true,
	})
	if errors.Is(err, ErrUnavailable) { // the change may have been made, and then there is work
		s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
	}
	if err != nil && !errors.Is(err, ErrCapacityBelowConfirmed) {
		return UpdateResult{}, err
	}
	version, promotionsDue, replayed := r.Integer(), r.Flag(), r.Flag()
	confirmed, held, until := r.Integer(), r.Integer(), layout.Millis(r.Integer())
	if wrong := r.End("updated", "capacity_below_confirmed"); wrong != nil {
		return UpdateResult{}, wrong
	}
	if err != nil {
		return UpdateResult{Sold: Sold{Confirmed: confirmed, Held: held, HeldUntil: until}}, err
	}
	result := UpdateResult{Replayed: replayed}
	if promotionsDue {
		if err := s.promoteAll(ctx, number); err != nil {
			s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
			return UpdateResult{}, afterChange("promote", err)
		}
	}
	if promotionsDue || replayed {
		if result.Promoted, err = s.promotedAfter(ctx, number, version); err != nil {
			return UpdateResult{}, afterChange("read whom it promoted", err)
		}
	}
	result.Event, err = s.event(ctx, event, conn.Query{Unbounded: true})
	return result, afterChange("read the changed event", err)
}

// updateKeys are those of update.lua.
func (s *Store) updateKeys(number uint64) []string {
	return []string{s.keys.Event(number), s.keys.Log(number), s.keys.Waitlist(number), s.keys.Deadlines(number)}
}

// promotedCalls bounds the calls that look for promotions: while they are made, others may book.
const promotedCalls = 10

// promotedAfter returns the first bookings that a change of settings at a version promoted.
func (s *Store) promotedAfter(ctx context.Context, number uint64, version int64) (promoted []Promotion, err error) {
	for range promotedCalls {
		r, err := s.call(ctx, conn.Call{
			Script: promotedScript, Keys: []string{s.keys.Event(number), s.keys.Log(number)},
			Args: []any{version, MostPromoted - len(promoted)}, Unbounded: true,
		})
		if err != nil {
			return nil, err
		}
		next, rows := r.Integer(), r.List()
		if err := r.End("found"); err != nil {
			return nil, err
		}
		for rows.More() {
			one, err := promotion(number, rows.Integer(), rows)
			if err != nil {
				return nil, err
			}
			promoted = append(promoted, one)
		}
		if version = next; version == 0 || rows.Err() != nil {
			return promoted, rows.Err()
		}
	}
	return promoted, nil
}

// arguments are those of update.lua from the id of the change to the name of the API key.
func (r UpdateRequest) arguments() []any {
	settings, digest, versions := r.SettingsChange.Encode(), "", ""
	if r.IdempotencyKey != "" {
		digest = layout.DerivedShortID("settings", settings).String()
	}
	if r.IfVersion != nil {
		versions = "none"
	}
	for i, version := range r.IfVersion {
		if i == 0 {
			versions = numberText(uint64(version))
		} else {
			versions += "," + numberText(uint64(version))
		}
	}
	change := layout.ShortIDFor(r.IdempotencyKey, "change", numberText(r.Event.Number()), r.By)
	return []any{change.String(), digest, versions, settings, r.By}
}
