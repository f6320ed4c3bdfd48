package model

import "boxoffice/store"

// notSelling returns why an event sells nothing now, or nil.
func (t *Tickets) notSelling() error {
	switch refusal := eventStates[t.State].refusal; {
	case refusal != nil:
		return refusal
	case t.Now < t.OpensAt:
		return store.ErrSaleNotStarted
	case t.ClosesAt != 0 && t.Now >= t.ClosesAt:
		return store.ErrSaleEnded
	}
	return nil
}

// Promotes reports whether an event in this state serves its waiting list.
func Promotes(state store.State) bool { return eventStates[state].promotes }

// eventStates says what an event takes in each of its states.
var eventStates = map[store.State]struct {
	refusal  error // of a booking
	promotes bool
}{
	store.StateOpen:   {promotes: true},
	store.StatePaused: {refusal: store.ErrEventPaused},
	store.StateClosed: {refusal: store.ErrEventClosed},
}
