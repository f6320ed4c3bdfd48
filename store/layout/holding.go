package layout

import (
	"errors"
	"strconv"
	"strings"
)

// Holding is what a user's live bookings of an event come to. They form a chain: see
// holdings.lua.
type Holding struct {
	Tickets        int64
	Oldest, Newest ShortID // the same if it is one booking
}

// ParseHolding reads a user's field: tickets:oldest, or tickets:oldest:newest. It is empty,
// which is an error here, for a user who has no live booking any more.
func ParseHolding(text string) (Holding, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Holding{}, errors.New("not tickets, oldest and newest booking")
	}
	tickets, ok := wholeNumber(parts[0])
	if !ok || tickets < 1 {
		return Holding{}, errors.New("the tickets are no whole number above 0")
	}
	h := Holding{Tickets: tickets, Oldest: ParseShortID(parts[1]), Newest: ParseShortID(parts[len(parts)-1])}
	for _, id := range []ShortID{h.Oldest, h.Newest} {
		if id == (ShortID{}) || id == InvalidShortID {
			return Holding{}, errors.New("a booking is none")
		}
	}
	if len(parts) == 3 && h.Oldest == h.Newest {
		return Holding{}, errors.New("the only booking is given twice")
	}
	return h, nil
}

// String returns the holding as ParseHolding reads it.
func (h Holding) String() string {
	text := strconv.FormatInt(h.Tickets, 10) + ":" + h.Oldest.String()
	if h.Newest != h.Oldest {
		text += ":" + h.Newest.String()
	}
	return text
}
