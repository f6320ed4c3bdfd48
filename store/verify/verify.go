// Package verify recomputes what Redis holds of events while the service runs, and reports
// each breach of a rule.
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Rule is a rule that the data of an event keeps at every instant.
type Rule string

// The rules that are checked.
const (
	RuleSettings     Rule = "settings"             // the event's own fields are there and well-formed, and no others
	RuleRecord       Rule = "record"               // a booking's record is well-formed and does not contradict itself
	RuleVersions     Rule = "one change a version" // every version of the event was made by one change that left its trace
	RuleConfirmed    Rule = "confirmed counter"    // tickets of confirmed bookings
	RuleHeld         Rule = "held counter"         // tickets of holds and offers
	RuleDeadlines    Rule = "deadlines"            // the set holds the holds and offers by their deadlines, and the event knows the first
	RuleWaiting      Rule = "waiting counter"      // bookings that wait
	RuleSequence     Rule = "sequence numbers"     // 1, 2, 3 ... in order of booking, up to the counter
	RuleOversold     Rule = "never oversell"       // confirmed and held tickets <= total tickets
	RuleOvertaken    Rule = "nobody overtakes"     // confirmed strictly in order of the waiting list
	RuleUnserved     Rule = "the head is served"   // nobody waits for tickets that are available
	RuleWaitlist     Rule = "waiting list"         // the list holds whom it should, once, in order
	RuleWithdrawn    Rule = "withdrawn"            // the set holds exactly those cancelled before their turn, by sequence number
	RuleLog          Rule = "log"                  // it has an entry for each version, which says what the records say
	RuleUser         Rule = "user's bookings"      // a user's tickets, and the chain of the user's live bookings
	RuleCancellation Rule = "cancellation"         // what a repeated cancellation is answered from
	RuleKeys         Rule = "keys"                 // an event has all its keys, and none of them, nor that of all events, expires
	RuleNumbers      Rule = "event numbers"        // the counter, and the creations that were given numbers, know of every event
	RuleLost         Rule = "lost"                 // the event of a creation that was completed is there
)

// Breach is one place where an event's data breaks a rule.
type Breach struct {
	Event   uint64    // 0 if it is about the numbers of all events
	Booking uuid.UUID // uuid.Nil if it is not about one booking
	Rule    Rule
	Detail  string
}

func (b Breach) String() string {
	if b.Event == 0 {
		return fmt.Sprintf("all events: %s: %s", b.Rule, b.Detail)
	}
	if b.Rule == RuleLost {
		return fmt.Sprintf("event %d is lost: %s", b.Event, b.Detail)
	}
	if b.Booking == uuid.Nil {
		return fmt.Sprintf("event %d: %s: %s", b.Event, b.Rule, b.Detail)
	}
	return fmt.Sprintf("event %d, booking %s: %s: %s", b.Event, b.Booking, b.Rule, b.Detail)
}

// Result is what a verification of one event came to.
type Result struct {
	Event    uint64 // its number; 0 if it is about the numbers of all events, as of a Breach
	Version  int64  // of the event, to which the counters were recomputed
	Bookings int
	Breaches int
	Lost     bool // there is no such event any more, and that is the breach

	id uuid.UUID // which event has the number; uuid.Nil if that could not be read
}

// Verifier verifies what one Redis holds. Make one with New.
type Verifier struct {
	conn  *conn.Conn
	keys  layout.Keys
	clock func() time.Time // nil, except in tests: Redis is asked
}

// New returns a verifier of what the Redis of a connection holds under these keys. The clock is nil,
// except in tests.
func New(c *conn.Conn, keys layout.Keys, clock func() time.Time) *Verifier {
	return &Verifier{c, keys, clock}
}

// ErrUnsteady means that a second look at an event did not find what the first had:
// somebody repaired or broke it meanwhile, or Redis failed over or moved the event
// to another shard, which can cut short the reading of its hash. It is neither
// verified nor known to be broken.
var ErrUnsteady = errors.New("two looks do not agree, verify again")

// Event recomputes an event's counters from its bookings, matches its list, its
// set and its users' chains with them, and reports each breach. The service may go
// on meanwhile: each booking's record says at which versions of the event it
// changed, so that what was read late still says how it stood at the start. What
// happens after the start is not judged, save where it is needed to judge the rest.
//
// No call to Redis reads more than about a thousand entries. Here it takes about 400
// bytes of memory a booking.
//
// An event that was created, and is not there, is a breach too.
//
// Errors: layout.ErrEventNotFound, ErrUnsteady, conn.ErrUnavailable.
func (v *Verifier) Event(ctx context.Context, event layout.EventRef, report func(Breach)) (Result, error) {
	if event.Number() == 0 {
		return Result{}, layout.ErrEventNotFound
	}
	result, err := v.event(ctx, event, report)
	if errors.Is(err, layout.ErrEventNotFound) {
		return v.missing(ctx, event, report)
	}
	return result, err
}

// event does not distinguish a lost event from one that never was.
func (v *Verifier) event(ctx context.Context, event layout.EventRef, report func(Breach)) (Result, error) {
	first, result, err := v.inspect(ctx, event)
	if err != nil || len(first) == 0 {
		return result, err
	}
	second, result, err := v.inspect(ctx, event)
	if err != nil {
		return result, err
	}
	breaches := agreed(first, second)
	if len(breaches) == 0 {
		return result, unsteady(first, second)
	}
	for _, breach := range breaches {
		report(breach)
	}
	result.Breaches = len(breaches)
	return result, nil
}

// agreed returns the breaches of a first look that the second found too.
func agreed(first, second []Breach) []Breach {
	again := map[Breach]bool{}
	for _, breach := range second {
		again[breach.key()] = true
	}
	return slices.DeleteFunc(slices.Clone(first), func(breach Breach) bool { return !again[breach.key()] })
}

func unsteady(first, second []Breach) error {
	return fmt.Errorf("%w: the first found %d breaches (%s), the second %d",
		ErrUnsteady, len(first), first[0], len(second))
}

// key is what two looks are compared by: figures may have moved on in between.
func (b Breach) key() Breach {
	b.Detail = ""
	return b
}

// maxBreaches bounds what is kept of a badly broken event.
const maxBreaches = 10_000

// inspection is one look at one event: a copy of it, and what is wrong with it.
type inspection struct {
	*Verifier
	number uint64
	eventCopy
	start instant

	order      []int32                        // bookings in order of their versions
	extensions map[int64]int32                // version -> booking whose deadline was moved
	reductions map[layout.ShortID][]reduction // oldest first

	past     []int32 // those of order that were booked when the look started
	waitlist []int32 // those of past that were put in the waiting list, by sequence number

	caughtUp int64 // all bookings up to this version are in the copy
	breaches []Breach
	reported map[Breach]bool
}

// inspect looks once at an event.
func (v *Verifier) inspect(ctx context.Context, event layout.EventRef) ([]Breach, Result, error) {
	in := &inspection{Verifier: v, number: event.Number(), eventCopy: newEventCopy(), reported: map[Breach]bool{}}
	err := in.run(ctx, event)
	if err != nil {
		return nil, Result{Event: event.Number()}, err
	}
	return in.breaches, Result{
		Event: event.Number(), Version: in.start.Version, Bookings: len(in.past), id: in.start.event,
	}, nil
}

func (in *inspection) run(ctx context.Context, event layout.EventRef) error {
	complete, err := in.readStart(ctx, event)
	if err != nil || !complete {
		return err
	}
	if err := in.scan(ctx); err != nil {
		return err
	}
	if err := in.checkNotAhead(ctx); err != nil {
		return err
	}
	in.sort()
	if err := in.findSteps(ctx); err != nil {
		return err
	}
	in.checkHistory()
	in.checkCounters()
	// The waiting list first: it relies on records that are older than the list it reads.
	for _, check := range []func(context.Context) error{
		in.checkWaitlist, in.checkWithdrawn, in.checkDeadlines, in.checkUsers, in.checkCancellations, in.checkLog,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// breachf notes a breach, of a booking if one is given, else of the event.
func (in *inspection) breachf(booking *copied, rule Rule, format string, args ...any) {
	b := Breach{Event: in.number, Rule: rule, Detail: fmt.Sprintf(format, args...)}
	if booking != nil {
		b.Booking = layout.NewID(in.number, booking.id)
	}
	// A scan may return a field twice.
	if in.reported[b] || len(in.breaches) > maxBreaches {
		return
	}
	if len(in.breaches) == maxBreaches {
		b = Breach{Event: in.number, Rule: rule, Detail: fmt.Sprintf("more than %d breaches, the rest is left out", maxBreaches)}
	}
	in.reported[b] = true
	in.breaches = append(in.breaches, b)
}
