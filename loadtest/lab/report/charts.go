package report

import (
	"fmt"
	"math"
	"strings"

	"boxoffice/loadtest/chart"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// Colours, each of one meaning on the whole page.
const (
	blue   = "#1f6feb" // response time
	green  = "#1a7f37" // confirmed
	amber  = "#b7791f" // waiting
	purple = "#8250df" // refused
	grey   = "#57606a" // cancelled, queries
	red    = "#cf222e" // errors, faults
	teal   = "#0b8a8f" // service time
)

// maxPoints bounds the points of a line: an hour is shown by the ten seconds.
const maxPoints = 600

// seconds returns the timeline, several seconds joined if there are too many. Times
// keep their worst, so that joining hides no stall.
func (s *Summary) seconds() []load.Second {
	join := (len(s.Timeline) + maxPoints - 1) / maxPoints
	if join <= 1 {
		return s.Timeline
	}
	var joined []load.Second
	for i, second := range s.Timeline {
		if i%join == 0 {
			joined = append(joined, second)
			continue
		}
		last := &joined[len(joined)-1]
		last.At, last.Length = second.At, last.Length+second.Length
		for outcome, n := range second.Counts {
			last.Counts[outcome] += n
		}
		last.Dropped += second.Dropped
		last.InFlight = max(last.InFlight, second.InFlight)
		last.Response = worse(last.Response, second.Response)
		last.Service = worse(last.Service, second.Service)
	}
	return joined
}

func worse(a, b load.Percentiles) load.Percentiles {
	return load.Percentiles{
		P50: max(a.P50, b.P50), P90: max(a.P90, b.P90), P99: max(a.P99, b.P99),
		P999: max(a.P999, b.P999), Max: max(a.Max, b.Max),
	}
}

func (s *Summary) charts() []chart.Chart {
	charts := []chart.Chart{s.percentileChart()}
	if seconds := s.seconds(); len(seconds) > 0 {
		charts = append(charts, s.throughputChart(seconds), s.latencyChart(seconds), s.inFlightChart(seconds))
	}
	return charts
}

func (s *Summary) percentileChart() chart.Chart {
	c := chart.Chart{
		Title: "Latency by percentile",
		About: "Response time runs from the moment a request was due, so it holds the wait for a free connection, " +
			"as a user would feel it. Service time runs from the sending.",
		YLabel: "latency",
	}
	var xs, response, service []float64
	for _, point := range s.Curve {
		xs = append(xs, point.Percentile)
		response = append(response, point.Response)
		service = append(service, point.Service)
	}
	if len(xs) == 0 {
		return c
	}
	x := c.PercentileAxis(xs[len(xs)-1])
	y := c.MillisecondsAxis(max(service[0], 0.01), s.Response.Max)
	c.Add(chart.Line{Name: "response time", Color: blue, Dash: ""}, xs, response, x, y)
	c.Add(chart.Line{Name: "service time", Color: teal, Dash: "6 4"}, xs, service, x, y)
	return c
}

// overTime starts a chart of the run's seconds.
func (s *Summary) overTime(c *chart.Chart, seconds []load.Second, describe func(load.Second) string) (x chart.Scale, at []float64) {
	end := seconds[len(seconds)-1].At
	x = c.SecondsAxis(max(end, 1))
	var marks []chart.Mark
	for _, mark := range s.Marks {
		marks = append(marks, chart.Mark{At: mark.At, Name: mark.Name, Fault: mark.Fault})
	}
	c.AddMarks(marks, x)
	for _, second := range seconds {
		from := x(max(0, second.At-second.Length))
		c.Hints = append(c.Hints, chart.Hint{
			X: from, Width: max(1, x(second.At)-from), Text: fmt.Sprintf("%.0f s\n%s", second.At, describe(second)),
		})
		at = append(at, max(0, second.At-second.Length/2))
	}
	return x, at
}

func (s *Summary) throughputChart(seconds []load.Second) chart.Chart {
	c := chart.Chart{
		Title:  "Throughput and errors",
		About:  "What clients got each second. Only confirmed and waiting are bookings accepted; a refusal is an answer, but nothing sold.",
		YLabel: "requests per second",
	}
	kinds := []struct {
		name, color, dash string
		outcomes          []service.Outcome
	}{
		{"confirmed", green, "", []service.Outcome{service.Confirmed}},
		{"waiting", amber, "", []service.Outcome{service.Waiting}},
		{"cancelled", grey, "", []service.Outcome{service.Cancelled}},
		{"queries", grey, "2 4", []service.Outcome{service.Found}},
		{"refused", purple, "", []service.Outcome{service.Refused}},
		{"errors (unknown, failed, not sent)", red, "", []service.Outcome{service.Unknown, service.Failed, service.NotSent}},
		{"dropped", red, "3 4", nil},
	}
	rate := func(second load.Second, outcomes []service.Outcome) float64 {
		n := int64(0)
		for _, outcome := range outcomes {
			n += second.Counts[outcome]
		}
		if outcomes == nil {
			n = second.Dropped
		}
		return float64(n) / max(second.Length, 0.001)
	}
	x, at := s.overTime(&c, seconds, func(second load.Second) string {
		var text strings.Builder
		for _, kind := range kinds {
			fmt.Fprintf(&text, "%s %s/s\n", kind.name, chart.Count(math.Round(rate(second, kind.outcomes))))
		}
		return text.String()
	})
	most := 0.0
	lines := make([][]float64, len(kinds))
	for i, kind := range kinds {
		for _, second := range seconds {
			value := rate(second, kind.outcomes)
			lines[i] = append(lines[i], value)
			most = max(most, value)
		}
	}
	y := c.CountAxis(most)
	for i, kind := range kinds {
		if sum(lines[i]) > 0 || kind.color == red && kind.dash == "" {
			c.Add(chart.Line{Name: kind.name, Color: kind.color, Dash: kind.dash}, at, lines[i], x, y)
		}
	}
	return c
}

func sum(values []float64) (total float64) {
	for _, value := range values {
		total += value
	}
	return total
}

func (s *Summary) latencyChart(seconds []load.Second) chart.Chart {
	c := chart.Chart{
		Title: "Latency over time",
		About: "Of the requests answered in each second. Where response and service time part, " +
			"requests waited for a connection before they could be sent.",
		YLabel: "latency",
	}
	x, at := s.overTime(&c, seconds, func(second load.Second) string {
		return fmt.Sprintf("response p50 %s, p99 %s\nservice p50 %s, p99 %s",
			chart.Milliseconds(second.Response.P50), chart.Milliseconds(second.Response.P99),
			chart.Milliseconds(second.Service.P50), chart.Milliseconds(second.Service.P99))
	})
	lines := make([][]float64, 4)
	least, most := math.Inf(1), 0.0
	for _, second := range seconds {
		for i, value := range []float64{second.Response.P99, second.Response.P50, second.Service.P99, second.Service.P50} {
			if second.Response.Max == 0 {
				value = math.NaN() // nothing was answered
			} else {
				least, most = min(least, value), max(most, value)
			}
			lines[i] = append(lines[i], value)
		}
	}
	y := c.MillisecondsAxis(min(least, 1), most)
	c.Add(chart.Line{Name: "response p99", Color: blue, Dash: ""}, at, lines[0], x, y)
	c.Add(chart.Line{Name: "response p50", Color: blue, Dash: "2 3"}, at, lines[1], x, y)
	c.Add(chart.Line{Name: "service p99", Color: teal, Dash: "8 4"}, at, lines[2], x, y)
	c.Add(chart.Line{Name: "service p50", Color: teal, Dash: "2 5"}, at, lines[3], x, y)
	return c
}

func (s *Summary) inFlightChart(seconds []load.Second) chart.Chart {
	c := chart.Chart{
		Title:  "In flight",
		About:  "Requests due and not answered, at the end of each second: on the wire, or waiting for a connection.",
		YLabel: "requests",
	}
	x, at := s.overTime(&c, seconds, func(second load.Second) string {
		return chart.Count(float64(second.InFlight)) + " in flight"
	})
	var values []float64
	most := 0.0
	for _, second := range seconds {
		values = append(values, float64(second.InFlight))
		most = max(most, float64(second.InFlight))
	}
	c.Add(chart.Line{Name: "in flight", Color: grey, Dash: ""}, at, values, x, c.CountAxis(most))
	return c
}
