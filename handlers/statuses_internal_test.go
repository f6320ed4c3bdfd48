package handlers

import (
	"os"
	"slices"
	"strings"
	"testing"

	"boxoffice/store/layout"
)

// A status that lacks its word would be shown as an empty one.
func TestEveryStatusHasAWord(t *testing.T) {
	t.Parallel()
	contract, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, enum, found := strings.Cut(string(contract), "\n    Status: {enum: [")
	if !found {
		t.Fatal("openapi.yaml has no enumeration of statuses")
	}
	enum, _, _ = strings.Cut(enum, "]")
	words := strings.Split(enum, ", ")
	for _, status := range layout.Statuses() {
		word := eventStatusTexts[status]
		if word == "" {
			t.Errorf("%s has no word in the event API", status)
		}
		if !slices.Contains(words, word) {
			t.Errorf("openapi.yaml lacks the status %q", word)
		}
	}
	if len(words) != len(layout.Statuses()) {
		t.Errorf("openapi.yaml has the statuses %q, bookings have %q", words, layout.Statuses())
	}
}
