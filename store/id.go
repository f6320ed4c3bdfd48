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

// tailBytes of an id follow the event's number.
const tailBytes = 10

func newID(number uint64, tail [tailBytes]byte) uuid.UUID {
	var id uuid.UUID
	var high [8]byte
	binary.BigEndian.PutUint64(high[:], number)
	copy(id[:6], high[2:])
	copy(id[6:], tail[:])
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

// field is how the event's hash names a booking: what follows the event's number,
// in base64url, 14 characters. Half the length of the UUID saves a fifth of the
// memory of a booking.
func field(booking uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(booking[16-tailBytes:])
}

// fieldLength is the length of every field.
var fieldLength = base64.RawURLEncoding.EncodedLen(tailBytes)

// fromField is the reverse of field.
func fromField(number uint64, name string) (uuid.UUID, error) {
	var tail [tailBytes]byte
	if len(name) == fieldLength {
		if _, err := base64.RawURLEncoding.Decode(tail[:], []byte(name)); err == nil {
			// Bits that are not an id's own must be those that every id has.
			if id := newID(number, tail); field(id) == name {
				return id, nil
			}
		}
	}
	return uuid.Nil, fmt.Errorf("%q is not the field of a booking", name)
}

func randomTail() (tail [tailBytes]byte) {
	_, _ = rand.Read(tail[:]) // never fails: crypto/rand crashes the program instead
	return tail
}

// derivedTail makes the same tail of the same parts, on every instance. Lengths go
// in too, so that ("a", "bc") and ("ab", "c") differ.
func derivedTail(parts ...string) (tail [tailBytes]byte) {
	hash := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	copy(tail[:], hash.Sum(nil))
	return tail
}

// tailFor derives a tail if there is an idempotency key, else it is random.
func tailFor(idempotencyKey string, parts ...string) [tailBytes]byte {
	if idempotencyKey == "" {
		return randomTail()
	}
	return derivedTail(append(parts, idempotencyKey)...)
}

// token is a tail as scripts take it.
func token(tail [tailBytes]byte) string { return base64.RawURLEncoding.EncodeToString(tail[:]) }
