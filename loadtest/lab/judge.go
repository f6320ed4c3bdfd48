package main

import (
	"fmt"
	"time"

	"boxoffice/loadtest/lab/report"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// judge fills in the summary and says whether its numbers can be believed, and the
// service trusted. A breach stands, however the run was: it is proved.
func (l *lab) judge() {
	s := l.summary
	s.Seconds = l.loaded.Seconds()
	s.Audit = l.audit
	s.Measured(l.collector.Total, l.timeline())
	s.Used(l.use)

	invalid := l.invalid()
	s.Why = append(s.Why, invalid...)
	for _, rule := range l.audit.Rules() {
		s.Why = append(s.Why, fmt.Sprintf("%d times: %s", l.audit.ByRule[rule], rule))
	}
	switch {
	case l.audit.BreachCount > 0:
		s.Verdict = report.Breach
	case s.Verdict == report.NotAudited:
	case len(invalid) > 0:
		s.Verdict = report.Invalid
	default:
		s.Verdict = report.OK
	}
	if !l.use.Complete {
		s.Notes = append(s.Notes, "a Redis node restarted or was away: the CPU that it used before is not counted")
	}
	for _, mark := range s.Marks {
		if mark.Error != "" && !mark.Fault { // a fault's is a reason, see invalid
			s.Notes = append(s.Notes, fmt.Sprintf("%s at %.1f s failed: %s", mark.Name, mark.At, mark.Error))
		}
	}
	if l.scenario.Ramp && len(s.Steps) > 0 && s.Steps[len(s.Steps)-1].Passed {
		s.Notes = append(s.Notes, "the limit was not reached in -duration: the knee is higher")
	}
}

// invalid returns why the numbers would say more about the generator than the service, or
// about something else than what the run was for.
func (l *lab) invalid() (why []string) {
	s := l.summary
	lag, dropped, due := s.Lag.P99, s.Dropped, s.Requests+s.Dropped
	failed, requests := l.collector.Total.Errors(), s.Requests
	if l.scenario.Ramp {
		// The step that did not pass is meant to be too much.
		lag, dropped = load.PercentilesOf(l.good.Lag).P99, 0
		failed, requests = l.good.Errors(), l.good.Requests()
		why = l.invalidRamp()
	}
	if limit := float64(l.maxLag) / float64(time.Millisecond); lag > limit {
		why = append(why, fmt.Sprintf("the generator lagged %.1f ms behind (p99), more than -max-lag %s: it did not get the CPU it needs",
			lag, l.maxLag))
	}
	if part := float64(dropped) / float64(max(1, due)); part > l.maxDrops {
		why = append(why, fmt.Sprintf("%d of %d requests were dropped, more than -max-drops %g: raise -in-flight or lower -rate",
			dropped, due, l.maxDrops))
	}
	if part := float64(failed) / float64(max(1, requests)); part > l.maxErrors {
		why = append(why, fmt.Sprintf("%d of %d requests ended unknown, failed or not sent, more than -max-errors %g",
			failed, requests, l.maxErrors))
	}
	switch {
	case s.Requests-s.Counts[service.NotSent.String()] == 0:
		why = append(why, "not one request was answered")
	case l.asked > 0 && s.Accepted == 0:
		// A service that refuses all is fast, and the audit of nothing finds nothing.
		why = append(why, fmt.Sprintf("not one of %d bookings was accepted", l.asked))
	}
	for _, mark := range s.Marks {
		if mark.Fault && mark.Error != "" {
			why = append(why, fmt.Sprintf("the fault %s failed: %s", mark.Name, mark.Error))
		}
	}
	for _, fault := range l.missed {
		why = append(why, fmt.Sprintf("the fault %s never began: the load was over", fault))
	}
	return why
}

// invalidRamp says why the step that ended a ramp does not show the service's limit.
func (l *lab) invalidRamp() []string {
	steps := l.summary.Steps
	if len(steps) == 0 {
		return []string{"no step of the ramp came to its end"}
	}
	last := steps[len(steps)-1]
	if last.Passed {
		return nil
	}
	var why []string
	if len(steps) == 1 {
		why = append(why, fmt.Sprintf("the first step, of %.0f requests/s, did not pass, so there is no knee: start with a lower -rate",
			last.Rate))
	}
	if limit := float64(l.maxLag) / float64(time.Millisecond); last.Lag > limit {
		why = append(why, fmt.Sprintf(
			"the knee may be the generator's: in the step that did not pass it lagged %.1f ms behind (p99), more than -max-lag %s",
			last.Lag, l.maxLag))
	}
	return why
}

// timeline returns the seconds, counted from the start of the load.
func (l *lab) timeline() []load.Second {
	for i := range l.collector.Seconds {
		l.collector.Seconds[i].At -= l.live.Start
	}
	return l.collector.Seconds
}
