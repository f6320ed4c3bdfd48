// Package load generates load: it sends requests at the times they are due, or as
// fast as answers come, measures each, and remembers all of them for the audit.
package load

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"boxoffice/loadtest/service"
)

// Source says what to send. Its methods are called from many goroutines at once.
type Source interface {
	// Next fills in the request of arrival i; false leaves the arrival out.
	Next(i int64, request *service.Request) bool
	// Answered is called at the end of each request.
	Answered(entry *Entry)
}

// Options says how to generate load.
type Options struct {
	Targets     []service.Target
	Connections int           // requests on the wire at once, at most
	InFlight    int64         // due and not answered, at most; more are dropped
	Timeout     time.Duration // of an answer
	Drain       time.Duration // after the end, for what is still in flight
}

// Generator keeps its connections from one run to the next.
type Generator struct {
	Options
	conns  []*service.Conn
	meters []*meter
	start  time.Time // of all times in entries

	next     atomic.Int64 // arrival that the next free connection takes
	finished atomic.Int64
	current  atomic.Pointer[run]
}

// New makes a generator. It connects when it first needs to.
func New(options Options) *Generator {
	g := &Generator{Options: options, start: time.Now()}
	for i := range options.Connections {
		first := i % len(options.Targets)
		targets := slices.Concat(options.Targets[first:], options.Targets[:first])
		g.conns = append(g.conns, service.NewConn(targets, options.Timeout))
	}
	for range min(options.Connections, 2*runtime.GOMAXPROCS(0)) {
		g.meters = append(g.meters, newMeter())
	}
	return g
}

// Close closes the connections.
func (g *Generator) Close() {
	for _, c := range g.conns {
		c.Close()
	}
}

// Now returns the time that entries are stamped with.
func (g *Generator) Now() int64 { return int64(time.Since(g.start)) }

// Span is how long and how fast to generate.
type Span struct {
	Rate     float64            // arrivals a second; 0 = the closed model, as fast as answers come
	Duration time.Duration      // 0 in the closed model: until the source has nothing more
	Arrivals int64              // 0 = no limit
	Paired   func(i int64) bool // whether arrival i is due at the same moment as the one before; nil: none is
}

// pacerTick is how often the pacer looks. It bounds how late a drop is noticed.
const pacerTick = 5 * time.Millisecond

// patientLimit is how long a connection waits for its arrival without an eye on whether
// the run was cancelled, which costs more.
const patientLimit = 200 * time.Millisecond

// sleep returns false if it was cancelled.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Run generates load and returns all requests with their answers. What is not
// answered within Drain of the span's end is dropped (not yet sent) or unknown.
func (g *Generator) Run(ctx context.Context, source Source, span Span) *Ledger {
	r := &run{
		Generator: g, source: source, span: span, began: g.Now(),
		plan: schedule{rate: span.Rate, end: int64(span.Duration), paired: span.Paired},
	}
	g.next.Store(0)
	g.finished.Store(0)
	g.current.Store(r)
	defer g.current.Store(nil)

	stop := make(chan struct{})
	var pacer sync.WaitGroup
	pacer.Go(func() { r.pace(stop) })
	ledgers := make([]Ledger, len(g.conns))
	var workers sync.WaitGroup
	for i, c := range g.conns {
		workers.Go(func() { r.work(ctx, c, g.meters[i%len(g.meters)], &ledgers[i]) })
	}
	workers.Wait()
	close(stop)
	pacer.Wait()

	all := &Ledger{}
	for i := range ledgers {
		all.Join(&ledgers[i])
	}
	return all
}

// Take returns what was measured since the last call.
func (g *Generator) Take() *Measure {
	total := NewMeasure()
	for _, m := range g.meters {
		m.take(total)
	}
	return total
}

// InFlightNow returns how many requests are due and not answered.
func (g *Generator) InFlightNow() int64 {
	r := g.current.Load()
	if r == nil {
		return 0
	}
	due := g.next.Load()
	if r.span.Rate > 0 {
		due = r.plan.until(r.elapsed())
	}
	return max(0, due-g.finished.Load()-r.drops.total.Load())
}

// run is one call of Run.
type run struct {
	*Generator
	source Source
	span   Span
	plan   schedule
	began  int64 // nanoseconds since the generator's start
	drops  drops
}

func (r *run) elapsed() int64 { return r.Now() - r.began }

// work is what one connection does: take the next arrival, wait until it is due,
// send it, note the answer. A connection that comes late to its arrival does not
// shift the ones after it: their due times stand.
func (r *run) work(ctx context.Context, c *service.Conn, m *meter, ledger *Ledger) {
	for ctx.Err() == nil {
		i := r.next.Add(1) - 1
		if r.span.Arrivals > 0 && i >= r.span.Arrivals {
			return
		}
		due, ok := r.await(ctx, i, m)
		if !ok {
			return
		}
		if r.drops.has(i) {
			continue
		}
		if due < 0 {
			r.finished.Add(1)
			m.dropped(1)
			continue
		}
		var request service.Request
		if !r.source.Next(i, &request) {
			if r.span.Rate == 0 && r.span.Duration == 0 {
				return
			}
			r.finished.Add(1)
			if r.span.Rate == 0 {
				time.Sleep(time.Millisecond) // nothing to send just now
			}
			continue
		}
		entry := ledger.add()
		entry.Request = request
		now := time.Now()
		entry.Sent = int64(now.Sub(r.start))
		entry.Due = entry.Sent
		if r.span.Rate > 0 {
			entry.Due = r.began + due
		}
		entry.Answer = c.Do(&entry.Request, now)
		entry.Done = r.Now()
		r.finished.Add(1)
		m.record(entry)
		r.source.Answered(entry)
		if entry.Outcome == service.NotSent && r.span.Rate == 0 {
			time.Sleep(10 * time.Millisecond) // a refused connection must not spin
		}
	}
}

// await sleeps until arrival i is due; ok is false if it is past the end. A due of
// -1 means that it is too late to send it.
func (r *run) await(ctx context.Context, i int64, m *meter) (due int64, ok bool) {
	if r.span.Rate == 0 {
		return 0, r.span.Duration == 0 || r.elapsed() < int64(r.span.Duration)
	}
	due = r.plan.due(i)
	if due >= r.plan.end {
		return 0, false
	}
	now := r.elapsed()
	if now >= due {
		if now > r.plan.end+int64(r.Drain) {
			return -1, true
		}
		return due, true // no connection was free: that is the service's doing, not lag
	}
	for now < due {
		wait := time.Duration(due - now)
		if wait <= patientLimit {
			time.Sleep(wait)
		} else if !sleep(ctx, wait-patientLimit/2) {
			return 0, false
		}
		now = r.elapsed()
	}
	m.lag(now - due)
	return due, true
}

// pace drops the newest arrivals while too many are in flight. It also measures how
// late it wakes itself: when every connection is busy, nobody else would notice that
// the generator gets no CPU.
func (r *run) pace(stop <-chan struct{}) {
	ticker := time.NewTicker(pacerTick)
	defer ticker.Stop()
	for expected := r.elapsed() + int64(pacerTick); ; expected += int64(pacerTick) {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		now := r.elapsed()
		r.meters[0].lag(max(0, now-expected))
		if now-expected > int64(pacerTick) {
			expected = now // the ticker leaves out what it missed
		}
		if r.span.Rate == 0 {
			continue
		}
		until := r.plan.until(now)
		over := until - r.finished.Load() - r.drops.total.Load() - r.InFlight
		from := max(until-over, r.next.Load())
		if over > 0 && from < until {
			r.drops.add(from, until)
			r.meters[0].dropped(until - from)
		}
	}
}
