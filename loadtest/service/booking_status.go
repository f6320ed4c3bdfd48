package service

import "boxoffice/store"

// BookingStatus is a booking's status as the event API shows it: a byte, as runs keep
// millions.
type BookingStatus uint8

// The statuses of a booking.
const (
	StatusUnknown BookingStatus = iota // none, or one that the API does not have
	StatusConfirmed
	StatusWaiting
	StatusCancelled
	StatusHeld
	StatusOffered
	StatusExpired
)

// bookingStatuses has each status with the API's word for it and the store's.
var bookingStatuses = [...]struct {
	word  string
	store store.Status
}{
	StatusUnknown:   {"unknown", ""},
	StatusConfirmed: {"Confirmed", store.StatusConfirmed},
	StatusWaiting:   {"Waiting List", store.StatusWaiting},
	StatusCancelled: {"Cancelled", store.StatusCancelled},
	StatusHeld:      {"Held", store.StatusHeld},
	StatusOffered:   {"Offered", store.StatusOffered},
	StatusExpired:   {"Expired", store.StatusExpired},
}

// String returns the API's word.
func (s BookingStatus) String() string { return bookingStatuses[s].word }

// Store returns the store's status, or the empty one if it is unknown.
func (s BookingStatus) Store() store.Status { return bookingStatuses[s].store }

// StatusOf returns the API's status for one of the store's.
func StatusOf(status store.Status) BookingStatus {
	for s, one := range bookingStatuses {
		if one.store == status {
			return BookingStatus(s)
		}
	}
	return StatusUnknown
}

func parseBookingStatus(word []byte) BookingStatus {
	for s, one := range bookingStatuses {
		if string(word) == one.word { // compares without a copy
			return BookingStatus(s)
		}
	}
	return StatusUnknown
}

// MarshalText writes the API's word.
func (s BookingStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the API's word. One that the API does not have is no error: what it
// means is for the audit to say.
func (s *BookingStatus) UnmarshalText(word []byte) error {
	*s = parseBookingStatus(word)
	return nil
}
