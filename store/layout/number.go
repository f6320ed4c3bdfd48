package layout

import "time"

// Numbers are stored as the scripts write them, and nothing else is read as one: digits
// alone, no zero in front, and no more digits than Lua keeps.

const maxDigits = 15

// wholeNumber reads a number that is not negative. whole_number in event.lua reads the same.
func wholeNumber(text string) (number int64, ok bool) {
	if text == "" || len(text) > maxDigits || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	for _, digit := range []byte(text) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		number = 10*number + int64(digit-'0')
	}
	return number, true
}

// lastMillisecond of the year 9999 is the last that RFC 3339 can write.
const lastMillisecond = 253402300799999

// Millis is a time in milliseconds since 1970, 0 for none. Bookings have several, and there may be
// millions of them in memory.
type Millis int64

// Time returns the time, or the zero one for none.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// MillisOf returns the time in milliseconds since 1970, 0 for the zero one.
func MillisOf(at time.Time) Millis {
	if at.IsZero() {
		return 0
	}
	return Millis(at.UnixMilli())
}

// instant reads a time in milliseconds since 1970.
func instant(text string) (at time.Time, ok bool) {
	milliseconds, ok := wholeNumber(text)
	return time.UnixMilli(milliseconds).UTC(), ok && milliseconds <= lastMillisecond
}
