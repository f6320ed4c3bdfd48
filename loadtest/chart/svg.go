package chart

import (
	"bytes"
	_ "embed"
	"html/template"
)

//go:embed chart.tmpl
var templateText string

var templates = template.Must(template.New("chart").Parse(templateText))

// SVG returns the drawing as a part of a page, which styles its texts (classes axis and
// minor), and shows title and legend beside it.
func (c *Chart) SVG() (template.HTML, error) {
	var text bytes.Buffer
	err := templates.ExecuteTemplate(&text, "part", c)
	return template.HTML(text.String()), err //nolint:gosec // the template has escaped it
}

// File returns the chart as an SVG file of its own, with title and legend.
func (c *Chart) File() ([]byte, error) {
	var text bytes.Buffer
	err := templates.ExecuteTemplate(&text, "file", c)
	return text.Bytes(), err
}

// LegendX returns where line i begins in the legend of a file, which ends at the right.
func (c *Chart) LegendX(i int) int {
	const each = 190
	return c.Right() - each*(len(c.Lines)-i)
}
