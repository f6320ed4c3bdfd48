package main

import (
	"context"
	"testing"

	"boxoffice/store/redistest"
)

// What is measured of the scripts is what it says: a change of their arguments is noticed here.
func TestScriptsAreMeasured(t *testing.T) {
	redistest.Require(t)
	b := &bench{scale: scale{rounds: 1, calls: 200, hoarder: 200}}
	for _, part := range []func(context.Context) error{b.scripts, b.together} {
		if err := part(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if len(b.Figures) != 7 {
		t.Errorf("%d figures", len(b.Figures))
	}
}
