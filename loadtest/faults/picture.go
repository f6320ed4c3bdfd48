package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"boxoffice/loadtest/faults/history"
)

// stuck names, for each event, the calls that porcupine found no place for: the first to be answered
// of those that its best attempt leaves out. An answer that no model gives is among them.
func stuck(operations []porcupine.Operation, info porcupine.LinearizationInfo) string {
	const most = 3
	event := func(op porcupine.Operation) uint64 { return op.Output.(history.Attempt).Event }
	var calls strings.Builder
	for _, attempts := range info.PartialLinearizationsOperations() {
		best := slices.MaxFunc(attempts, func(a, b []porcupine.Operation) int { return len(a) - len(b) })
		left := slices.DeleteFunc(slices.Clone(operations), func(op porcupine.Operation) bool {
			return event(op) != event(best[0]) || slices.ContainsFunc(best, func(placed porcupine.Operation) bool {
				return placed.ClientId == op.ClientId && placed.Call == op.Call && placed.Return == op.Return
			})
		})
		slices.SortFunc(left, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
		for _, op := range left[:min(most, len(left))] {
			fmt.Fprintf(&calls, "\n    event %d: %s", event(op), op.Output)
		}
	}
	return calls.String()
}

// picture writes porcupine's picture of a history, and returns where it is.
func picture(m porcupine.Model, info porcupine.LinearizationInfo) string {
	file, err := os.CreateTemp("", "boxoffice-history-*.html")
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if err := porcupine.Visualize(m, info, file); err != nil {
		return ""
	}
	return ", see " + file.Name()
}
