package layout_test

import (
	"strings"
	"testing"
	"time"

	"boxoffice/store/layout"
)

func TestRecordsThatAreWrongAreErrors(t *testing.T) {
	good := "W||||2|1700000000000|7|AAAAgAAAAAAAAA||3|1|a|b"
	name := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID())).String()
	booking, err := layout.ParseBooking(1, name, good)
	if err != nil || booking.User != "a|b" || booking.Quantity != 2 || booking.Version != 7 || !booking.Waited {
		t.Errorf("%s: %+v, %v", good, booking, err)
	}
	for _, record := range []string{"", "W", "Z||||2|1|7|||||a", "W||||x|1|7|||||a", "C|x|||1|1|7|||||a"} {
		if _, err := layout.ParseBooking(1, name, record); err == nil {
			t.Errorf("%q was taken for a record", record)
		}
	}
	for _, name := range []string{"too short", strings.Repeat("A", 36), "AAAAAAAAAAAAAA", "\n\n\n\n\n\n\n\n\n\n\n\n\n\n"} {
		if _, err := layout.ParseBooking(1, name, good); err == nil {
			t.Errorf("%q was taken for a booking's short id", name)
		}
	}
}

func TestRecordsAreRead(t *testing.T) {
	id := layout.ParseShortID
	for text, want := range map[string]layout.Record{
		"X|9|12|gACAAAAAAAAAAA+3|2|1700000000000|7|gACAAAAAAAAAAQ|gACAAAAAAAAAAg|3|1|a|b": {
			Status: layout.StatusCancelled, Promoted: 9, Cancelled: 12, FreedFirst: id("gACAAAAAAAAAAA"), FreedCount: 3,
			Quantity: 2, CreatedAt: time.UnixMilli(1700000000000).UTC(), Version: 7,
			Before: id("gACAAAAAAAAAAQ"), Older: id("gACAAAAAAAAAAg"), Sequence: 3, Position: 1, User: "a|b",
		},
		"C||||1|0|2|rubbish||||a": {
			Status: layout.StatusConfirmed, Quantity: 1, CreatedAt: time.UnixMilli(0).UTC(), Version: 2,
			Before: layout.InvalidShortID, User: "a",
		},
		"X||3|gACAAAAAAAAAAA|1|0|2|||||a": {
			Status: layout.StatusCancelled, Cancelled: 3, FreedFirst: id("gACAAAAAAAAAAA"), FreedCount: 1,
			Quantity: 1, CreatedAt: time.UnixMilli(0).UTC(), Version: 2, User: "a",
		},
	} {
		if got, err := layout.ParseRecord(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, freed := range []string{"rubbish", "+2", "AAAAgAAAAAAAAA", "gACAAAAAAAAAAA+0", "gACAAAAAAAAAAA+x"} {
		if got, err := layout.ParseRecord("X||3|" + freed + "|1|0|2|||||a"); err == nil {
			t.Errorf("%q was taken for whom a cancellation promoted: %+v", freed, got)
		}
	}
}
