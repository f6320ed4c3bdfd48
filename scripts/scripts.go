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

// What bounds the work of one call. Whatever judges the scripts from outside (the model,
// verify, the load lab's audit) goes by the same figures.
const (
	LookLimit   = 250 // bookings at the head of the waiting list that a promotion looks at
	TrimEvery   = 32  // bookings that are served before they are cut off the list, all at once
	BatchLimit  = 64  // bookings that one call makes
	ExpireLimit = 64  // holds and offers that one call ends

	expireWithin = 2000 // milliseconds after it was asked for the time
	ReadLimit    = 100  // entries of the log that one call reads: a fifth of a millisecond or so
)

var boundsLua = fmt.Sprintf("local LOOK_LIMIT = %d\nlocal TRIM_EVERY = %d\nlocal READ_LIMIT = %d\n"+
	"local EXPIRE_LIMIT = %d\nlocal EXPIRE_WITHIN = %d\n", LookLimit, TrimEvery, ReadLimit, ExpireLimit, expireWithin)

// Script is one script as Redis runs it.
type Script struct {
	Name   string
	Source string
	Keys   int // number of KEYS that it takes
	Args   int // number of ARGV that it takes

	// A script that does several things in one call takes ItemArgs further ARGV for each of
	// them, up to Items, and returns a list with ItemAnswers items for each. Other scripts
	// have 0 here.
	Items, ItemArgs, ItemAnswers int
}

var (
	//go:embed identify.lua
	identifyLua string
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
	//go:embed reduce.lua
	reduceLua string
	//go:embed hold.lua
	holdLua string
	//go:embed confirm.lua
	confirmLua string
	//go:embed extend.lua
	extendLua string
	//go:embed expire.lua
	expireLua string
	//go:embed register.lua
	registerLua string
	//go:embed retire.lua
	retireLua string
	//go:embed lease.lua
	leaseLua string
	//go:embed promote.lua
	promoteLua string
	//go:embed writable.lua
	writableLua string
	//go:embed find.lua
	findLua string
	//go:embed list.lua
	listLua string
	//go:embed promoted.lua
	promotedLua string
	//go:embed live.lua
	liveLua string

	//go:embed whole.lua
	wholeLua string
	//go:embed event.lua
	eventLua string
	//go:embed booking.lua
	bookingLua string
	//go:embed edits.lua
	editsLua string
	//go:embed settings.lua
	settingsLua string
	//go:embed holdings.lua
	holdingsLua string
	//go:embed unlink.lua
	unlinkLua string
	//go:embed deadlines.lua
	deadlinesLua string
	//go:embed waitlist.lua
	waitlistLua string
	//go:embed log.lua
	logLua string
	//go:embed clock.lua
	clockLua string
	//go:embed unchanged.lua
	unchangedLua string
)

// loadLua reads an event.
var loadLua = boundsLua + wholeLua + eventLua

// endingLua ends bookings and serves the waiting list.
var endingLua = loadLua + bookingLua + editsLua + holdingsLua + unlinkLua + deadlinesLua + waitlistLua + logLua + clockLua + unchangedLua

// The scripts. Their headers say what they take and answer.
var (
	Identify   = Script{Name: "identify", Keys: 1, Args: 1, Source: identifyLua}
	Number     = Script{Name: "number", Keys: 1, Args: 3, Source: wholeLua + numberLua}
	Initialize = Script{
		Name: "initialize", Keys: 5, Args: 5,
		Source: loadLua + settingsLua + logLua + clockLua + unchangedLua + initializeLua,
	}
	Complete = Script{Name: "complete", Keys: 1, Args: 3, Source: unchangedLua + completeLua}
	Update   = Script{Name: "update", Keys: 4, Args: 9, Source: loadLua + settingsLua + logLua + clockLua + unchangedLua + updateLua}
	Book     = Script{
		Name: "book", Keys: 3, Args: 4, Items: BatchLimit, ItemArgs: 5, ItemAnswers: 6,
		Source: loadLua + bookingLua + holdingsLua + clockLua + unchangedLua + bookLua,
	}
	Hold = Script{
		Name: "hold", Keys: 3, Args: 9,
		Source: loadLua + bookingLua + holdingsLua + deadlinesLua + logLua + clockLua + unchangedLua + holdLua,
	}
	Confirm = Script{
		Name: "confirm", Keys: 3, Args: 5,
		Source: loadLua + bookingLua + editsLua + holdingsLua + unlinkLua + deadlinesLua + logLua + clockLua + unchangedLua + confirmLua,
	}
	Extend = Script{
		Name: "extend", Keys: 3, Args: 5,
		Source: loadLua + bookingLua + editsLua + deadlinesLua + logLua + clockLua + unchangedLua + extendLua,
	}
	Cancel  = Script{Name: "cancel", Keys: 5, Args: 8, Source: endingLua + cancelLua}
	Reduce  = Script{Name: "reduce", Keys: 5, Args: 7, Source: endingLua + reduceLua}
	Expire  = Script{Name: "expire", Keys: 5, Args: 3, Source: endingLua + expireLua}
	Promote = Script{
		Name: "promote", Keys: 5, Args: 2,
		Source: loadLua + bookingLua + editsLua + deadlinesLua + waitlistLua + logLua + clockLua + unchangedLua + promoteLua,
	}
	Register = Script{Name: "register", Keys: 1, Args: 3, Source: clockLua + registerLua}
	Retire   = Script{Name: "retire", Keys: 1, Args: 2, Source: clockLua + retireLua}
	Lease    = Script{Name: "lease", Keys: 1, Args: 3, Source: wholeLua + clockLua + leaseLua}
	Writable = Script{Name: "writable", Keys: 5, Source: writableLua}
	Find     = Script{Name: "find", Keys: 2, Args: 1, Source: loadLua + bookingLua + editsLua + deadlinesLua + waitlistLua + findLua}
	List     = Script{Name: "list", Keys: 3, Args: 3, Source: loadLua + bookingLua + editsLua + deadlinesLua + waitlistLua + logLua + listLua}
	Promoted = Script{Name: "promoted", Keys: 2, Args: 2, Source: loadLua + logLua + promotedLua}
	Live     = Script{
		Name: "live", Keys: 2, Args: 4,
		Source: loadLua + bookingLua + editsLua + holdingsLua + deadlinesLua + waitlistLua + liveLua,
	}
)

// All returns every script.
func All() []Script {
	return []Script{
		Identify, Number, Initialize, Complete, Update, Book, Hold, Confirm, Extend, Cancel, Reduce, Expire, Promote, Register, Retire, Lease,
		Writable, Find, List, Live, Promoted,
	}
}
