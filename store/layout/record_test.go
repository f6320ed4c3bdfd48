package layout_test

import (
	"strings"
	"testing"
	"time"

	"boxoffice/store/layout"
)

func TestRecordsThatAreWrongAreErrors(t *testing.T) {
	good := "WW|||||2|1700000000000|7||3|1|a|b"
	name := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID())).String()
	booking, err := layout.ParseBooking(1, name, good)
	if err != nil || booking.User != "a|b" || booking.Quantity != 2 || booking.Version != 7 || !booking.First.Waits() {
		t.Errorf("%s: %+v, %v", good, booking, err)
	}
	for _, record := range []string{
		"", "W", "WW", "ZZ|||||2|1|7||||a", "CZ|||||2|1|7||||a", "C|||||2|1|7||||a", "WW|||||x|1|7||||a", "CC|x||||1|1|7||||a",
	} {
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
		"XW|9|12|gACAAAAAAAAAAA|3|2|1700000000000|7|gACAAAAAAAAAAg|3|1|a|b": {
			Status: layout.StatusCancelled, History: layout.History{First: layout.StatusWaiting, Promoted: 9, Cancelled: 12},
			Next: id("gACAAAAAAAAAAA"), PromotedCount: 3,
			Quantity: 2, CreatedAt: time.UnixMilli(1700000000000).UTC(), Version: 7,
			Older: id("gACAAAAAAAAAAg"), Sequence: 3, Position: 1, User: "a|b",
		},
		"CC|||||1|0|2|rubbish|||a": {
			Status: layout.StatusConfirmed, History: layout.History{First: layout.StatusConfirmed},
			Quantity: 1, CreatedAt: time.UnixMilli(0).UTC(), Version: 2, Older: layout.InvalidShortID, User: "a",
		},
	} {
		if got, err := layout.ParseRecord(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, promoted := range []string{"rubbish|1", "|2", "AAAAgAAAAAAAAA|1", "gACAAAAAAAAAAA|0", "gACAAAAAAAAAAA|x", "gACAAAAAAAAAAA|"} {
		if got, err := layout.ParseRecord("XC||3|" + promoted + "|1|0|2||||a"); err == nil {
			t.Errorf("%q was taken for whom a cancellation promoted: %+v", promoted, got)
		}
	}
}
