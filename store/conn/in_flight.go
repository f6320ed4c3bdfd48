package conn

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// A service that takes more than it can do makes everybody wait, until nobody gets an
// answer in time. So the calls under way are bounded, and one past the bound is refused
// at once. The bound is each master's own: those who wait for a shard that is away, until
// their deadline, keep nobody from the others. It is each kind's own, too: changes can be
// stuck where reads are answered, and lists take longer than either.

// Kind is what calls are bounded by, and travel by: each has a bound and pipelines of its own.
type Kind string

// The kinds of calls.
const (
	Change Kind = "change"
	Read   Kind = "read" // of one booking, or one event
	List   Kind = "list" // of many bookings, a part at a time, or of many events
)

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{Change, Read, List} }

// listShare is how many changes may be in flight for one list: a list takes as long as many
// of them, and those that wait for their turn should get it before their deadline.
const listShare = 16

// inFlight counts the calls under way of each kind to each master.
type inFlight struct {
	most   int64    // changes, and as many reads; 0 = no bound
	counts sync.Map // place to *atomic.Int64
}

// place is where calls are counted together. The node is nil for those that ask all masters,
// and while the master of a cluster is not known.
type place struct {
	node *redis.Client
	kind Kind
}

// Permit is one call, or one verb of several calls, that counts as in flight.
type Permit struct{ count *atomic.Int64 }

// Release ends what the permit was acquired for. It must be called once.
func (p Permit) Release() { p.count.Add(-1) }

// Acquire counts a verb of several calls at the master that has the key. The calls
// themselves are then Unbounded: a verb is refused before its first call or not at all, as
// ErrOverloaded promises that nothing has changed. Errors: ErrOverloaded.
func (c *Conn) Acquire(ctx context.Context, kind Kind, key string) (Permit, error) {
	node, _ := c.master(ctx, key) // what matters is whose places are taken: the call itself reports an error
	return c.inFlight.acquire(place{node, kind})
}

func (f *inFlight) bound(kind Kind) int64 {
	if kind == List && f.most > 0 {
		return max(1, f.most/listShare)
	}
	return f.most
}

func (f *inFlight) acquire(where place) (Permit, error) {
	counted, ok := f.counts.Load(where)
	if !ok {
		counted, _ = f.counts.LoadOrStore(where, new(atomic.Int64))
	}
	count := counted.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
	most := f.bound(where.kind)
	for { // never above the bound, not even for a moment: another call would be refused for it
		now := count.Load()
		if most > 0 && now >= most {
			return Permit{}, ErrOverloaded
		}
		if count.CompareAndSwap(now, now+1) {
			return Permit{count}, nil
		}
	}
}

// now returns how many calls of a kind are under way, to all masters together.
func (f *inFlight) now(kind Kind) (all int64) {
	f.counts.Range(func(where, count any) bool {
		if where.(place).kind == kind { //nolint:forcetypeassert // as above
			all += count.(*atomic.Int64).Load() //nolint:forcetypeassert // as above
		}
		return true
	})
	return all
}
