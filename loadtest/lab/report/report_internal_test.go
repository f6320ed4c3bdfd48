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

func TestMarksDoNotCoverEachOther(t *testing.T) {
	var c chart
	c.mark([]Mark{{At: 1}, {At: 1.5}, {At: 2}, {At: 59}}, xScale(0, 60))
	rows := map[float64]bool{}
	for _, mark := range c.Marks[:3] {
		rows[mark.LabelY] = true
	}
	if len(rows) != 3 {
		t.Errorf("three neighbours share rows: %v", c.Marks)
	}
	if c.Marks[3].Anchor != "end" {
		t.Error("the label of a late mark runs out of the picture")
	}
}

func labels(ticks []tick) (all []string) {
	for _, one := range ticks {
		all = append(all, one.Label)
	}
	return all
}

func TestAxisLabels(t *testing.T) {
	for most, want := range map[float64]string{
		0: "0 1", 1: "0 1", 3: "0 1 2 3", 7: "0 2 4 6 8", 200: "0 50 100 150 200",
	} {
		var c chart
		c.countAxis(most)
		if got := strings.Join(labels(c.YTicks), " "); got != want {
			t.Errorf("counts up to %g: %s, want %s", most, got, want)
		}
	}
	for most, want := range map[float64]string{
		1: "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1", 3.2: "0 0.5 1 1.5 2 2.5 3", 60: "0 5 10 15 20 25 30 35 40 45 50 55 60",
	} {
		var c chart
		c.secondsAxis(most)
		if got := strings.Join(labels(c.XTicks), " "); got != want {
			t.Errorf("seconds up to %g: %s, want %s", most, got, want)
		}
	}
}

// A label in the middle under the right edge would be cut off.
func TestLastLabelStaysInThePicture(t *testing.T) {
	var seconds, percentiles, short chart
	seconds.secondsAxis(6000)
	percentiles.percentileAxis(99.9999)
	short.secondsAxis(64)
	for _, c := range []chart{seconds, percentiles} {
		last := len(c.XTicks) - 1
		if c.XTicks[last].Anchor() != "end" || c.XTicks[last-1].Anchor() != "middle" {
			t.Errorf("anchors %s, %s", c.XTicks[last-1].Anchor(), c.XTicks[last].Anchor())
		}
	}
	if last := short.XTicks[len(short.XTicks)-1]; last.Anchor() != "middle" {
		t.Errorf("%s at %.0f is far from the edge", last.Label, last.At)
	}
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
	for _, part := range []string{", 3 errors", "3 outcomes unknown; 1 bookings made that nobody was told of"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("the output lacks %q:\n%s", part, text.String())
		}
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1 000", number(1234567): "1 234 567", number(0.5): "0.5",
		milliseconds(0.05): "50 µs", milliseconds(1.5): "1.5 ms", milliseconds(4243): "4.24 s",
	} {
		if strings.ReplaceAll(got, "\u202f", " ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
