package chart

import (
	"strings"
	"testing"
)

func TestMarksDoNotCoverEachOther(t *testing.T) {
	var c Chart
	c.AddMarks([]Mark{{At: 1}, {At: 1.5}, {At: 2}, {At: 59}}, xScale(0, 60))
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

func labels(ticks []Tick) (all []string) {
	for _, one := range ticks {
		all = append(all, one.Label)
	}
	return all
}

func TestAxisLabels(t *testing.T) {
	for most, want := range map[float64]string{
		0: "0 1", 1: "0 1", 3: "0 1 2 3", 7: "0 2 4 6 8", 200: "0 50 100 150 200",
	} {
		var c Chart
		c.CountAxis(most)
		if got := strings.Join(labels(c.YTicks), " "); got != want {
			t.Errorf("counts up to %g: %s, want %s", most, got, want)
		}
	}
	for most, want := range map[float64]string{
		1: "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1", 3.2: "0 0.5 1 1.5 2 2.5 3", 60: "0 5 10 15 20 25 30 35 40 45 50 55 60",
	} {
		var c Chart
		c.SecondsAxis(most)
		if got := strings.Join(labels(c.XTicks), " "); got != want {
			t.Errorf("seconds up to %g: %s, want %s", most, got, want)
		}
	}
}

// A label in the middle under the right edge would be cut off.
func TestLastLabelStaysInThePicture(t *testing.T) {
	var seconds, percentiles, short Chart
	seconds.SecondsAxis(6000)
	percentiles.PercentileAxis(99.9999)
	short.SecondsAxis(64)
	for _, c := range []Chart{seconds, percentiles} {
		last := len(c.XTicks) - 1
		if c.XTicks[last].Anchor() != "end" || c.XTicks[last-1].Anchor() != "middle" {
			t.Errorf("anchors %s, %s", c.XTicks[last-1].Anchor(), c.XTicks[last].Anchor())
		}
	}
	if last := short.XTicks[len(short.XTicks)-1]; last.Anchor() != "middle" {
		t.Errorf("%s at %.0f is far from the edge", last.Label, last.At)
	}
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		Count(0): "0", Count(999): "999", Count(1000): "1 000", Count(1234567): "1 234 567", Count(0.5): "0.5",
		Milliseconds(0.05): "50 µs", Milliseconds(1.5): "1.5 ms", Milliseconds(4243): "4.24 s",
	} {
		if strings.ReplaceAll(got, "\u202f", " ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
