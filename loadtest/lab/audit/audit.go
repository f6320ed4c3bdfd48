// Package audit checks, after a run, that nothing was sold twice, lost or served out
// of turn: it compares every answer that a client got with what the service says now,
// and replays the history of each event in the order of its versions.
package audit

import (
	"context"
	"fmt"
	"sort"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// Event is an event that the run made.
type Event struct {
	ID     service.ID
	Total  int64   // tickets at its creation
	Raised []Raise // in order, each asked for after the answer to the one before
}

// Raise is a change of an event's total that the run asked for.
type Raise struct {
	Total         int64
	AnswerVersion int64 // the change was made no later; 0 = no answer, it may have been made or not
}

// Rule is what a service of bookings must not break.
type Rule string

// The rules.
const (
	Oversell        Rule = "oversell"             // more confirmed than there are tickets, at any version
	LostBooking     Rule = "lost-booking"         // acknowledged, and not there
	LostCancel      Rule = "lost-cancellation"    // acknowledged, and not cancelled
	WrongRecord     Rule = "wrong-record"         // the record is not what the answer said
	DoubleBooking   Rule = "double-booking"       // more than one booking for one request
	UnaskedBooking  Rule = "unasked-booking"      // nobody asked for it
	UnaskedCancel   Rule = "unasked-cancellation" // nobody cancelled it
	RefusedBooked   Rule = "refused-but-booked"   // the answer was a refusal
	Overtaken       Rule = "overtaken"            // somebody was served before one who waited longer
	NeedlessWait    Rule = "needless-wait"        // put or kept in line while tickets were available
	PromotedCancel  Rule = "promoted-cancelled"   // a cancelled booking was given tickets
	VersionConflict Rule = "version-conflict"     // one version, two changes
	VersionGap      Rule = "version-gap"          // a change that nothing explains: something was lost
	Order           Rule = "order"                // happened before something that was answered before it was asked
	MovedBack       Rule = "moved-back"           // a position in the waiting list got worse
	Sum             Rule = "sum"                  // confirmed + available is not total
	Counts          Rule = "counts"               // the event's counters are not what its bookings add up to
	Position        Rule = "position"             // positions in the waiting list are not 1, 2, 3 ...
)

// Breach is a rule that was broken.
type Breach struct {
	Rule    Rule   `json:"rule"`
	Event   string `json:"event"`
	Booking string `json:"booking,omitempty"`
	Text    string `json:"text"`
}

// String returns the breach as one line.
func (b Breach) String() string {
	which := "event " + b.Event
	if b.Booking != "" {
		which = "booking " + b.Booking + " of " + which
	}
	return fmt.Sprintf("BREACH %s: %s: %s", b.Rule, which, b.Text)
}

// Result is what the audit found.
type Result struct {
	Events       int           `json:"events"`
	Bookings     int           `json:"bookings"` // that the service lists
	Answers      int           `json:"answers"`  // that were checked
	Changes      int64         `json:"changes"`  // versions that were replayed
	Unknown      int           `json:"unknown"`  // requests whose outcome no client knows
	Happened     int           `json:"unknownThatHappened"`
	ByRule       map[Rule]int  `json:"byRule,omitempty"`
	Breaches     []Breach      `json:"breaches"` // the first of them
	BreachCount  int           `json:"breachCount"`
	Took         time.Duration `json:"tookNanoseconds"`
	perRuleShown map[Rule]int
}

// shownPerRule bounds how many breaches of one rule are kept: one cause often breaks
// thousands.
const shownPerRule = 20

// NewResult makes one that others can be added to.
func NewResult() *Result {
	return &Result{ByRule: make(map[Rule]int), perRuleShown: make(map[Rule]int), Breaches: []Breach{}}
}

func (r *Result) breachf(rule Rule, event service.ID, booking, format string, args ...any) {
	r.BreachCount++
	r.ByRule[rule]++
	if r.perRuleShown[rule] < shownPerRule {
		r.perRuleShown[rule]++
		r.Breaches = append(r.Breaches, Breach{rule, event.String(), booking, fmt.Sprintf(format, args...)})
	}
}

// Check audits events that nobody changes any more. Requests with an unknown outcome
// may still be on their way: settle is how long that can take.
func (r *Result) Check(
	ctx context.Context, client *service.Client, events []Event, ledger *load.Ledger, settle time.Duration,
) error {
	began := time.Now()
	defer func() { r.Took += time.Since(began) }()
	entries := make(map[service.ID][]*load.Entry)
	unknown := 0
	for entry := range ledger.All {
		entries[entry.Event] = append(entries[entry.Event], entry)
		if entry.Outcome == service.Unknown || entry.Outcome == service.Failed {
			unknown++
		}
	}
	r.Unknown += unknown
	r.Answers += ledger.Len() - unknown
	if unknown > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settle):
		}
	}
	for _, event := range events {
		state, status, bookings, err := fetch(ctx, client, event.ID)
		if err != nil {
			return fmt.Errorf("audit of event %s: %w", event.ID, err)
		}
		r.Events++
		r.Bookings += len(bookings)
		r.Changes += state.Version
		c := newCase(r, event, state, bookings, entries[event.ID])
		c.checkAnswers()
		c.checkCancellations()
		c.checkHistory()
		c.checkOrder()
		c.checkPositions()
		c.checkLookups()
		c.checkCounts()
		c.checkStatusNow(status)
	}
	return nil
}

// fetch reads an event, its status and its bookings at one version.
func fetch(ctx context.Context, client *service.Client, id service.ID) (
	event, status service.Event, bookings []service.Booking, err error,
) {
	const tries = 5
	for try := 0; ; try++ {
		before, err := client.Event(ctx, id)
		if err != nil {
			return event, status, nil, err
		}
		if bookings, err = client.Bookings(ctx, id); err != nil {
			return event, status, nil, err
		}
		if status, err = client.Status(ctx, id); err != nil {
			return event, status, nil, err
		}
		event, err = client.Event(ctx, id)
		if err != nil || event.Version == before.Version {
			return event, status, bookings, err
		}
		if try == tries {
			return event, status, nil, fmt.Errorf("somebody keeps changing it: version %d, then %d", before.Version, event.Version)
		}
	}
}

// Rules returns the rules that were broken, the most often broken first.
func (r *Result) Rules() []Rule {
	var rules []Rule
	for rule := range r.ByRule {
		rules = append(rules, rule)
	}
	sort.Slice(rules, func(i, j int) bool {
		if a, b := r.ByRule[rules[i]], r.ByRule[rules[j]]; a != b {
			return a > b
		}
		return rules[i] < rules[j]
	})
	return rules
}
