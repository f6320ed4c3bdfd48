package report

import (
	"fmt"
	"io"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// Live prints one line a second.
type Live struct {
	Output io.Writer
	Start  float64 // of the load, seconds since the generator's start
	Length float64 // of the load, seconds
	lines  int
}

const heading = "  time    req/s confirmed/s waiting/s cancelled/s refused/s errors/s dropped/s  p50 ms  p99 ms in flight"

// Show prints a second that ended.
func (l *Live) Show(s load.Second) {
	const page = 20
	if l.lines%page == 0 {
		fmt.Fprintln(l.Output, heading)
	}
	l.lines++
	var all, errors int64
	for outcome, n := range s.Counts {
		all += n
		if service.Outcome(outcome).IsError() {
			errors += n
		}
	}
	rate := func(n int64) float64 { return float64(n) / s.Length }
	text := fmt.Sprintf("%5.0fs %8.0f %11.0f %9.0f %11.0f %9.0f %8.0f %9.0f %7.1f %7.1f %9d",
		s.At-l.Start, rate(all), rate(s.Counts[service.Confirmed]), rate(s.Counts[service.Waiting]),
		rate(s.Counts[service.Cancelled]), rate(s.Counts[service.Refused]), rate(errors), rate(s.Dropped),
		s.Response.P50, s.Response.P99, s.InFlight)
	if l.Length > 0 {
		text += fmt.Sprintf("  %3.0f%%", min(100, 100*(s.At-l.Start)/l.Length))
	}
	fmt.Fprintln(l.Output, text)
}
