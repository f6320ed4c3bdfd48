package service_test

import (
	"testing"

	"boxoffice/loadtest/service"
	"boxoffice/store/layout"
)

// A status that lacks its word here would be unknown to the audit.
func TestEveryStatusIsKnown(t *testing.T) {
	t.Parallel()
	for _, status := range layout.Statuses() {
		known := service.StatusOf(status)
		var read service.BookingStatus
		err := read.UnmarshalText([]byte(known.String()))
		if err != nil || known == service.StatusUnknown || read != known || known.Store() != status {
			t.Errorf("%s is %s, which is read as %s, %v", status, known, read, err)
		}
	}
}
