package store

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

// maxNumber is the highest event number that fits.
const maxNumber = 1<<48 - 1

// shortIDBytes of an id follow the event's number.
const shortIDBytes = 10

// shortID is an id inside one event: what follows the event's number. Creations,
// cancellations and changes of settings have ids of this kind too. All zeros is no id.
type shortID [shortIDBytes]byte

// String returns a short id as Redis and the scripts have it: base64url, 14 characters.
// Half the length of the UUID saves a fifth of the memory of a booking.
func (id shortID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// shortIDOf returns the short id of a booking.
func shortIDOf(booking uuid.UUID) shortID { return shortID(booking[16-shortIDBytes:]) }

func newID(number uint64, short shortID) uuid.UUID {
	var id uuid.UUID
	var high [8]byte
	binary.BigEndian.PutUint64(high[:], number)
	copy(id[:6], high[2:])
	copy(id[6:], short[:])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

// numberOf returns the event's number in an id, or false if it is not an id that
// this service makes.
func numberOf(id uuid.UUID) (uint64, bool) {
	if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		return 0, false
	}
	number := binary.BigEndian.Uint64(id[:8]) >> 16
	return number, number > 0
}

// EventOf returns the number of the event that a booking id is of, or 0 if it is not
// an id that this service makes.
func EventOf(booking uuid.UUID) uint64 {
	number, ok := numberOf(booking)
	if !ok {
		return 0
	}
	return number
}

// shortIDLength is the length of every short id, in characters.
var shortIDLength = base64.RawURLEncoding.EncodedLen(shortIDBytes)

// bookingID returns the id of the booking of an event that has this short id.
func bookingID(number uint64, text string) (uuid.UUID, error) {
	var short shortID
	if len(text) == shortIDLength {
		if _, err := base64.RawURLEncoding.Decode(short[:], []byte(text)); err == nil {
			// Bits that are not an id's own must be those that every id has.
			if id := newID(number, short); shortIDOf(id).String() == text {
				return id, nil
			}
		}
	}
	return uuid.Nil, fmt.Errorf("%q is not the short id of a booking", text)
}

func randomShortID() (id shortID) {
	_, _ = rand.Read(id[:]) // never fails: crypto/rand crashes the program instead
	return id
}

// derivedShortID makes the same short id of the same parts, on every instance. Lengths go
// in too, so that ("a", "bc") and ("ab", "c") differ.
func derivedShortID(parts ...string) (id shortID) {
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

// shortIDFor derives a short id if there is an idempotency key, else it is random.
func shortIDFor(idempotencyKey string, parts ...string) shortID {
	if idempotencyKey == "" {
		return randomShortID()
	}
	return derivedShortID(append(parts, idempotencyKey)...)
}
