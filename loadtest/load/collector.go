package load

import (
	"sync"
	"time"

	"boxoffice/loadtest/service"
)

// Second is a second of the run, as the live line and the charts show it.
type Second struct {
	At       float64                 `json:"at"`     // its end, seconds since the generator's start
	Length   float64                 `json:"length"` // seconds
	Counts   [service.Outcomes]int64 `json:"counts"` // by service.Outcome
	Dropped  int64                   `json:"dropped"`
	InFlight int64                   `json:"inFlight"`
	Response Percentiles             `json:"responseMs"`
	Service  Percentiles             `json:"serviceMs"`
}

// Percentiles are times in milliseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

type quantiles interface {
	ValueAtPercentile(percentile float64) int64
	Max() int64
}

// PercentilesOf reads a histogram of microseconds.
func PercentilesOf(h quantiles) Percentiles {
	at := func(percentile float64) float64 { return float64(h.ValueAtPercentile(percentile)) / 1000 }
	return Percentiles{at(50), at(90), at(99), at(99.9), float64(h.Max()) / 1000}
}

// Collector adds up what a generator measures, second by second.
type Collector struct {
	Total   *Measure
	Span    *Measure // since the last call of Collect
	Seconds []Second

	generator *Generator
	last      int64
}

// NewCollector makes one that has nothing yet.
func NewCollector(g *Generator) *Collector {
	return &Collector{Total: NewMeasure(), Span: NewMeasure(), generator: g}
}

// Collect collects from now on, and shows each second as it ends, until the function
// that it returns is called.
func (c *Collector) Collect(show func(Second)) (stop func()) {
	c.generator.Take()
	c.Span, c.last = NewMeasure(), c.generator.Now()
	ended := make(chan struct{})
	var collecting sync.WaitGroup
	collecting.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				c.collect()
				return
			case <-ticker.C:
				c.collect()
				if show != nil {
					show(c.Seconds[len(c.Seconds)-1])
				}
			}
		}
	})
	return func() { close(ended); collecting.Wait() }
}

func (c *Collector) collect() {
	inFlight := c.generator.InFlightNow()
	measure := c.generator.Take()
	now := c.generator.Now()
	length := float64(now-c.last) / float64(time.Second)
	c.last = now
	c.Total.Add(measure)
	c.Span.Add(measure)
	const stub = 0.05
	if length < stub && measure.Requests() == 0 {
		return
	}
	c.Seconds = append(c.Seconds, Second{
		At: float64(now) / float64(time.Second), Length: length,
		Counts: measure.Counts, Dropped: measure.Dropped, InFlight: inFlight,
		Response: PercentilesOf(measure.Response), Service: PercentilesOf(measure.Service),
	})
}
