package main

import (
	"context"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/report"
	"boxoffice/loadtest/scenario"
)

// A ramp's rates grow by a quarter. A step passes if it keeps within the limit of the
// p99, is answered in full, and has next to no errors.
const (
	rampFactor    = 1.25
	rampAchieved  = 0.95
	rampMaxErrors = 0.01
)

// ramp raises the rate until a step does not pass, or the time is over.
func (l *lab) ramp(ctx context.Context, play scenario.Play) *load.Ledger {
	all := &load.Ledger{}
	began := time.Now()
	for rate := l.settings.Rate; ctx.Err() == nil && time.Since(began) < l.settings.Duration; rate *= rampFactor {
		start := time.Now()
		all.Join(l.span(ctx, play, load.Span{Rate: rate, Duration: l.step}))
		// What comes later than the limit allows was not answered at this rate.
		took := max(time.Since(start)-l.p99Limit, l.step)
		measure := l.collector.Span
		requests := measure.Requests()
		step := report.Step{
			Rate: rate, Achieved: float64(requests) / took.Seconds(),
			P50: load.PercentilesOf(measure.Response).P50, P99: load.PercentilesOf(measure.Response).P99,
			Lag: load.PercentilesOf(measure.Lag).P99, Errors: measure.Errors(), Dropped: measure.Dropped,
		}
		step.Passed = step.P99 <= float64(l.p99Limit)/float64(time.Millisecond) &&
			step.Achieved >= rampAchieved*rate &&
			float64(step.Errors) <= rampMaxErrors*float64(requests) && step.Dropped == 0
		l.summary.Steps = append(l.summary.Steps, step)
		if !step.Passed {
			break
		}
		l.summary.Knee = rate
		l.good.Add(measure)
	}
	return all
}
