package layout

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
)

// Ids are RFC 9562 version 8 UUIDs: the event's number in the first 48 bits, then
// 74 bits that are random or derived from an idempotency key. So a booking id
// alone tells which event it is of, and on which shard of a cluster that is.

// MaxNumber is the highest event number that fits.
const MaxNumber = 1<<48 - 1

// shortIDBytes of an id follow the event's number.
const shortIDBytes = 10

// ShortID is an id inside one event: what follows the event's number. Creations,
// cancellations and changes of settings have ids of this kind too. The zero value is no id.
type ShortID [shortIDBytes]byte

// InvalidShortID stands for a text that is not a booking's short id. It has another UUID
// version than bookings have, so it equals none of them.
var InvalidShortID = ShortID{0: 0xff}

// String returns a short id as Redis and the scripts have it: base64url, 14 characters.
// Half the length of the UUID saves a fifth of the memory of a booking.
func (id ShortID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ShortIDOf returns the short id of a booking.
func ShortIDOf(booking uuid.UUID) ShortID { return ShortID(booking[16-shortIDBytes:]) }

// NewID returns the UUID of an event or of a booking.
func NewID(number uint64, short ShortID) uuid.UUID {
	var id uuid.UUID
	var high [8]byte
	binary.BigEndian.PutUint64(high[:], number)
	copy(id[:6], high[2:])
	copy(id[6:], short[:])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// NumberOf returns the event's number in the UUID of an event or of a booking, or false if
// it is not an id that this service makes.
func NumberOf(id uuid.UUID) (uint64, bool) {
	if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		return 0, false
	}
	number := binary.BigEndian.Uint64(id[:8]) >> 16
	return number, number > 0
}

// shortIDLength is the length of every short id, in characters.
var shortIDLength = base64.RawURLEncoding.EncodedLen(shortIDBytes)

// BookingID returns the id of the booking of an event that has this short id.
func BookingID(number uint64, text string) (uuid.UUID, error) {
	var short ShortID
	if len(text) == shortIDLength {
		if _, err := base64.RawURLEncoding.Decode(short[:], []byte(text)); err == nil {
			// Bits that are not an id's own must be those that every id has.
			if id := NewID(number, short); ShortIDOf(id).String() == text {
				return id, nil
			}
		}
	}
	return uuid.Nil, fmt.Errorf("%q is not the short id of a booking", text)
}

// ParseShortID reads a booking's short id: the zero value if the text is empty,
// InvalidShortID if it is no booking's.
func ParseShortID(text string) ShortID {
	if text == "" {
		return ShortID{}
	}
	id, err := BookingID(1, text)
	if err != nil {
		return InvalidShortID
	}
	return ShortIDOf(id)
}

// RandomShortID returns a new id.
func RandomShortID() (id ShortID) {
	_, _ = rand.Read(id[:]) // never fails: crypto/rand crashes the program instead
	return id
}

// DerivedShortID makes the same short id of the same parts, on every instance. Lengths go
// in too, so that ("a", "bc") and ("ab", "c") differ.
func DerivedShortID(parts ...string) (id ShortID) {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	copy(id[:], hash.Sum(nil))
	return id
}

// ShortIDFor derives a short id if there is an idempotency key, else it is random.
func ShortIDFor(idempotencyKey string, parts ...string) ShortID {
	if idempotencyKey == "" {
		return RandomShortID()
	}
	return DerivedShortID(append(parts, idempotencyKey)...)
}
