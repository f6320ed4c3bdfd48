// Package store keeps events, bookings and waiting lists in Redis: one method a verb, typed
// requests, results and errors. It and the packages below it are the only ones that know
// Redis; DESIGN.md says how they fit together.
//
// Every change of state is one Lua script of package scripts, one round trip, and
// idempotent by an id that is chosen before the script runs. Nothing is read from
// Redis to be decided here.
package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// Store is safe for concurrent use. Make one with Open.
type Store struct {
	conn     *conn.Conn
	keys     layout.Keys
	clock    func() time.Time  // nil, except in tests: the scripts ask Redis
	observer promotionObserver // nil disables observation

	//nolint:containedctx // background work belongs to no request
	lifetime           context.Context // ends when the store is closed
	end                context.CancelFunc
	backgroundPromoter backgroundPromoter
	backgroundExpirer  backgroundPromoter

	identity identity
	expirer  expirer

	registrations registrations
	noted         [layout.Partitions]chan struct{} // this instance has given an event a deadline, for the workers
}

// Open connects to the engine of the config, waiting for it as long as the context
// allows. Errors: ErrUnavailable, ErrRefused, ErrCannotSync.
func Open(ctx context.Context, config Config) (*Store, error) {
	if err := CheckKeyPrefix(config.KeyPrefix); err != nil {
		return nil, fmt.Errorf("the prefix of keys: %w", err)
	}
	keys := layout.Keys{Prefix: config.KeyPrefix}
	// The probe asks a node about any event that it has or may have one day.
	probe := conn.Probe{Script: writableScript, Keys: keys.OfEvent}
	c, err := conn.Open(ctx, config, probe, identifyScript, numberScript, initializeScript, completeScript, updateScript,
		bookScript, holdScript, confirmScript, extendScript, cancelScript, reduceScript, expireScript, promoteScript,
		registerScript, retireScript, leaseScript, findScript, listScript, liveScript, promotedScript)
	if err != nil {
		return nil, err
	}
	s := newStore(c, keys)
	s.observer, _ = config.Observer.(promotionObserver)
	return s, nil
}

func newStore(c *conn.Conn, keys layout.Keys) *Store {
	s := &Store{conn: c, keys: keys, backgroundPromoter: newBackground(), backgroundExpirer: newBackground()}
	for p := range s.noted {
		s.noted[p] = make(chan struct{}, 1)
	}
	s.registrations.until = map[uint64]time.Time{}
	s.lifetime, s.end = context.WithCancel(context.Background())
	return s
}

// CheckKeyPrefix returns an error, which does not repeat it, if this cannot stand before keys.
func CheckKeyPrefix(prefix string) error { return layout.CheckPrefix(prefix) }

// SetClock replaces Redis's clock, which stamps events and bookings. It is for tests,
// and must be called before the store is used.
func (s *Store) SetClock(now func() time.Time) { s.clock = now }

// Close ends the work in the background, closes the connections, and ends the embedded
// engine with its data.
func (s *Store) Close() error {
	s.end()
	s.backgroundPromoter.group.Wait()
	s.backgroundExpirer.group.Wait()
	return s.conn.Close()
}

// Verifier returns what verifies the books of this store, while it is in use.
func (s *Store) Verifier() *verify.Verifier { return verify.New(s.conn, s.keys, s.clock) }

// nowOverride is the time that a script takes instead of Redis's, in milliseconds since
// 1970; empty, except in tests.
func (s *Store) nowOverride() string {
	if s.clock == nil {
		return ""
	}
	return strconv.FormatInt(s.clock().UnixMilli(), 10)
}
