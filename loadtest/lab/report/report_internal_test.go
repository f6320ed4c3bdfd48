package report

import (
	"bytes"
	"strings"
	"testing"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

func TestJoiningSecondsHidesNoStall(t *testing.T) {
	s := &Summary{}
	for i := range 3 * maxPoints {
		second := load.Second{At: float64(i + 1), Length: 1, InFlight: 2}
		second.Counts[service.Confirmed] = 10
		if i == 1000 {
			second.Response.P99, second.InFlight = 5000, 77
		}
		s.Timeline = append(s.Timeline, second)
	}
	joined := s.seconds()
	if len(joined) > maxPoints {
		t.Fatalf("%d points", len(joined))
	}
	var requests, inFlight int64
	worst, length := 0.0, 0.0
	for _, second := range joined {
		requests += second.Counts[service.Confirmed]
		length += second.Length
		worst = max(worst, second.Response.P99)
		inFlight = max(inFlight, second.InFlight)
	}
	if requests != 30*maxPoints || length != 3*maxPoints || worst != 5000 || inFlight != 77 {
		t.Errorf("%d requests in %.0f s, worst p99 %.0f ms, %d in flight", requests, length, worst, inFlight)
	}
	if last := joined[len(joined)-1]; last.At != 3*maxPoints {
		t.Errorf("the last point is at %.0f s", last.At)
	}
}

func TestPageOfAnEmptyRun(t *testing.T) {
	s := &Summary{Verdict: Invalid, Why: []string{"<script>alert(1)</script>"}}
	page, err := s.html()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(page, []byte("<script>")) || !bytes.Contains(page, []byte("&lt;script&gt;")) {
		t.Error("text from outside is not escaped")
	}
}

// A label in the middle under the right edge would be cut off.
func TestLastLabelOfThePercentiles(t *testing.T) {
	page, err := (&Summary{Curve: []CurvePoint{{Percentile: 99.9, Response: 1, Service: 1}}}).html()
	if err != nil || !bytes.Contains(page, []byte(`text-anchor="end">99.9%<`)) {
		t.Errorf("%v: the page does not anchor the last label at its end", err)
	}
}

// What is printed must be true of few as of many.
func TestPrintedCounts(t *testing.T) {
	s := &Summary{
		Verdict: OK, Seconds: 30, Requests: 1000, Counts: map[string]int64{"unknown": 1, "failed": 1, "not sent": 1},
		Audit: &audit.Result{Unknown: 3, Happened: 1},
	}
	s.Rates.Errors = 0.1
	var text bytes.Buffer
	s.Print(&text, "out")
	for _, part := range []string{", 3 errors", "3 outcomes unknown; 1 bookings made without an acknowledgement"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, text.String())
		}
	}
}
