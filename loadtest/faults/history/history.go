// Package history is the history of calls that overlapped, and the question whether one
// event that does one thing at a time can have answered them so: store/model, as
// porcupine takes it.
package history

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"boxoffice/store"
	"boxoffice/store/model"
)

// Verb is what a call asks for.
type Verb string

// The verbs. Promote is the service's own, not a client's.
const (
	Create       Verb = "create"
	Book         Verb = "book"
	Cancel       Verb = "cancel"
	CancelOldest Verb = "cancel oldest"
	Reduce       Verb = "reduce"
	SetTotal     Verb = "set total"
	Promote      Verb = "promote"
	Status       Verb = "status"
	List         Verb = "list"
)

// Call is one call of a client.
type Call struct {
	Event    uint64
	EventID  uuid.UUID
	Verb     Verb
	User     string
	Key      string // idempotency key
	Quantity int64
	Booking  uuid.UUID // to cancel, or to reduce to Quantity: once at most
	Total    int64     // to create with, or to set

	MaxPerUser, WaitlistLimit int64 // to create with
}

// request names what is asked for, however often it is sent.
func (c Call) request() string {
	if c.Verb == Cancel || c.Verb == Reduce {
		return c.Booking.String()
	}
	return fmt.Sprintf("%s %s", c.User, c.Key)
}

// Attempt is a call that was sent once, and what came back.
type Attempt struct {
	Call
	Client     int
	Start, End time.Duration // End counts only if Answered
	Answered   bool          // else it may have happened at any time after Start, or never
	First      bool          // the answer says that this attempt made the change, and not one before

	Answer model.Answer    // of a change
	Counts model.Counts    // of Status
	List   []store.Booking // of List, oldest first
	Raises map[int64]int64 // of List: each total that was set, and the version that set it, as the log has them

	raised int64 // of SetTotal: the version that set it, 0 if none did; -1 if no log was read
}

func (c Call) changesBookings() bool {
	return slices.Contains([]Verb{Book, Cancel, CancelOldest, Reduce}, c.Verb)
}

// forever is the time of an answer that never came.
const forever = math.MaxInt64

// Operations turns attempts into what porcupine checks.
//
// A request makes its change once, however often it is sent. So its attempts without an
// answer and the first one that was answered are one operation, from when the first was
// sent until that answer came; those that were answered besides are replays. Each replay
// that nobody saw, left in at any time until the end, would double what porcupine has to
// search. If no attempt was answered with the change, and it was asked for in the end (see
// Unknown), it never happened.
//
// Promotions that are no part of a cancellation or a reduction are nobody's calls: the records of the
// bookings say at which versions they were made. A change of the total is answered
// without its version, but the event's log has it, and each total is set once.
func Operations(attempts []Attempt) []porcupine.Operation {
	groups := groupsOf(attempts)
	raisedAt := raises(attempts)
	var history []porcupine.Operation
	for i, a := range attempts {
		a.raised = raisedAt(a)
		end := int64(a.End)
		if !a.Answered {
			if a.Verb != SetTotal || a.raised == 0 {
				continue // it never happened, or it is part of an attempt that was answered
			}
			end = forever
		}
		if g := groups[a.name()]; g.first == i && !g.made && a.changesBookings() {
			a.Start = min(a.Start, g.sent)
		}
		history = append(history, porcupine.Operation{
			ClientId: a.Client, Input: a.Call, Call: int64(a.Start), Output: a, Return: end,
		})
		if a.Verb == List {
			history = append(history, promotions(a)...)
		}
	}
	return history
}

// name is what attempts have in common that send the same request.
type name struct {
	event   uint64
	verb    Verb
	request string
}

func (a Attempt) name() name { return name{a.Event, a.Verb, a.request()} }

// group is the attempts that send the same request.
type group struct {
	sent  time.Duration // the first attempt without an answer
	first int           // index of the attempt that was answered first; -1: none
	made  bool          // an answer says which attempt made the change
}

func groupsOf(attempts []Attempt) map[name]*group {
	groups := map[name]*group{}
	for i, a := range attempts {
		g := groups[a.name()]
		if g == nil {
			g = &group{sent: forever, first: -1}
			groups[a.name()] = g
		}
		switch {
		case !a.Answered:
			g.sent = min(g.sent, a.Start)
		case a.Answer.Refusal == nil:
			g.made = g.made || a.First
			if g.first < 0 || a.End < attempts[g.first].End {
				g.first = i
			}
		}
	}
	return groups
}

// raises returns a function that returns an attempt's raised.
func raises(attempts []Attempt) func(a Attempt) int64 {
	logs := map[uint64]map[int64]int64{}
	for _, a := range attempts {
		if a.Verb == List && a.Raises != nil {
			logs[a.Event] = a.Raises
		}
	}
	return func(a Attempt) int64 {
		if versions, read := logs[a.Event]; read {
			return versions[a.Total]
		}
		return -1
	}
}

// promotions reads from a list of bookings when the waiting list was served by itself.
func promotions(list Attempt) []porcupine.Operation {
	known := map[int64]bool{0: true}
	for _, b := range list.List {
		known[b.Cancelled.Version], known[b.Reduced.Version] = true, true
	}
	var history []porcupine.Operation
	for _, b := range list.List {
		if known[b.Promoted.Version] {
			continue
		}
		known[b.Promoted.Version] = true // once a version
		promote := Attempt{Call: Call{Event: list.Event, Verb: Promote}, Answered: true, Answer: model.Answer{Version: b.Promoted.Version}}
		history = append(history, porcupine.Operation{ClientId: list.Client, Input: promote.Call, Output: promote, Return: forever})
	}
	return history
}

// Unknown returns the requests of which no attempt has an answer that says what came of
// them, each once: who wants to know has to ask again.
func Unknown(attempts []Attempt) []Call {
	known := map[string]bool{}
	name := func(c Call) string { return fmt.Sprint(c.Event, c.Verb, c.request()) }
	for _, a := range attempts {
		if a.Answered && a.Answer.Refusal == nil {
			known[name(a.Call)] = true
		}
	}
	var unknown []Call
	for _, a := range attempts {
		if !a.changesBookings() || known[name(a.Call)] || a.Answered {
			continue
		}
		known[name(a.Call)] = true
		unknown = append(unknown, a.Call)
	}
	return unknown
}

// String is for the picture of a history.
func (a Attempt) String() string {
	text := fmt.Sprintf("%s %s", a.Verb, a.User)
	switch a.Verb {
	case Book:
		text = fmt.Sprintf("%s books %d", a.User, a.Quantity)
	case Reduce:
		text = fmt.Sprintf("%s reduces to %d", a.User, a.Quantity)
	case Status:
		return fmt.Sprintf("status: %+v", a.Counts)
	case List:
		return fmt.Sprintf("list: %d bookings", len(a.List))
	case SetTotal, Create:
		text = fmt.Sprintf("%s %d", a.Verb, a.Total)
	}
	switch {
	case !a.Answered:
		return text + ": no answer"
	case a.Answer.Refusal != nil:
		return fmt.Sprintf("%s: %v", text, a.Answer.Refusal)
	default:
		return fmt.Sprintf("%s: version %d %s %d", text, a.Answer.Version, a.Answer.Status, a.Answer.Position)
	}
}
