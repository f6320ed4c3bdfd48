package verify

import (
	"strconv"
	"strings"
)

// NumberList is numbers in rising order.
type NumberList []uint64

// String joins neighbours: "2, 5-9".
func (l NumberList) String() string {
	var text strings.Builder
	for i := 0; i < len(l); {
		end := i
		for end+1 < len(l) && l[end+1] == l[end]+1 {
			end++
		}
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(numberRange(l[i], l[end]))
		i = end + 1
	}
	return text.String()
}

func numberRange(first, last uint64) string {
	if first == last {
		return strconv.FormatUint(first, 10)
	}
	return strconv.FormatUint(first, 10) + "-" + strconv.FormatUint(last, 10)
}
