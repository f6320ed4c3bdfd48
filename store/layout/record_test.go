package layout_test

import (
	"strings"
	"testing"
	"time"

	"boxoffice/store/layout"
)

func TestRecordsThatAreWrongAreErrors(t *testing.T) {
	good := "WW||||||2|1700000000000|7||3|1|||a|b"
	name := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID())).String()
	booking, err := layout.ParseBooking(1, name, good)
	if err != nil || booking.User != "a|b" || booking.Quantity != 2 || booking.Version != 7 || !booking.First.Waits() {
		t.Errorf("%s: %+v, %v", good, booking, err)
	}
	for _, record := range []string{
		"", "W", "WW", "ZZ||||||2|1|7||||||a", "CZ||||||2|1|7||||||a", "C||||||2|1|7||||||a", "WW||||||x|1|7||||||a",
		"CC|x|||||1|1|7||||||a", "CC|3|||||1|1|7||||||a", "CC|3@|||||1|1|7||||||a", "CC|@3|||||1|1|7||||||a", "CC|0@3|||||1|1|7||||||a",
		"CC||3@x||||1|1|7||||||a", "CC|||3@03|||1|1|7||||||a", "CC||||3@253402300800000||1|1|7||||||a", "CC|||||x|1|1|7||||||a",
		"CC||||||1|1|7||||5:5||a", "HH|||||9|1|1|7||||||a", "HH|||||9|1|1|7||||5||a", "HH|||||9|1|1|7||||5:||a", "HH|||||9|1|1|7||||5:0||a",
		"CC||||||1/|1|7||||||a", "CC||||||1/1@8|1|7||||||a", "CC||||||1/2|1|7||||||a", "CC||||||1/2@0|1|7||||||a",
		"CC||||||1/02@8|1|7||||||a", "CC||||||0/2@8|1|7||||||a", "CC||||||1/4294967296@8|1|7||||||a",
		"CC||||||1|1|7|||||%|a", "CC||||||1|1|7|||||%7c|a",
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
		"XW|9@1700000000001|10@1700000000002|12@1700000000003||1700000000009|2/30@11|1700000000000|7|gACAAAAAAAAAAg|3|1||a %7C b%25|a|b": {
			Status: layout.StatusCancelled, History: layout.History{
				First: layout.StatusWaiting, Promoted: layout.Moment{Version: 9, At: 1700000000001},
				Confirmed: layout.Moment{Version: 10, At: 1700000000002}, Cancelled: layout.Moment{Version: 12, At: 1700000000003},
				ExpiresAt: 1700000000009,
			},
			Quantity: 2, Reduced: layout.Reduced{From: 30, Version: 11}, CreatedAt: time.UnixMilli(1700000000000).UTC(), Version: 7,
			Older: id("gACAAAAAAAAAAg"), Sequence: 3, Position: 1, Reference: "a | b%", User: "a|b",
		},
		"EH||||9@20|12|1|0|2|rubbish|||0:600||a": {
			Status: layout.StatusExpired, History: layout.History{
				First: layout.StatusHeld, Expired: layout.Moment{Version: 9, At: 20}, ExpiresAt: 12,
			},
			Quantity: 1, CreatedAt: time.UnixMilli(0).UTC(), Version: 2, Older: layout.InvalidShortID, HeldSeconds: 600, User: "a",
		},
	} {
		if got, err := layout.ParseRecord(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

// The status of each past, and whether there can be one.
func TestHistory(t *testing.T) {
	at := func(version int64) layout.Moment { return layout.Moment{Version: version, At: layout.Millis(version)} }
	for want, histories := range map[layout.Status][]layout.History{
		layout.StatusConfirmed: {
			{First: layout.StatusConfirmed}, {First: layout.StatusWaiting, Promoted: at(3)},
			{First: layout.StatusHeld, ExpiresAt: 9, Confirmed: at(3)},
			{First: layout.StatusHeld, ExpiresAt: 9, Expired: at(3), Confirmed: at(4)},
			{First: layout.StatusWaiting, ExpiresAt: 9, Promoted: at(3), Confirmed: at(4)},
		},
		layout.StatusWaiting:   {{First: layout.StatusWaiting}},
		layout.StatusHeld:      {{First: layout.StatusHeld, ExpiresAt: 9}},
		layout.StatusOffered:   {{First: layout.StatusWaiting, ExpiresAt: 9, Promoted: at(3)}},
		layout.StatusExpired:   {{First: layout.StatusHeld, ExpiresAt: 9, Expired: at(3)}},
		layout.StatusCancelled: {{First: layout.StatusHeld, ExpiresAt: 9, Expired: at(3), Confirmed: at(4), Cancelled: at(5)}},
	} {
		for _, history := range histories {
			if got := history.Status(); got != want || !history.Possible() || !history.Had(history.First) || !history.Had(got) {
				t.Errorf("%+v: %s, possible: %t", history, got, history.Possible())
			}
		}
	}
	for _, history := range []layout.History{
		{First: layout.StatusConfirmed, Promoted: at(3)}, {First: layout.StatusConfirmed, ExpiresAt: 9}, {First: layout.StatusHeld},
		{First: layout.StatusWaiting, ExpiresAt: 9}, {First: layout.StatusConfirmed, Confirmed: at(3)},
		{First: layout.StatusWaiting, Promoted: at(3), Expired: at(4)},
	} {
		if history.Possible() {
			t.Errorf("%+v is possible", history)
		}
	}
}
