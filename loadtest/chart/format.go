package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Count writes a count with its thousands apart.
func Count(value float64) string {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	if value >= 100 {
		text = strconv.FormatFloat(value, 'f', 0, 64)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + " " + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// Milliseconds writes a time in the unit that suits it.
func Milliseconds(ms float64) string {
	switch {
	case ms >= 1000:
		return strconv.FormatFloat(ms/1000, 'g', 3, 64) + " s"
	case ms >= 0.1:
		return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
	default:
		return strconv.FormatFloat(ms*1000, 'g', 3, 64) + " µs"
	}
}

// short writes 20000 as 20k.
func short(value float64) string {
	switch {
	case value >= 1e6:
		return fmt.Sprintf("%gM", value/1e6)
	case value >= 1e3 && math.Mod(value, 100) == 0:
		return fmt.Sprintf("%gk", value/1e3)
	default:
		return fmt.Sprintf("%g", value)
	}
}
