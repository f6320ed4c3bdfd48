// Package report shows what a run found: a line a second, summary.json, and
// report.html, which needs nothing but itself.
package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/lab/probe"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// The verdicts of a run.
const (
	OK         = "ok"          // exit code 0
	Breach     = "breach"      // 1: the service broke a rule
	NotAudited = "not audited" // 1: the service did not answer the audit
	Invalid    = "invalid run" // 2: the numbers would say nothing about the service
)

// Summary is everything about a run. Times are in milliseconds unless they say
// otherwise, rates are per second.
type Summary struct {
	Verdict string   `json:"verdict"`
	Why     []string `json:"why,omitempty"` // it is not ok
	Notes   []string `json:"notes,omitempty"`

	Scenario string            `json:"scenario"`
	About    string            `json:"about"`
	Run      string            `json:"run"`
	Started  time.Time         `json:"started"`
	Seconds  float64           `json:"seconds"` // of load
	Settings map[string]string `json:"settings"`

	Targets       []Target     `json:"targets"`
	Topology      []probe.Node `json:"topology,omitempty"`
	TopologyAfter []probe.Node `json:"topologyAfter,omitempty"`

	Requests int64            `json:"requests"` // that came to an end
	Counts   map[string]int64 `json:"counts"`   // by outcome
	Reasons  map[string]int64 `json:"reasons"`  // of refusals and errors
	Dropped  int64            `json:"dropped"`
	Accepted int64            `json:"accepted"` // bookings: confirmed or waiting
	Rates    Rates            `json:"rates"`

	Response load.Percentiles `json:"responseMs"`
	Service  load.Percentiles `json:"serviceMs"`
	Lag      load.Percentiles `json:"generatorLagMs"`
	Curve    []CurvePoint     `json:"latencyByPercentile"`
	CPU      CPU              `json:"cpu"`

	Steps    []Step        `json:"ramp,omitempty"`
	Knee     float64       `json:"knee,omitempty"` // highest rate that kept within the limit
	Marks    []Mark        `json:"marks,omitempty"`
	Audit    *audit.Result `json:"audit,omitempty"`
	Timeline []load.Second `json:"timeline"`
}

// Target is an instance of the service.
type Target struct {
	URL     string `json:"url"`
	Engine  string `json:"engine"`
	Version string `json:"version"`
}

// Rates are what clients got each second. A refusal is an answer, but nothing sold.
type Rates struct {
	Requests  float64 `json:"requests"`
	Confirmed float64 `json:"confirmed"`
	Waiting   float64 `json:"waiting"`
	Cancelled float64 `json:"cancelled"`
	Refused   float64 `json:"refused"`
	Errors    float64 `json:"errors"`
}

// CurvePoint is a point of the curve of latency by percentile.
type CurvePoint struct {
	Percentile float64 `json:"percentile"`
	Response   float64 `json:"responseMs"`
	Service    float64 `json:"serviceMs"`
}

// CPU is what was used, in microseconds; 0 means that it could not be seen.
type CPU struct {
	GeneratorPerRequest float64 `json:"generatorPerRequestUs"`
	ServicePerRequest   float64 `json:"servicePerRequestUs,omitempty"`
	ServicePerBooking   float64 `json:"servicePerBookingUs,omitempty"`
	RedisPerRequest     float64 `json:"redisPerRequestUs,omitempty"`
	RedisPerBooking     float64 `json:"redisPerBookingUs,omitempty"`
	Complete            bool    `json:"complete"` // false: a process went away and took its count with it
}

// Step is a step of a ramp.
type Step struct {
	Rate     float64 `json:"rate"`     // asked for
	Achieved float64 `json:"achieved"` // answered with what was asked for: no refusal, no error
	P50      float64 `json:"p50ResponseMs"`
	P99      float64 `json:"p99ResponseMs"`
	Lag      float64 `json:"p99GeneratorLagMs"`
	Refused  int64   `json:"refused"`
	Errors   int64   `json:"errors"`
	Dropped  int64   `json:"dropped"`
	Passed   bool    `json:"passed"`
}

// Mark is something that happened in the middle of the run.
type Mark struct {
	At    float64 `json:"at"` // seconds since the start of the load
	Name  string  `json:"name"`
	Fault bool    `json:"fault"`
	Error string  `json:"error,omitempty"`
}

var curvePercentiles = []float64{
	0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 99, 99.25, 99.5, 99.75, 99.9,
	99.95, 99.975, 99.99, 99.995, 99.999, 99.9999,
}

// Measured fills in what the generator measured.
func (s *Summary) Measured(total *load.Measure, timeline []load.Second) {
	s.Requests, s.Dropped, s.Timeline = total.Requests(), total.Dropped, timeline
	s.Counts, s.Reasons = make(map[string]int64), make(map[string]int64)
	for outcome, n := range total.Counts {
		s.Counts[service.Outcome(outcome).String()] = n
	}
	for reason, n := range total.Reasons {
		if n > 0 {
			s.Reasons[service.Reason(reason).String()] = n
		}
	}
	s.Accepted = total.Counts[service.Confirmed] + total.Counts[service.Waiting]
	s.Response = load.PercentilesOf(total.Response)
	s.Service = load.PercentilesOf(total.Service)
	s.Lag = load.PercentilesOf(total.Lag)
	rate := func(n int64) float64 { return float64(n) / max(s.Seconds, 0.001) }
	s.Rates = Rates{
		Requests: rate(s.Requests), Confirmed: rate(total.Counts[service.Confirmed]),
		Waiting: rate(total.Counts[service.Waiting]), Cancelled: rate(total.Counts[service.Cancelled]),
		Refused: rate(total.Counts[service.Refused]), Errors: rate(total.Errors()),
	}
	for _, percentile := range curvePercentiles {
		// Beyond one request the curve would only repeat the maximum.
		if float64(s.Requests)*(100-percentile)/100 < 1 {
			break
		}
		s.Curve = append(s.Curve, CurvePoint{
			percentile,
			float64(total.Response.ValueAtPercentile(percentile)) / 1000,
			float64(total.Service.ValueAtPercentile(percentile)) / 1000,
		})
	}
}

// Used fills in the CPU.
func (s *Summary) Used(use probe.Use) {
	per := func(cpu time.Duration, n int64) float64 {
		if n == 0 {
			return 0
		}
		return float64(cpu) / float64(time.Microsecond) / float64(n)
	}
	s.CPU = CPU{
		GeneratorPerRequest: per(use.Generator, s.Requests),
		ServicePerRequest:   per(use.Service, s.Requests),
		ServicePerBooking:   per(use.Service, s.Accepted),
		RedisPerRequest:     per(use.Redis, s.Requests),
		RedisPerBooking:     per(use.Redis, s.Accepted),
		Complete:            use.Complete,
	}
}

// ExitCode is what the program ends with.
func (s *Summary) ExitCode() int {
	switch s.Verdict {
	case OK:
		return 0
	case Invalid:
		return 2
	default:
		return 1
	}
}

// Write writes summary.json and report.html into a folder.
func (s *Summary) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "summary.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	page, err := s.html()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "report.html"), page, 0o644)
}
