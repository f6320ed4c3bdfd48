package layout_test

import (
	"testing"

	"boxoffice/store/layout"
)

func TestHoldings(t *testing.T) {
	a := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID()))
	b := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID()))
	for _, want := range []layout.Holding{{Tickets: 1, Oldest: a, Newest: a}, {Tickets: 12, Oldest: a, Newest: b}} {
		if got, err := layout.ParseHolding(want.String()); err != nil || got != want {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
	twice := "2:" + a.String() + ":" + a.String()
	for _, text := range []string{"", "1", "1:", "0:" + a.String(), "x:" + a.String(), "1:rubbish", twice, twice + ":" + b.String()} {
		if got, err := layout.ParseHolding(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
