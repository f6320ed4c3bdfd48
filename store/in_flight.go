package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// A service that takes more than it can do makes everybody wait, until nobody gets an
// answer in time. So the calls under way are bounded, and one past the bound is refused
// at once. The bound is each master's own: those who wait for a shard that is away, until
// their deadline, keep nobody from the others. Reading has a bound apart from changing, as
// changes can be stuck where reads are answered. A page of events asks all masters, so it
// has a bound of its own, too.

// ErrOverloaded means that too many calls are under way to the master in question. Every
// call that reads or changes an event may return it, where Config.MaxInFlight is set.
// Nothing has changed (a refused creation may have used up an event number); the same
// request is safe to repeat.
var ErrOverloaded = errors.New("too many calls are under way")

// inFlight counts the calls under way to each master.
type inFlight struct {
	most   int64    // calls of each lane; 0 = no bound
	counts sync.Map // lane, or allMasters, to *atomic.Int64
}

// permit is one call that is counted. It must be released when the call is over.
type permit struct{ count *atomic.Int64 }

func (p permit) release() {
	if p.count != nil {
		p.count.Add(-1)
	}
}

// allMasters is where calls are counted that no single master has.
type allMasters struct{}

// acquire counts a change at the master that has the key. Errors: ErrOverloaded.
func (s *Store) acquire(ctx context.Context, key string) (permit, error) {
	return s.acquireLane(ctx, key, false)
}

// acquireRead is acquire for calls that change nothing.
func (s *Store) acquireRead(ctx context.Context, key string) (permit, error) {
	return s.acquireLane(ctx, key, true)
}

func (s *Store) acquireLane(ctx context.Context, key string, reads bool) (permit, error) {
	if s.inFlight.most == 0 {
		return permit{}, nil
	}
	node, _ := s.master(ctx, key) // nil while a cluster's is not known: those who wait for that share a bound too
	return s.inFlight.acquire(lane{node: node, reads: reads})
}

func (f *inFlight) acquire(where any) (permit, error) {
	if f.most == 0 {
		return permit{}, nil
	}
	found, ok := f.counts.Load(where)
	if !ok {
		found, _ = f.counts.LoadOrStore(where, new(atomic.Int64))
	}
	count := found.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
	for {                          // never above the bound, not even for a moment: another call would be refused for it
		now := count.Load()
		if now >= f.most {
			return permit{}, ErrOverloaded
		}
		if count.CompareAndSwap(now, now+1) {
			return permit{count}, nil
		}
	}
}
