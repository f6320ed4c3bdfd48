package report

import (
	"bytes"
	"strings"
	"testing"

	"boxoffice/loadtest/load"
)

func TestJoiningSecondsHidesNoStall(t *testing.T) {
	s := &Summary{}
	for i := range 3 * maxPoints {
		second := load.Second{At: float64(i + 1), Length: 1, InFlight: 2}
		second.Counts[load.Confirmed] = 10
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
		requests += second.Counts[load.Confirmed]
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
