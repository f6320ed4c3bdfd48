package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"boxoffice/loadtest/service"
)

// Histograms take microseconds from 1 us to 2 minutes, with three digits.
const (
	lowest  = 1
	highest = int64(2 * time.Minute / time.Microsecond)
	digits  = 3
)

// NewHistogram makes one that all others of this package can be merged with.
func NewHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

// Measure is what was measured in a span of time.
type Measure struct {
	Response *hdrhistogram.Histogram // from the due time, microseconds
	Service  *hdrhistogram.Histogram // from the sending
	Lag      *hdrhistogram.Histogram // from the due time to the hand-over, when a connection was free
	Counts   [service.Outcomes]int64
	Reasons  []int64 // of what was not accepted, by Reason
	Dropped  int64   // due, but not sent: too many were in flight
}

// NewMeasure makes an empty one.
func NewMeasure() *Measure {
	return &Measure{
		Response: NewHistogram(), Service: NewHistogram(), Lag: NewHistogram(),
		Reasons: make([]int64, service.Reasons),
	}
}

// Add adds what another measured.
func (m *Measure) Add(other *Measure) {
	m.Response.Merge(other.Response)
	m.Service.Merge(other.Service)
	m.Lag.Merge(other.Lag)
	for outcome, n := range other.Counts {
		m.Counts[outcome] += n
	}
	for reason, n := range other.Reasons {
		m.Reasons[reason] += n
	}
	m.Dropped += other.Dropped
}

// Requests returns how many requests came to an end.
func (m *Measure) Requests() (n int64) {
	for _, count := range m.Counts {
		n += count
	}
	return n
}

// Errors returns how many of them did not get what the API promises.
func (m *Measure) Errors() (n int64) {
	for outcome, count := range m.Counts {
		if service.Outcome(outcome).IsError() {
			n += count
		}
	}
	return n
}

func (m *Measure) reset() {
	m.Response.Reset()
	m.Service.Reset()
	m.Lag.Reset()
	m.Counts = [service.Outcomes]int64{}
	clear(m.Reasons)
	m.Dropped = 0
}

// meter is a shard that some connections record to. Its lock is shared with few of
// them and, for a moment each second, with the collector, which swaps the measure
// rather than read it.
type meter struct {
	mu      sync.Mutex
	current *Measure
	spare   *Measure
	_       [64]byte // apart from its neighbour's cache line
}

func newMeter() *meter { return &meter{current: NewMeasure(), spare: NewMeasure()} }

func (m *meter) record(e *Entry) {
	response, fromSending := (e.Done-e.Due)/1000, (e.Done-e.Sent)/1000
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current.Counts[e.Outcome]++
	if e.Reason != service.ReasonNone {
		m.current.Reasons[e.Reason]++
	}
	if e.Outcome == service.NotSent {
		return // nobody served it: its time says nothing
	}
	_ = m.current.Response.RecordValue(min(response, highest))
	_ = m.current.Service.RecordValue(min(fromSending, highest))
}

func (m *meter) lag(nanoseconds int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.current.Lag.RecordValue(min(nanoseconds/1000, highest))
}

func (m *meter) dropped(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current.Dropped += n
}

// take adds what was measured since the last call to total.
func (m *meter) take(total *Measure) {
	m.mu.Lock()
	m.current, m.spare = m.spare, m.current
	m.mu.Unlock()
	total.Add(m.spare)
	m.spare.reset()
}
