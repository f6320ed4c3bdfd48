// Package chart draws line charts as SVG: for the lab's report, and as files for the
// benchmark.
package chart

import (
	"fmt"
	"math"
	"strings"
)

// The drawing area of a chart, in the units of its SVG.
const (
	width        = 1060
	height       = 330
	marginLeft   = 84
	marginRight  = 18
	marginTop    = 44 // room for the labels of marks, or a title
	marginBottom = 46
)

// Chart is a line chart. Its axes come first: what is added is placed on them.
type Chart struct {
	Title, About   string
	XLabel, YLabel string
	XTicks, YTicks []Tick
	Lines          []Line
	Marks          []Mark
	Hints          []Hint
}

// Tick is a labelled point of an axis.
type Tick struct {
	At    float64 // coordinate
	Label string
	Minor bool
}

// Anchor keeps the label of an x tick at the right edge within the picture.
func (t Tick) Anchor() string {
	const near = 10
	if t.At > width-marginRight-near {
		return "end"
	}
	return "middle"
}

// Line is a line of a chart.
type Line struct {
	Name, Color string
	Dash        string // of the stroke, empty = solid
	Dots        bool   // each point is shown

	Path   string // of the SVG; Add fills it in
	Points []Point
}

// Point is a point that is shown, in coordinates.
type Point struct{ X, Y float64 }

// Mark is something that happened at a moment of the x axis.
type Mark struct {
	At    float64 // on the x axis
	Name  string
	Fault bool

	X, LabelY float64 // coordinates; AddMarks fills them in
	Anchor    string
}

// Hint is a strip of the chart that shows its numbers when pointed at, in coordinates.
type Hint struct {
	X, Width float64
	Text     string
}

// The drawing area, for the template.

// Width returns the picture's width.
func (*Chart) Width() int { return width }

// Height returns the picture's height.
func (*Chart) Height() int { return height }

// Left returns where the x axis begins.
func (*Chart) Left() int { return marginLeft }

// Right returns where the x axis ends.
func (*Chart) Right() int { return width - marginRight }

// Top returns where the y axis ends.
func (*Chart) Top() int { return marginTop }

// Bottom returns where the y axis begins.
func (*Chart) Bottom() int { return height - marginBottom }

// PlotHeight returns the length of the y axis.
func (*Chart) PlotHeight() int { return height - marginBottom - marginTop }

// Add draws a line through points; a NaN interrupts it.
func (c *Chart) Add(line Line, xs, ys []float64, x, y Scale) {
	var path strings.Builder
	pen := "M"
	for i := range xs {
		if math.IsNaN(ys[i]) {
			pen = "M"
			continue
		}
		at := Point{x(xs[i]), y(ys[i])}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, at.X, at.Y)
		pen = "L"
		if line.Dots {
			line.Points = append(line.Points, at)
		}
	}
	line.Path = path.String()
	c.Lines = append(c.Lines, line)
}

// AddMarks draws what happened in the middle of a run. Labels alternate between three
// rows, so that neighbours do not cover each other.
func (c *Chart) AddMarks(marks []Mark, x Scale) {
	const rows, rowHeight = 3, 13
	for i, mark := range marks {
		mark.X, mark.Anchor = x(mark.At), "start"
		mark.LabelY = float64(11 + i%rows*rowHeight)
		if mark.X > width-150 {
			mark.Anchor = "end"
		}
		c.Marks = append(c.Marks, mark)
	}
}
