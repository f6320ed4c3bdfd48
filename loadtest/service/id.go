package service

import "encoding/hex"

// ID is a UUID as bytes: it is kept by the million, and compared.
type ID [16]byte

// IsZero reports whether there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the UUID as text.
func (id ID) String() string { return string(id.append(nil)) }

func (id ID) append(to []byte) []byte {
	const groups = "\x04\x02\x02\x02\x06"
	rest := id[:]
	for i := range len(groups) {
		if i > 0 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, rest[:groups[i]])
		rest = rest[groups[i]:]
	}
	return to
}

// ParseID reads a UUID; ok is false if the text is none.
func ParseID[T string | []byte](text T) (id ID, ok bool) {
	if len(text) != 36 {
		return ID{}, false
	}
	n := 0
	for i := 0; i < len(text); {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return ID{}, false
			}
			i++
		}
		high, low := nibble(text[i]), nibble(text[i+1])
		if high > 15 || low > 15 {
			return ID{}, false
		}
		id[n] = high<<4 | low
		n, i = n+1, i+2
	}
	return id, true
}

func nibble(char byte) byte {
	switch {
	case '0' <= char && char <= '9':
		return char - '0'
	case 'a' <= char && char <= 'f':
		return char - 'a' + 10
	case 'A' <= char && char <= 'F':
		return char - 'A' + 10
	default:
		return 0xff
	}
}
