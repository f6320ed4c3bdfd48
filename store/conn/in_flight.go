package conn

import (
	"context"
	"sync"
	"sync/atomic"
)

// A service that takes more than it can do makes everybody wait, until nobody gets an
// answer in time. So the calls under way are bounded, and one past the bound is refused
// at once. The bound is each master's own: those who wait for a shard that is away, until
// their deadline, keep nobody from the others. Reading has a bound apart from changing, as
// changes can be stuck where reads are answered. A page of events asks all masters, so it
// has a bound of its own, too.

// inFlight counts the calls under way to each master.
type inFlight struct {
	most   int64    // calls of each lane; 0 = no bound
	counts sync.Map // lane, or allMasters, to *atomic.Int64
}

// Permit is one call, or one verb of several calls, that counts as in flight.
type Permit struct{ count *atomic.Int64 }

// Release ends what the permit was acquired for. It must be called once.
func (p Permit) Release() {
	if p.count != nil {
		p.count.Add(-1)
	}
}

// allMasters is where calls are counted that no single master has.
type allMasters struct{}

// Acquire counts a verb of several calls, which may change something, at the master that has
// the key. The calls themselves are then Unbounded: a verb is refused before its first call
// or not at all, as ErrOverloaded promises that nothing has changed. Errors: ErrOverloaded.
func (c *Conn) Acquire(ctx context.Context, key string) (Permit, error) {
	return c.acquire(ctx, key, false)
}

// acquireRead counts what changes nothing; an empty key stands for several masters.
func (c *Conn) acquireRead(ctx context.Context, key string) (Permit, error) {
	if key == "" {
		return c.inFlight.acquire(allMasters{})
	}
	return c.acquire(ctx, key, true)
}

func (c *Conn) acquire(ctx context.Context, key string, reads bool) (Permit, error) {
	if c.inFlight.most == 0 {
		return Permit{}, nil
	}
	node, _ := c.master(ctx, key) // nil while a cluster's is not known: those who wait for that share a bound too
	return c.inFlight.acquire(lane{node: node, reads: reads})
}

func (f *inFlight) acquire(where any) (Permit, error) {
	if f.most == 0 {
		return Permit{}, nil
	}
	counted, ok := f.counts.Load(where)
	if !ok {
		counted, _ = f.counts.LoadOrStore(where, new(atomic.Int64))
	}
	count := counted.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
	for {                            // never above the bound, not even for a moment: another call would be refused for it
		now := count.Load()
		if now >= f.most {
			return Permit{}, ErrOverloaded
		}
		if count.CompareAndSwap(now, now+1) {
			return Permit{count}, nil
		}
	}
}
