package model

import "boxoffice/store"

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
