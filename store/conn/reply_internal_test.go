package conn

import (
	"strings"
	"testing"
)

func TestRepliesThatAreWrongAreErrors(t *testing.T) {
	for name, items := range map[string][]any{
		"empty":          {},
		"no word":        {int64(1), int64(2), int64(3)},
		"unknown word":   {"perhaps", int64(2), int64(3)},
		"too short":      {"promoted", int64(2)},
		"too long":       {"promoted", int64(2), int64(3), int64(4)},
		"string for int": {"promoted", "2", int64(3)},
		"nil":            {"promoted", nil, int64(3)},
	} {
		r, err := newReply("test", items)
		if err == nil {
			_, _ = r.Integer(), r.Integer()
			err = r.End("promoted", "idle")
		}
		if err == nil || !strings.Contains(err.Error(), "test.lua") {
			t.Errorf("%s: %v, want an error that names the script", name, err)
		}
	}
	r, err := newReply("test", []any{"found", []any{"x"}})
	if err != nil || !r.More() {
		t.Fatalf("a list: %v", err)
	}
	list := r.List()
	if !list.More() || list.Text() != "x" || list.More() || list.Err() != nil || r.End("found") != nil {
		t.Errorf("a list: %v, %v", list.err, r.err)
	}
	r, _ = newReply("test", []any{"found", "x"})
	if r.List(); r.End("found") == nil {
		t.Error("a string was taken for a list")
	}
}
