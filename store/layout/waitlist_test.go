package layout_test

import (
	"testing"

	"boxoffice/scripts"
	"boxoffice/store/layout"
)

func TestWaitlistBase(t *testing.T) {
	for lastServed, want := range map[int64]int64{
		0: 0, scripts.TrimEvery - 1: 0, scripts.TrimEvery: scripts.TrimEvery, 2*scripts.TrimEvery + 1: 2 * scripts.TrimEvery,
	} {
		if got := layout.WaitlistBase(lastServed); got != want {
			t.Errorf("after %d served: %d, want %d", lastServed, got, want)
		}
	}
}

func TestWithdrawnMembers(t *testing.T) {
	if got, err := layout.ParseWithdrawn("3", 3); got != 3 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for member, score := range map[string]float64{"3": 4, "0": 0, "-": 1, "-1": -1} {
		if _, err := layout.ParseWithdrawn(member, score); err == nil {
			t.Errorf("%q with score %v was taken for a sequence number", member, score)
		}
	}
	sentinel := layout.IsWithdrawnSentinel
	if !sentinel(layout.Sentinel, 0) || sentinel("3", 0) || sentinel(layout.Sentinel, 3) {
		t.Error("the sentinel is not told from others")
	}
}
