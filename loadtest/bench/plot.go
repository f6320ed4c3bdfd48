package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// series is a line of a plot.
type series struct {
	name   string
	points []point
}

const (
	plotWidth, plotHeight           = 720.0, 400.0
	plotLeft, plotRight             = 80.0, 24.0
	plotTop, plotBottom             = 56.0, 56.0
	plotInnerWidth, plotInnerHeight = plotWidth - plotLeft - plotRight, plotHeight - plotTop - plotBottom
)

var plotColours = []string{"#888888", "#c2410c"}

// plot draws series as an SVG: x logarithmic, y from zero.
func plot(title, x, y string, all ...series) string {
	first, last, highest := math.Inf(1), 0.0, 0.0
	for _, one := range all {
		for _, p := range one.points {
			first, last, highest = min(first, p.X), max(last, p.X), max(highest, p.Y)
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(highest)))
	for highest/step < 4 {
		step /= 2
	}
	top := math.Ceil(highest/step) * step
	atX := func(value float64) float64 {
		return plotLeft + plotInnerWidth*(math.Log(value/first)/max(math.Log(last/first), 1e-9))
	}
	atY := func(value float64) float64 { return plotTop + plotInnerHeight*(1-value/top) }

	var svg strings.Builder
	write := func(format string, args ...any) { fmt.Fprintf(&svg, format+"\n", args...) }
	text := func(x, y float64, anchor, text string) {
		write(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(text))
	}
	write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="13" fill="#222">`,
		plotWidth, plotHeight)
	write(`<rect width="100%%" height="100%%" fill="#fff"/>`)
	write(`<text x="%g" y="22" font-size="16" font-weight="bold">%s</text>`, plotLeft, html.EscapeString(title))
	for value := 0.0; value <= top*1.001; value += step {
		write(`<path d="M%g %.1fH%g" stroke="#ddd"/>`, plotLeft, atY(value), plotWidth-plotRight)
		text(plotLeft-8, atY(value)+4, "end", short(value))
	}
	for _, p := range all[0].points {
		text(atX(p.X), plotHeight-plotBottom+20, "middle", short(p.X))
	}
	text(plotLeft+plotInnerWidth/2, plotHeight-14, "middle", x)
	text(8, plotTop-12, "start", y)
	for i, one := range all {
		colour := plotColours[(i+len(plotColours)-len(all))%len(plotColours)]
		var path []string
		for _, p := range one.points {
			path = append(path, fmt.Sprintf("%.1f,%.1f", atX(p.X), atY(p.Y)))
			write(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, atX(p.X), atY(p.Y), colour)
		}
		write(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(path, " "), colour)
		legend := plotWidth - plotRight - 180*float64(len(all)-i)
		write(`<rect x="%g" y="34" width="18" height="4" fill="%s"/>`, legend, colour)
		text(legend+24, 40, "start", one.name)
	}
	write(`</svg>`)
	return svg.String()
}

// short writes 20000 as 20k.
func short(value float64) string {
	switch {
	case value >= 1e6:
		return fmt.Sprintf("%gM", value/1e6)
	case value >= 1e3 && math.Mod(value, 100) == 0:
		return fmt.Sprintf("%gk", value/1e3)
	default:
		return fmt.Sprintf("%g", value)
	}
}
