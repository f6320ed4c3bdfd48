package layout_test

import (
	"testing"

	"boxoffice/store/layout"
)

func TestFieldsAreToldApart(t *testing.T) {
	booking := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID()))
	for name, want := range map[string]layout.Field{
		layout.CountersField:          {Kind: layout.FieldOfEvent},
		"mark":                        {Kind: layout.FieldOfEvent},
		"waitlistLimit":               {Kind: layout.FieldOfEvent},
		layout.BookingField(booking):  {Kind: layout.FieldBooking, Booking: booking},
		layout.NewerField(booking):    {Kind: layout.FieldNewer, Booking: booking},
		layout.HoldingField("@|:"):    {Kind: layout.FieldHolding, User: "@|:"},
		layout.RequestField("any id"): {Kind: layout.FieldRequest, Request: "any id"},
	} {
		if got, err := layout.ParseField(name); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"", "sold", ">", ">sold"} {
		if got, err := layout.ParseField(name); err == nil {
			t.Errorf("%q was taken for a field: %+v", name, got)
		}
	}
}

func TestRequestsAreRead(t *testing.T) {
	booking := layout.ShortIDOf(layout.NewID(1, layout.RandomShortID()))
	for text, want := range map[string]layout.Request{
		"7.": {Version: 7, Made: true}, "7.a": {Version: 7, Made: true}, "1=a": {Version: 1}, booking.String(): {Cancelled: booking},
	} {
		if got, err := layout.ParseRequest(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7", "1.", "-7.", "07=", "=", ".a", "rubbish"} {
		if got, err := layout.ParseRequest(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
