package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"boxoffice/loadtest/chart"
)

//go:embed report.tmpl
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"ms":     chart.Milliseconds,
	"count":  func(n int64) string { return chart.Count(float64(n)) },
	"int":    func(n int) string { return chart.Count(float64(n)) },
	"rate":   func(v float64) string { return chart.Count(float64(int64(v + 0.5))) },
	"us":     func(v float64) string { return fmt.Sprintf("%.1f µs", v) },
	"sorted": func(m map[string]int64) []string { return slices.Sorted(maps.Keys(m)) },
	"names":  func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
	"upper":  strings.ToUpper,
}).Parse(pageText))

// html returns the report as one page that loads nothing.
func (s *Summary) html() ([]byte, error) {
	var text bytes.Buffer
	err := page.Execute(&text, struct {
		*Summary
		Charts []chart.Chart
		Errors int64
	}{s, s.charts(), s.errors()})
	return text.Bytes(), err
}
