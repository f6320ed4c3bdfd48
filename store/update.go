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
	Event    Event // as it is now
	Replayed bool  // the same request changed it before, and others may have done so since
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
		Keys:      s.keys.OfEvent(number)[:updateScript.Keys],
		Args:      append([]any{event.UUID()}, request.arguments()...),
		Unbounded: true,
	})
	if errors.Is(err, ErrUnavailable) { // the change may have been made, and then there is work
		s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
	}
	if err != nil {
		return UpdateResult{}, err
	}
	_ = r.Integer() // version
	promotionsDue, replayed := r.Flag(), r.Flag()
	if err := r.End("updated"); err != nil {
		return UpdateResult{}, err
	}
	if promotionsDue {
		if err := s.promoteAll(ctx, number); err != nil {
			s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
			return UpdateResult{}, afterChange("promote", err)
		}
	}
	now, err := s.event(ctx, event, conn.Query{Unbounded: true})
	return UpdateResult{Event: now, Replayed: replayed}, afterChange("read the changed event", err)
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
