package conn

import (
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable means that Redis did not answer in time, or not with an answer
// that settles anything. A change may have happened or not; the same request with the same
// idempotency key is safe to repeat.
var ErrUnavailable = errors.New("the store is unavailable")

// ErrStorageFull means that Redis has no memory left. Nothing has changed; the same
// request is safe to repeat.
var ErrStorageFull = errors.New("the store is full")

// ErrOverloaded means that too many calls are under way to the master in question, see
// Config.MaxInFlight. Nothing has changed; the same request is safe to repeat.
var ErrOverloaded = errors.New("too many calls are under way")

// ErrCannotSync means that Config.AckSynced asks for what a server cannot tell: when a
// change is on its disk.
var ErrCannotSync = errors.New("only Redis 8.0 and later report when a change is on disk")

// outageWords are those by which Redis begins to say that it cannot answer now. They are
// also the words of Observer.Tried for it.
var outageWords = []string{
	"LOADING", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "MOVED", "ASK",
	"OOM", "MISCONF", "NOREPLICAS", "NOSCRIPT", "UNBLOCKED", "BUSY", "NOAUTH", "WRONGPASS", "NOPERM",
}

// isOutage distinguishes an answer that says nothing about the request (Redis is away,
// loading, full, failing over, moving the slot) from one that says that the
// script or its data is wrong.
func isOutage(err error) bool {
	var reply redis.Error
	if errors.Is(err, errUnacknowledged) || !errors.As(err, &reply) {
		return true // no reply at all: cut, refused, timed out
	}
	return redis.IsMaxClientsError(err) ||
		slices.ContainsFunc(outageWords, func(word string) bool { return strings.HasPrefix(reply.Error(), word) })
}

// isTransient reports whether a further try may find an outage over.
func isTransient(err error) bool {
	return !errors.Is(err, errClosed) && !redis.IsOOMError(err) && !redis.HasErrorPrefix(err, "MISCONF") &&
		!redis.IsAuthError(err) && !redis.IsPermissionError(err)
}
