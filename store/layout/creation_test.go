package layout_test

import (
	"testing"

	"boxoffice/store/layout"
)

func TestCreations(t *testing.T) {
	id := layout.RandomShortID()
	for value, completed := range map[string]bool{"3": false, "3+": true} {
		want := layout.Creation{ID: id, Number: 3, Completed: completed}
		if got, err := layout.ParseCreation(id.String(), value); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", value, got, err, want)
		}
	}
	for _, c := range []struct {
		name, value string
		number      uint64 // that it has all the same
	}{{"nonsense", "3", 3}, {id.String(), "3++", 0}, {id.String(), "0", 0}, {id.String(), "", 0}} {
		if got, err := layout.ParseCreation(c.name, c.value); err == nil || got.Number != c.number || got.Completed {
			t.Errorf("%q, %q: %+v, %v", c.name, c.value, got, err)
		}
	}
}
