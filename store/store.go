// Package store keeps events, bookings and waiting lists in Redis. It is the only
// package that knows Redis: the rest of the program sees typed requests, results
// and the errors of this package.
//
// Every change of state is one Lua script of package scripts, one round trip, and
// idempotent by an id that is chosen before the script runs. Nothing is read from
// Redis to be decided here.
package store

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Store is safe for concurrent use. Make one with Open.
type Store struct {
	config     Config
	client     redis.UniversalClient
	redirected redirected
	batches    *batcher
	engine     Engine
	now        func() time.Time
	close      []func() error
	observer   Observer      // nil: nobody is told
	degraded   chan struct{} // has room for one
	inFlight   inFlight

	//nolint:containedctx // background work belongs to no request
	lifetime           context.Context // ends when the store is closed
	backgroundPromoter backgroundPromoter
	closing            sync.Once
}

// Engine returns what the store runs on.
func (s *Store) Engine() Engine { return s.engine }

// SetClock replaces the clock that stamps events and bookings. It is for tests,
// and must be called before the store is used.
func (s *Store) SetClock(now func() time.Time) { s.now = now }

// Close closes the connections, and ends the embedded engine with its data.
func (s *Store) Close() error {
	var first error
	s.closing.Do(func() {
		for _, closeOne := range s.close {
			if err := closeOne(); err != nil && first == nil {
				first = err
			}
		}
	})
	return first
}

func (s *Store) nowMillis() int64 { return s.now().UnixMilli() }
