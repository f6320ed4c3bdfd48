package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The drawing area of a chart, in the units of its SVG.
const (
	chartWidth   = 1060
	chartHeight  = 330
	marginLeft   = 84
	marginRight  = 18
	marginTop    = 44 // room for the labels of marks
	marginBottom = 46
)

// chart is a line chart, ready to be drawn: all coordinates are computed.
type chart struct {
	Title, About   string
	XLabel, YLabel string
	XTicks, YTicks []tick
	Lines          []line
	Marks          []chartMark
	Hints          []hint
}

type tick struct {
	At    float64
	Label string
	Minor bool
}

// Anchor keeps the label of an x tick at the right edge within the picture.
func (t tick) Anchor() string {
	const near = 10
	if t.At > chartWidth-marginRight-near {
		return "end"
	}
	return "middle"
}

type line struct {
	Name, Color string
	Dash        string // of the stroke, empty = solid
	Path        string
}

type chartMark struct {
	X, LabelY float64
	Anchor    string
	Name      string
	Fault     bool
}

// hint is a strip of the chart that shows its numbers when pointed at.
type hint struct {
	X, Width float64
	Text     string
}

// Width and so on give the template the drawing area.
func (*chart) Width() int      { return chartWidth }
func (*chart) Height() int     { return chartHeight }
func (*chart) Left() int       { return marginLeft }
func (*chart) Right() int      { return chartWidth - marginRight }
func (*chart) Top() int        { return marginTop }
func (*chart) Bottom() int     { return chartHeight - marginBottom }
func (*chart) PlotHeight() int { return chartHeight - marginBottom - marginTop }

// scale turns a value into a coordinate.
type scale func(value float64) float64

func linear(least, most, from, to float64) scale {
	return func(value float64) float64 {
		return from + (min(max(value, least), most)-least)/(most-least)*(to-from)
	}
}

func logarithmic(least, most, from, to float64) scale {
	inner := linear(math.Log10(least), math.Log10(most), from, to)
	return func(value float64) float64 { return inner(math.Log10(max(value, least))) }
}

func xScale(least, most float64) scale {
	return linear(least, most, marginLeft, chartWidth-marginRight)
}

// countAxis is a linear y axis from zero.
func (c *chart) countAxis(most float64) scale {
	step := max(1, niceStep(most/5)) // there is no half request
	top := math.Ceil(max(most, 1)/step) * step
	y := linear(0, top, chartHeight-marginBottom, marginTop)
	for i := range int(math.Round(top/step)) + 1 {
		value := float64(i) * step // a sum of steps would drift
		c.YTicks = append(c.YTicks, tick{At: y(value), Label: number(value)})
	}
	return y
}

// timeAxis is a logarithmic y axis of milliseconds, from decade to decade.
func (c *chart) timeAxis(least, most float64) scale {
	low := math.Floor(math.Log10(max(least, 0.01)))
	high := max(math.Ceil(math.Log10(max(most, 0.1))), low+1)
	y := logarithmic(math.Pow(10, low), math.Pow(10, high), chartHeight-marginBottom, marginTop)
	for decade := low; decade <= high; decade++ {
		value := math.Pow(10, decade)
		c.YTicks = append(c.YTicks, tick{At: y(value), Label: milliseconds(value)})
		if decade < high {
			for _, minor := range []float64{2, 5} {
				c.YTicks = append(c.YTicks, tick{At: y(minor * value), Minor: true, Label: milliseconds(minor * value)})
			}
		}
	}
	return y
}

// secondsAxis is an x axis of the run's time.
func (c *chart) secondsAxis(most float64) scale {
	x := xScale(0, most)
	step := niceStep(most / 12)
	for i := range int(most/step+1e-9) + 1 {
		value := float64(i) * step
		c.XTicks = append(c.XTicks, tick{At: x(value), Label: strconv.FormatFloat(value, 'g', 6, 64)})
	}
	c.XLabel = "seconds since the start of the load"
	return x
}

// percentileAxis is an x axis on which each further nine takes the same room.
func (c *chart) percentileAxis(highest float64) scale {
	position := func(percentile float64) float64 { return math.Log10(100 / (100 - percentile)) }
	inner := xScale(0, max(position(highest), position(99)))
	x := func(percentile float64) float64 { return inner(position(percentile)) }
	for _, percentile := range []float64{0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999, 99.9999} {
		if percentile <= highest || percentile <= 99 {
			c.XTicks = append(c.XTicks, tick{At: x(percentile), Label: fmt.Sprintf("%g%%", percentile)})
		}
	}
	c.XLabel = "percentile of requests"
	return x
}

// add draws a line through points; a NaN interrupts it.
func (c *chart) add(name, color, dash string, xs, ys []float64, x, y scale) {
	var path strings.Builder
	pen := "M"
	for i := range xs {
		if math.IsNaN(ys[i]) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x(xs[i]), y(ys[i]))
		pen = "L"
	}
	c.Lines = append(c.Lines, line{name, color, dash, path.String()})
}

// mark draws what happened in the middle of the run. Labels alternate between three
// rows, so that neighbours do not cover each other.
func (c *chart) mark(marks []Mark, x scale) {
	const rows, rowHeight = 3, 13
	for i, one := range marks {
		m := chartMark{X: x(one.At), Name: one.Name, Fault: one.Fault, Anchor: "start"}
		m.LabelY = float64(11 + i%rows*rowHeight)
		if m.X > chartWidth-150 {
			m.Anchor = "end"
		}
		c.Marks = append(c.Marks, m)
	}
}

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(value, 1e-3))))
	for _, factor := range []float64{1, 2, 5} {
		if value <= factor*power {
			return factor * power
		}
	}
	return 10 * power
}

// number writes a count with its thousands apart.
func number(value float64) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if value >= 100 {
		text = strconv.FormatFloat(value, 'f', 0, 64)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + " " + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// milliseconds writes a time in the unit that suits it.
func milliseconds(ms float64) string {
	switch {
	case ms >= 1000:
		return strconv.FormatFloat(ms/1000, 'g', 3, 64) + " s"
	case ms >= 0.1:
		return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
	default:
		return strconv.FormatFloat(ms*1000, 'g', 3, 64) + " µs"
	}
}
