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

// admission counts the calls under way to each node.
type admission struct {
	most  int64    // for each lane; 0 = no bound
	lanes sync.Map // lane, or allMasters, to *atomic.Int64
}

// place is one of those that a node has. It must be left when the call is over.
type place struct{ taken *atomic.Int64 }

func (p place) leave() {
	if p.taken != nil {
		p.taken.Add(-1)
	}
}

// allMasters is where calls are counted that no single master has.
type allMasters struct{}

// enter takes a place for a change at the node that has the key. Errors: ErrOverloaded.
func (s *Store) enter(ctx context.Context, key string) (place, error) {
	return s.enterLane(ctx, key, false)
}

// enterToRead is enter for calls that change nothing.
func (s *Store) enterToRead(ctx context.Context, key string) (place, error) {
	return s.enterLane(ctx, key, true)
}

func (s *Store) enterLane(ctx context.Context, key string, reads bool) (place, error) {
	if s.admission.most == 0 {
		return place{}, nil
	}
	node, _ := s.master(ctx, key) // nil while a cluster's is not known: those who wait for that share a bound too
	return s.admission.enter(lane{node, reads})
}

func (a *admission) enter(where any) (place, error) {
	if a.most == 0 {
		return place{}, nil
	}
	found, ok := a.lanes.Load(where)
	if !ok {
		found, _ = a.lanes.LoadOrStore(where, new(atomic.Int64))
	}
	taken := found.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
	for {                          // never above the bound, not even for a moment: another call would be refused for it
		now := taken.Load()
		if now >= a.most {
			return place{}, ErrOverloaded
		}
		if taken.CompareAndSwap(now, now+1) {
			return place{taken}, nil
		}
	}
}
