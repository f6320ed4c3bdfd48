// Package scripts holds the Lua scripts that do every change of state, and the
// reads that have to see several keys at one instant.
//
// A script's header is its contract: the keys, the arguments, and each word that
// it may answer with. A rule that several scripts need is a file of its own,
// joined in front of them here.
package scripts

import (
	_ "embed"
	"fmt"
)

// What bounds the work of one call. Whoever judges the scripts from outside (the model,
// verify, the load lab's audit) goes by the same figures.
const (
	LookLimit = 250 // bookings at the head of the waiting list that a promotion looks at
	TrimEvery = 32  // bookings that are served before they are cut off the list, at once
)

var boundsLua = fmt.Sprintf("local LOOK_LIMIT, TRIM_EVERY = %d, %d\n", LookLimit, TrimEvery)

// Script is one script as Redis runs it.
type Script struct {
	Name   string
	Source string
	Keys   int // number of KEYS that it takes
	Args   int // number of ARGV that it takes
}

var (
	//go:embed number.lua
	numberLua string
	//go:embed initialize.lua
	initializeLua string
	//go:embed complete.lua
	completeLua string
	//go:embed update.lua
	updateLua string
	//go:embed book.lua
	bookLua string
	//go:embed cancel.lua
	cancelLua string
	//go:embed promote.lua
	promoteLua string
	//go:embed bookings.lua
	bookingsLua string

	//go:embed event.lua
	eventLua string
	//go:embed holdings.lua
	holdingsLua string
	//go:embed waitlist.lua
	waitlistLua string
	//go:embed unchanged.lua
	unchangedLua string
)

// The scripts. Their headers say what they take and answer.
var (
	Number     = Script{Name: "number", Source: numberLua, Keys: 1, Args: 1}
	Initialize = Script{Name: "initialize", Source: eventLua + unchangedLua + initializeLua, Keys: 3, Args: 7}
	Complete   = Script{Name: "complete", Source: unchangedLua + completeLua, Keys: 1, Args: 3}
	Update     = Script{Name: "update", Source: eventLua + unchangedLua + updateLua, Keys: 1, Args: 8}
	Book       = Script{Name: "book", Source: eventLua + holdingsLua + unchangedLua + bookLua, Keys: 2, Args: 6}
	Cancel     = Script{Name: "cancel", Source: eventLua + holdingsLua + boundsLua + waitlistLua + unchangedLua + cancelLua, Keys: 3, Args: 5}
	Promote    = Script{Name: "promote", Source: eventLua + boundsLua + waitlistLua + unchangedLua + promoteLua, Keys: 3, Args: 1}
	Bookings   = Script{Name: "bookings", Source: eventLua + bookingsLua, Keys: 2, Args: 3}
)

// All returns every script.
func All() []Script {
	return []Script{Number, Initialize, Complete, Update, Book, Cancel, Promote, Bookings}
}
