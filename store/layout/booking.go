package layout

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Booking is a booking as it stands.
type Booking struct {
	ID          uuid.UUID
	Event       uuid.UUID
	EventNumber uint64
	User        string
	Quantity    int64 // tickets
	Reduced     Reduced
	Status      Status
	Position    int64 // live place in the waiting list, 1 = next; 0 if it does not wait
	CreatedAt   time.Time

	Version     int64  // of the event when it was booked
	HeldSeconds int64  // of a hold, as it was given first; else 0
	Reference   string // the shop's own text
	History
}

// ParseBooking reads a booking of an event, given its short id and its record. The event's
// UUID and the live position are not in them, and are left out.
func ParseBooking(number uint64, short, text string) (Booking, error) {
	id, err := BookingID(number, short)
	if err != nil {
		return Booking{}, fmt.Errorf("event %d: %w", number, err)
	}
	record, err := ParseRecord(text)
	if err != nil {
		return Booking{}, fmt.Errorf("event %d, booking %s, its record: %w", number, short, err)
	}
	return Booking{
		ID:          id,
		EventNumber: number,
		User:        record.User,
		Quantity:    record.Quantity,
		Reduced:     record.Reduced,
		Status:      record.Status,
		CreatedAt:   record.CreatedAt,
		Version:     record.Version,
		HeldSeconds: record.HeldSeconds,
		Reference:   record.Reference,
		History:     record.History,
	}, nil
}
