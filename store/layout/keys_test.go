package layout_test

import (
	"strings"
	"testing"

	"boxoffice/store/layout"
)

// miniredis takes a script whose keys are in several slots, a cluster refuses it.
func TestKeysOfAnEventShareASlot(t *testing.T) {
	for _, number := range []uint64{1, 2, 10, 123456, layout.MaxNumber} {
		tags := map[string]bool{}
		for _, key := range (layout.Keys{}).OfEvent(number) {
			// Redis Cluster specification, "Hash tags": from the first { to the next }.
			_, rest, _ := strings.Cut(key, "{")
			hashed, _, found := strings.Cut(rest, "}")
			if !found || hashed == "" {
				t.Errorf("key %s has no hash tag", key)
			}
			tags[hashed] = true
		}
		if len(tags) != 1 {
			t.Errorf("the keys of event %d have several tags: %v", number, tags)
		}
	}
}
