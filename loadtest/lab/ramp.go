package main

import (
	"context"
	"time"

	"boxoffice/loadtest/lab/report"
	"boxoffice/loadtest/lab/scenario"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// A ramp's rates grow by a quarter. A step passes if it keeps within the limit of the
// p99, gets what it asks for in full, and has next to no errors and refusals: a service
// that refuses all is fast, but serves nobody.
const (
	rampFactor     = 1.25
	rampAchieved   = 0.95
	rampMaxErrors  = 0.01
	rampMaxRefused = 0.01
)

// ramp raises the rate until a step does not pass, or the time is over.
func (l *lab) ramp(ctx context.Context, workload scenario.Workload) *load.Ledger {
	all := &load.Ledger{}
	began := time.Now()
	for rate := l.settings.Rate; ctx.Err() == nil && time.Since(began) < l.settings.Duration; rate *= rampFactor {
		start := time.Now()
		all.Join(l.span(ctx, workload, load.Span{Rate: rate, Duration: l.step}))
		if ctx.Err() != nil {
			break // an interrupted step is not one that was too much
		}
		// What comes later than the limit allows was not answered at this rate.
		took := max(time.Since(start)-l.p99Limit, l.step)
		measure := l.collector.Span
		requests, refused := measure.Requests(), measure.Counts[service.Refused]
		served := requests - refused - measure.Errors()
		step := report.Step{
			Rate: rate, Achieved: float64(served) / took.Seconds(), Refused: refused,
			P50: load.PercentilesOf(measure.Response).P50, P99: load.PercentilesOf(measure.Response).P99,
			Lag: load.PercentilesOf(measure.Lag).P99, Errors: measure.Errors(), Dropped: measure.Dropped,
		}
		step.Passed = step.P99 <= float64(l.p99Limit)/float64(time.Millisecond) &&
			step.Achieved >= rampAchieved*rate &&
			float64(step.Errors) <= rampMaxErrors*float64(requests) &&
			float64(step.Refused) <= rampMaxRefused*float64(requests) && step.Dropped == 0
		l.summary.Steps = append(l.summary.Steps, step)
		if !step.Passed {
			break
		}
		l.summary.Knee = rate
		l.good.Add(measure)
	}
	return all
}
