package load

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// schedule says when each arrival is due, whatever the answers do.
type schedule struct {
	rate   float64 // arrivals a second
	end    int64   // nanoseconds
	paired func(i int64) bool
}

// due returns when arrival i is due, in nanoseconds since the start. A paired one is
// due at the same moment as the one before it.
func (s *schedule) due(i int64) int64 {
	if s.paired != nil && i > 0 && s.paired(i) {
		i--
	}
	return int64(float64(i) * float64(time.Second) / s.rate)
}

// until returns how many arrivals are due at a time.
func (s *schedule) until(now int64) int64 {
	return int64(float64(min(now, s.end)) * s.rate / float64(time.Second))
}

// drops are the arrivals that came while too many were in flight. The newest are
// dropped, never those that wait longest: leaving those out would hide the very
// times that an overload is about.
type drops struct {
	any    atomic.Bool
	mu     sync.Mutex
	ranges []span // ascending
	total  atomic.Int64
}

type span struct{ from, to int64 } // to is not in it

func (d *drops) add(from, to int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last := len(d.ranges) - 1; last >= 0 && d.ranges[last].to == from {
		d.ranges[last].to = to
	} else {
		d.ranges = append(d.ranges, span{from, to})
	}
	d.total.Add(to - from)
	d.any.Store(true)
}

func (d *drops) has(i int64) bool {
	if !d.any.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at := sort.Search(len(d.ranges), func(n int) bool { return d.ranges[n].to > i })
	return at < len(d.ranges) && d.ranges[at].from <= i
}
