package main

import (
	"fmt"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/report"
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
		if mark.Error != "" {
			s.Notes = append(s.Notes, fmt.Sprintf("%s at %.1f s failed: %s", mark.Name, mark.At, mark.Error))
		}
	}
	if l.scenario.Ramp {
		l.judgeRamp()
	}
}

// invalid says why the numbers would tell more about the generator than the service.
func (l *lab) invalid() (why []string) {
	s := l.summary
	lag, dropped, due := s.Lag.P99, s.Dropped, s.Requests+s.Dropped
	if l.scenario.Ramp {
		// The step that did not pass is meant to be too much.
		lag, dropped = load.PercentilesOf(l.good.Lag).P99, 0
	}
	if limit := float64(l.maxLag) / float64(time.Millisecond); lag > limit {
		why = append(why, fmt.Sprintf("the generator lagged %.1f ms behind (p99), more than -max-lag %s: it did not get the CPU it needs",
			lag, l.maxLag))
	}
	if part := float64(dropped) / float64(max(1, due)); part > l.maxDrops {
		why = append(why, fmt.Sprintf("%d of %d requests were dropped, more than -max-drops %g: raise -in-flight or lower -rate",
			dropped, due, l.maxDrops))
	}
	if s.Requests-s.Counts[load.NotSent.String()] == 0 {
		why = append(why, "not one request was answered")
	}
	return why
}

func (l *lab) judgeRamp() {
	s := l.summary
	switch {
	case s.Knee == 0:
		s.Notes = append(s.Notes, "the very first rate was too much: start lower")
	case s.Steps[len(s.Steps)-1].Passed:
		s.Notes = append(s.Notes, "the limit was not reached in -duration: the knee is higher")
	}
}

// timeline returns the seconds, counted from the start of the load.
func (l *lab) timeline() []load.Second {
	for i := range l.collector.Seconds {
		l.collector.Seconds[i].At -= l.live.Start
	}
	return l.collector.Seconds
}
