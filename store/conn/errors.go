package conn

import (
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable means that Redis did not answer in time, or not with an answer
// that settles anything. A change may have happened or not; the same request with the same
// idempotency key is safe to repeat.
var ErrUnavailable = errors.New("the store is unavailable")

// ErrRefused means that Redis refuses the call for a reason that only an operator can end.
// Nothing has changed; the same request is safe to repeat. Health tells the reason.
var ErrRefused = errors.New("the store refuses")

// ErrStorageFull means that Redis has no memory left. Nothing has changed; the same
// request is safe to repeat.
var ErrStorageFull = errors.New("the store is full")

// ErrOverloaded means that too many calls are under way to the master in question, see
// Config.MaxInFlight. Nothing has changed; the same request is safe to repeat.
var ErrOverloaded = errors.New("too many calls are under way")

// ErrCannotSync means that Config.AckSynced asks for what a server cannot tell: when a
// change is on its disk.
var ErrCannotSync = errors.New("only Redis 8.0 and later report when a change is on disk")

// isOutage distinguishes an answer that says nothing about the request (Redis is away,
// loading, full, failing over, moving the slot) from one that says that the
// script or its data is wrong.
func isOutage(err error) bool {
	var reply redis.Error
	if _, parsing := errors.AsType[*strconv.NumError](err); parsing {
		return false // there was a reply, and a further try would get the same
	}
	if errors.Is(err, errUnacknowledged) || !errors.As(err, &reply) {
		return true // no reply at all: cut, refused, timed out
	}
	_, refused := refusalOf(reply.Error())
	return refused || redis.IsMaxClientsError(err)
}

// IsWrongType reports whether Redis has something else at a key than what was asked for. The
// embedded engine puts other words in front where a script asks.
func IsWrongType(err error) bool {
	reply, ok := errors.AsType[redis.Error](err)
	return ok && strings.Contains(reply.Error(), "WRONGTYPE ")
}
