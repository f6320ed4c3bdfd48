package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A booking is one field of its event's hash: its short id, and a record of
// twelve parts with | between them. The scripts write it; the first four parts
// change, the rest is what replays are answered from.
//
//	0 status       C confirmed, W waiting, X cancelled
//	1 promoted     version of the event then, or empty
//	2 cancelled    version of the event then, or empty
//	3 freed for    first booking that the cancellation promoted, with +n if n > 1 of them, or empty
//	4 quantity     tickets
//	5 created      milliseconds since 1970
//	6 version      of the event when it was booked
//	7 before       the booking made before it, or empty
//	8 older        the user's next older live booking, unless it is the oldest
//	9 sequence     the number drawn when it joined the waiting list, or empty
//	10 position    its place in the waiting list when it was booked, or empty; 1 is next
//	11 user        last, for it may hold a |
const recordParts = 12

var statusLetters = map[string]Status{"C": StatusConfirmed, "W": StatusWaiting, "X": StatusCancelled}

// parseBooking reads a record; the event's UUID and the live position are not in it.
func parseBooking(number uint64, short, record string) (Booking, error) {
	id, err := bookingID(number, short)
	if err != nil {
		return Booking{}, fmt.Errorf("event %d: %w", number, err)
	}
	parts := strings.SplitN(record, "|", recordParts)
	if len(parts) != recordParts {
		return Booking{}, fmt.Errorf("event %d, booking %s: %d parts in its record", number, short, len(parts))
	}
	status, known := statusLetters[parts[0]]
	if !known {
		return Booking{}, fmt.Errorf("event %d, booking %s: unknown status", number, short)
	}
	integer := func(part int) int64 {
		if parts[part] == "" {
			return 0
		}
		value, parseErr := strconv.ParseInt(parts[part], 10, 64)
		if parseErr != nil && err == nil {
			err = fmt.Errorf("event %d, booking %s, part %d is no whole number", number, short, part)
		}
		return value
	}
	booking := Booking{
		ID:          id,
		EventNumber: number,
		User:        parts[11],
		Quantity:    integer(4),
		Status:      status,
		CreatedAt:   time.UnixMilli(integer(5)).UTC(),
		Version:     integer(6),
		Waited:      parts[9] != "",
		Promoted:    integer(1),
		Cancelled:   integer(2),
	}
	return booking, err
}
