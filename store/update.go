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
	By string // name of the API key that asks, for the event's log; may be empty
}

// Update changes an event, promotes from the waiting list as far as a raised
// total or a reopened event allows, and returns the event after that.
//
// Errors: ErrEventNotFound, ErrEventClosed (a closed event never opens again),
// ErrCapacityBelowConfirmed, ErrStorageFull, ErrUnavailable.
func (s *Store) Update(ctx context.Context, request UpdateRequest) (Event, error) {
	event := request.Event
	if event.Number() == 0 {
		return Event{}, ErrEventNotFound
	}
	number := event.Number()
	permit, err := s.conn.Acquire(ctx, conn.Change, layout.EventKey(number))
	if err != nil {
		return Event{}, err
	}
	defer permit.Release()
	r, err := s.call(ctx, conn.Call{
		Script: updateScript,
		Keys:   layout.EventKeys(number)[:updateScript.Keys],
		Args: []any{
			s.nowOverride(), event.UUID(), layout.RandomShortID().String(), request.SettingsChange.Encode(), request.By,
		},
		Unbounded: true,
	})
	if errors.Is(err, ErrUnavailable) { // the change may have been made, and then there is work
		s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
	}
	if err != nil {
		return Event{}, err
	}
	_ = r.Integer() // version
	promotionsDue := r.Flag()
	if err := r.End("updated"); err != nil {
		return Event{}, err
	}
	if promotionsDue {
		if err := s.promoteAll(ctx, number); err != nil {
			s.schedulePromotion(number) //nolint:contextcheck // it outlives the request
			return Event{}, afterChange("promote", err)
		}
	}
	changed, err := s.event(ctx, event, conn.Query{Unbounded: true})
	return changed, afterChange("read the changed event", err)
}
