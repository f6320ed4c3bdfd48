package main

import "boxoffice/loadtest/chart"

const (
	grey   = "#888888" // a limit
	orange = "#c2410c" // what is measured
)

// series is a line of a plot.
type series struct {
	name, color string
	points      []point
}

// plot draws series over the same values of x.
func plot(title, x, y string, all ...series) *chart.Chart {
	c := &chart.Chart{Title: title, XLabel: x, YLabel: y}
	var xs []float64
	most := 0.0
	for _, p := range all[0].points {
		xs = append(xs, p.X)
	}
	for _, one := range all {
		for _, p := range one.points {
			most = max(most, p.Y)
		}
	}
	xScale, yScale := c.ValuesAxis(xs), c.CountAxis(most)
	for _, one := range all {
		var ys []float64
		for _, p := range one.points {
			ys = append(ys, p.Y)
		}
		c.Add(chart.Line{Name: one.name, Color: one.color, Dots: true}, xs, ys, xScale, yScale)
	}
	return c
}
