package store

import (
	"errors"
	"fmt"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// What a call can be refused for. Nothing has changed when one of these is returned.
var (
	ErrEventNotFound          = layout.ErrEventNotFound
	ErrBookingNotFound        = errors.New("booking not found")
	ErrEventPaused            = errors.New("the event is paused")
	ErrEventClosed            = errors.New("the event is closed")
	ErrUserLimit              = errors.New("the user would hold more tickets than the event allows")
	ErrWaitingListFull        = errors.New("the waiting list is full")
	ErrOverCapacity           = errors.New("the quantity is more than the event's total tickets")
	ErrQuantityLimit          = errors.New("the quantity is more than the event allows in one booking")
	ErrSoldOut                = errors.New("not so many tickets are available, and the request does not wait")
	ErrSaleNotStarted         = errors.New("the sale has not started")
	ErrSaleEnded              = errors.New("the sale has ended")
	ErrHoldsOff               = errors.New("the event takes no holds")
	ErrHoldLimit              = errors.New("the hold would be longer than the event allows")
	ErrHoldExpired            = errors.New("the hold or offer has expired")
	ErrNotHeld                = errors.New("the booking is neither a hold nor an offer")
	ErrBookingCancelled       = errors.New("the booking was cancelled")
	ErrQuantityIncrease       = errors.New("the booking has fewer tickets than that")
	ErrBookingWaiting         = errors.New("the booking waits for tickets")
	ErrCapacityBelowConfirmed = errors.New("the total is lower than the tickets already confirmed or held")
	ErrIdempotencyMismatch    = errors.New("the idempotency key was used before with another request")
	ErrVersionMismatch        = errors.New("the event is at another version")
	ErrBadCursor              = errors.New("the cursor is not one that a former page gave")

	// ErrOtherStore means that Redis does not hold the data that the service knows, so
	// changes are refused: see Store.Identify.
	ErrOtherStore = errors.New("this is not the store that the service knows")

	// ErrDamaged means that what Redis holds is nothing that any version of the service
	// writes. The error says what and where, for the log.
	ErrDamaged = layout.ErrDamaged
)

// What a call can fail for on its way to Redis: see package conn.
var (
	// ErrUnavailable means that Redis did not answer in time, or not with an answer that
	// settles anything. A change may have happened or not; the same request with the same
	// idempotency key is safe to repeat.
	ErrUnavailable = conn.ErrUnavailable

	// ErrRefused means that Redis refuses for a reason that only an operator can end: its disk,
	// its replicas, its rights. Nothing has changed; the same request is safe to repeat. Any
	// call may return it. Health tells the reason.
	ErrRefused = conn.ErrRefused

	// ErrStorageFull means that Redis has no memory left. Nothing has changed; the same
	// request is safe to repeat. Cancellations, pausing and closing still work.
	ErrStorageFull = conn.ErrStorageFull

	// ErrOverloaded means that too many calls are under way to the master in question. Every
	// call that reads or changes an event may return it, where Config.MaxInFlight is set.
	// Nothing has changed (a refused creation may have used up an event number); the same
	// request is safe to repeat.
	ErrOverloaded = conn.ErrOverloaded

	// ErrCannotSync means that Config.AckSynced asks for what a server cannot tell: when a
	// change is on its disk.
	ErrCannotSync = conn.ErrCannotSync
)

// ErrUnknownFormat means that a later version of the service made the event, in a
// format that this one would read wrongly. What wraps it also wraps ErrUnavailable, as two
// versions run during an upgrade: the same request may reach the other one next.
var ErrUnknownFormat = layout.ErrUnknownFormat

// refusals maps the word that a script answers with to the error that callers see.
var refusals = map[string]error{
	"no_event":                 ErrEventNotFound,
	"no_booking":               ErrBookingNotFound,
	"event_paused":             ErrEventPaused,
	"event_closed":             ErrEventClosed,
	"user_limit":               ErrUserLimit,
	"waiting_list_full":        ErrWaitingListFull,
	"over_capacity":            ErrOverCapacity,
	"quantity_limit":           ErrQuantityLimit,
	"sold_out":                 ErrSoldOut,
	"sale_not_started":         ErrSaleNotStarted,
	"sale_ended":               ErrSaleEnded,
	"holds_off":                ErrHoldsOff,
	"hold_limit":               ErrHoldLimit,
	"hold_expired":             ErrHoldExpired,
	"not_held":                 ErrNotHeld,
	"booking_cancelled":        ErrBookingCancelled,
	"quantity_increase":        ErrQuantityIncrease,
	"booking_waiting":          ErrBookingWaiting,
	"capacity_below_confirmed": ErrCapacityBelowConfirmed,
	"mismatch":                 ErrIdempotencyMismatch,
	"version_mismatch":         ErrVersionMismatch,
	"bad_cursor":               ErrBadCursor,
	"other_store":              ErrOtherStore,
	"corrupt":                  ErrDamaged,
	"unknown_format":           fmt.Errorf("%w: %w", ErrUnavailable, ErrUnknownFormat),
}

// afterChange is the error of a later step of a verb that has changed something already: the
// step may promise that nothing has changed, which is true of the step only.
func afterChange(step string, err error) error {
	if errors.Is(err, ErrStorageFull) || errors.Is(err, ErrRefused) {
		return fmt.Errorf("%s: %w: %w", step, ErrUnavailable, err)
	}
	return err
}
