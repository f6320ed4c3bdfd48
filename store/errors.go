package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

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
	ErrCapacityBelowConfirmed = errors.New("the total is lower than the tickets already confirmed")
	ErrIdempotencyMismatch    = errors.New("the idempotency key was used before with another request")
	ErrBadCursor              = errors.New("the cursor is not one that a former page gave")
)

// ErrUnavailable means that Redis did not answer in time, or not with an answer
// that tells. A change may have happened or not; the same request with the same
// idempotency key is safe to repeat.
var ErrUnavailable = errors.New("the store is unavailable")

// ErrStorageFull means that Redis has no memory left. Nothing has changed; the same
// request is safe to repeat. Cancellations still work.
var ErrStorageFull = errors.New("the store is full")

// ErrCannotSync means that Config.AckSynced asks for what a server cannot tell: when a
// change is on its disk.
var ErrCannotSync = errors.New("only Redis 8.0 and later can tell when a change is on disk")

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
	"capacity_below_confirmed": ErrCapacityBelowConfirmed,
	"mismatch":                 ErrIdempotencyMismatch,
	"unknown_format":           fmt.Errorf("%w: %w", ErrUnavailable, ErrUnknownFormat),
}

func unavailable(what string, cause error) error {
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, cause)
}

// outageWords are those by which Redis begins to say that it cannot answer now.
var outageWords = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "MOVED", "ASK",
	"OOM", "MISCONF", "NOREPLICAS", "NOSCRIPT", "UNBLOCKED", "BUSY", "NOAUTH", "WRONGPASS", "NOPERM",
}

// isOutage tells an answer that says nothing about the request (Redis is away,
// loading, full, failing over, moving the slot) from one that says that the
// script or its data is wrong.
func isOutage(err error) bool {
	var reply redis.Error
	if errors.Is(err, errUnacknowledged) || !errors.As(err, &reply) {
		return true // no reply at all: cut, refused, timed out
	}
	for _, word := range outageWords {
		if strings.HasPrefix(reply.Error(), word) {
			return true
		}
	}
	return strings.HasPrefix(reply.Error(), "ERR max number of clients")
}

// isTransient tells whether a further try may find an outage over.
func isTransient(err error) bool {
	if errors.Is(err, errClosed) {
		return false
	}
	for _, prefix := range []string{"OOM", "MISCONF", "NOAUTH", "WRONGPASS", "NOPERM"} {
		if redis.HasErrorPrefix(err, prefix) {
			return false
		}
	}
	return true
}
