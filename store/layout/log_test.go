package layout_test

import (
	"reflect"
	"testing"
	"time"

	"boxoffice/store/layout"
)

func TestChangesAreRead(t *testing.T) {
	at := time.UnixMilli(1700000000000).UTC()
	a, b := "gACAAAAAAAAAAA", "gACAAAAAAAAAAQ"
	name := "a|b"
	idA, idB := layout.ParseShortID(a), layout.ParseShortID(b)
	for text, want := range map[string]layout.Change{
		a:                     {Kind: layout.ChangeBooked, Booking: idA},
		"E|1700000000000|":    {Kind: layout.ChangeCreated, At: at},
		"E|1700000000000|key": {Kind: layout.ChangeCreated, At: at, By: "key"},
		`U|1700000000000|{"by":"a key","settings":{"name":"a|b"}}`: {
			Kind: layout.ChangeUpdated, At: at, By: "a key", Settings: layout.SettingsChange{Name: &name},
		},
		"X|1700000000000|" + a + "||":      {Kind: layout.ChangeCancelled, At: at, Booking: idA},
		"X|1700000000000|" + a + "||key|x": {Kind: layout.ChangeCancelled, At: at, Booking: idA, By: "key|x"},
		"X|1700000000000|" + a + "|" + b + "," + a + "|": {
			Kind: layout.ChangeCancelled, At: at, Booking: idA, Promoted: []layout.ShortID{idB, idA},
		},
		"R|1700000000000|" + a + "|2||": {Kind: layout.ChangeReduced, At: at, Booking: idA, Quantity: 2},
		"R|1700000000000|" + a + "|1|" + b + "|key|x": {
			Kind: layout.ChangeReduced, At: at, Booking: idA, Quantity: 1, Promoted: []layout.ShortID{idB}, By: "key|x",
		},
		"H|1700000000000|" + a:         {Kind: layout.ChangeHeld, At: at, Booking: idA},
		"C|1700000000000|" + a:         {Kind: layout.ChangeConfirmed, At: at, Booking: idA},
		"D|1700000000000|" + a + "|12": {Kind: layout.ChangeExtended, At: at, Booking: idA, ExpiresAt: 12},
		"T|1700000000000|" + a + "," + b + "|": {
			Kind: layout.ChangeExpired, At: at, Expired: []layout.ShortID{idA, idB},
		},
		"T|1700000000000|" + a + "|" + b: {
			Kind: layout.ChangeExpired, At: at, Expired: []layout.ShortID{idA}, Promoted: []layout.ShortID{idB},
		},
		"P|1700000000000|" + b: {Kind: layout.ChangePromoted, At: at, Promoted: []layout.ShortID{idB}},
	} {
		if got, err := layout.ParseChange(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "rubbish", "E", "E|", "E|now|", "Z|1|", "U|1|", "U|1|{}", `U|1|{"settings":{}}`, `U|1|{"settings":[1]}`,
		"X|1|", "X|1|" + a, "X|1|" + a + "|", "X|1|rubbish||", "X|1||" + a + "|", "X|1|" + a + "|rubbish|", "X|1|" + a + "|,|",
		"H|1|", "H|1|" + a + "|", "C|1|rubbish", "D|1|" + a, "D|1|" + a + "|x", "D|1||12", "T|1|" + a, "T|1||" + a, "T|1|" + a + "|,",
		"R|1|" + a + "||", "R|1|" + a + "|0||", "R|1|" + a + "|x||", "R|1||1||", "R|1|" + a + "|1|", "R|1|" + a + "|1|x|",
		"P|1|", "P|1|" + a + ",", "P|1|rubbish",
	} {
		if got, err := layout.ParseChange(text); err == nil {
			t.Errorf("%q was taken for an entry of the log: %+v", text, got)
		}
	}
}
