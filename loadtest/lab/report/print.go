package report

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"boxoffice/loadtest/service"
)

// Print writes the end of the run as text. An invalid run has no numbers here: they
// would be quoted.
func (s *Summary) Print(w io.Writer, folder string) {
	fmt.Fprintln(w)
	if s.Audit != nil {
		for _, breach := range s.Audit.Breaches {
			fmt.Fprintln(w, breach)
		}
	}
	if s.Verdict != Invalid {
		s.printNumbers(w)
	}
	for _, note := range s.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	if s.Audit != nil {
		fmt.Fprintf(w, "audit: %d breaches in %d events, %d bookings, %d changes, %d answers; ",
			s.Audit.BreachCount, s.Audit.Events, s.Audit.Bookings, s.Audit.Changes, s.Audit.Answers)
		fmt.Fprintf(w, "%d outcomes unknown; %d bookings made without an acknowledgement; %.1f s\n",
			s.Audit.Unknown, s.Audit.Happened, s.Audit.Took.Seconds())
	}
	verdict := s.Verdict
	if len(s.Why) > 0 {
		verdict += ": " + strings.Join(s.Why, "; ")
	}
	fmt.Fprintln(w, verdict)
	fmt.Fprintln(w, "report:", filepath.Join(folder, "report.html"))
}

// errors returns how many requests did not get what the API promises.
func (s *Summary) errors() int64 {
	return s.Counts[service.Unknown.String()] + s.Counts[service.Failed.String()] + s.Counts[service.NotSent.String()]
}

func (s *Summary) printNumbers(w io.Writer) {
	fmt.Fprintf(w, "%d requests in %.1f s: %.0f/s; %d dropped\n", s.Requests, s.Seconds, s.Rates.Requests, s.Dropped)
	fmt.Fprintf(w, "bookings accepted: %d confirmed (%.0f/s), %d waiting (%.0f/s); %d cancelled, %d refused, %d errors\n",
		s.Counts["confirmed"], s.Rates.Confirmed, s.Counts["waiting"], s.Rates.Waiting,
		s.Counts["cancelled"], s.Counts["refused"], s.errors())
	for _, reason := range slices.Sorted(maps.Keys(s.Reasons)) {
		fmt.Fprintf(w, "  %s: %d\n", reason, s.Reasons[reason])
	}
	fmt.Fprintf(w, "response ms: p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n",
		s.Response.P50, s.Response.P90, s.Response.P99, s.Response.P999, s.Response.Max)
	fmt.Fprintf(w, "service  ms: p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f\n",
		s.Service.P50, s.Service.P90, s.Service.P99, s.Service.P999, s.Service.Max)
	fmt.Fprintf(w, "generator: lag p99 %.2f ms, %.1f us CPU a request\n", s.Lag.P99, s.CPU.GeneratorPerRequest)
	if s.CPU.ServicePerRequest > 0 {
		fmt.Fprintf(w, "service: %.1f us CPU a request, %.1f a booking\n", s.CPU.ServicePerRequest, s.CPU.ServicePerBooking)
	}
	if s.CPU.RedisPerRequest > 0 {
		fmt.Fprintf(w, "redis: %.1f us CPU a request, %.1f a booking\n", s.CPU.RedisPerRequest, s.CPU.RedisPerBooking)
	}
	if len(s.Steps) > 0 {
		fmt.Fprintf(w, "knee: %.0f requests/s\n", s.Knee)
	}
}
