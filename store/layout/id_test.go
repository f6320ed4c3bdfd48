package layout_test

import (
	"testing"

	"github.com/google/uuid"

	"boxoffice/store/layout"
)

func TestIDsCarryTheEventNumber(t *testing.T) {
	for _, number := range []uint64{1, 255, 256, 1 << 40, layout.MaxNumber} {
		id := layout.NewID(number, layout.RandomShortID())
		if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("%s is not of version 8, RFC 9562", id)
		}
		if got, ok := layout.NumberOf(id); !ok || got != number {
			t.Errorf("the number in %s is %d, %v, want %d", id, got, ok, number)
		}
		short := layout.ShortIDOf(id).String()
		if back, err := layout.BookingID(number, short); err != nil || back != id {
			t.Errorf("the short id %s gives %s, %v, want %s", short, back, err, id)
		}
		if len(short) != 14 {
			t.Errorf("the short id %s has %d characters", short, len(short))
		}
	}
	for _, id := range []uuid.UUID{uuid.Nil, uuid.New(), layout.NewID(0, layout.RandomShortID())} {
		if _, ok := layout.NumberOf(id); ok {
			t.Errorf("%s is taken for an id of this service", id)
		}
	}
}

func TestDerivedShortIDsDependOnEveryPart(t *testing.T) {
	if layout.DerivedShortID("a", "bc") == layout.DerivedShortID("ab", "c") {
		t.Error("the border between parts does not count")
	}
	if layout.DerivedShortID("a", "b") != layout.DerivedShortID("a", "b") {
		t.Error("the same parts give different short ids")
	}
	if layout.ShortIDFor("", "a") == layout.ShortIDFor("", "a") {
		t.Error("without a key the short ids must be random")
	}
}
