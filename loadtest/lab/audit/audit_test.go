package audit_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// story is a source that sends its requests one after the other; a cancellation names
// the booking of an earlier request. Before it asks for the status, it may raise the total.
type story struct {
	client  *service.Client
	raised  []audit.Raise
	event   service.ID
	steps   []step
	entries []load.Entry
}

type step struct {
	user, key uint64
	cancels   int   // 1 + index of the step whose booking it cancels; 0: it books
	raise     int64 // the total to raise to; 0: none
	status    bool  // only look at the event
	looks     int   // 1 + index of the step whose booking it looks up
}

func (s *story) Next(i int64, request *service.Request) bool {
	if i >= int64(len(s.steps)) {
		return false
	}
	now := s.steps[i]
	*request = service.Request{Kind: service.Book, Event: s.event, User: now.user, Quantity: 1, Key: now.key}
	if now.cancels > 0 {
		earlier := s.entries[now.cancels-1]
		*request = service.Request{Kind: service.Cancel, Event: s.event, User: earlier.User, Booking: earlier.Booked}
	}
	if now.looks > 0 {
		earlier := s.entries[now.looks-1]
		*request = service.Request{Kind: service.Lookup, Event: s.event, User: earlier.User, Booking: earlier.Booked}
	}
	if now.raise > 0 {
		raise := audit.Raise{Total: now.raise}
		if event, err := s.client.RaiseTotal(context.Background(), s.event, now.raise); err == nil {
			raise.AnswerVersion = event.Version
		}
		s.raised = append(s.raised, raise)
	}
	if now.status || now.raise > 0 {
		*request = service.Request{Kind: service.Status, Event: s.event}
	}
	return true
}

func (s *story) Answered(entry *load.Entry) { s.entries = append(s.entries, *entry) }

// run sends the steps to a service with so many tickets, and audits it.
func run(t *testing.T, f *faulty, steps ...step) *audit.Result {
	t.Helper()
	target, err := service.ParseTarget(f.start(t))
	if err != nil {
		t.Fatal(err)
	}
	event, _ := service.ParseID(eventID)
	generator := load.New(load.Options{Targets: []service.Target{target}, Connections: 1, Timeout: 5 * time.Second})
	defer generator.Close()
	client := service.New([]service.Target{target}, 5*time.Second, 5*time.Second)
	total := f.total
	s := &story{client: client, event: event, steps: steps}
	ledger := generator.Run(context.Background(), s, load.Span{})
	if ledger.Len() != len(steps) {
		t.Fatalf("%d of %d requests were sent", ledger.Len(), len(steps))
	}
	result := audit.NewResult()
	events := []audit.Event{{ID: event, Total: total, Raised: s.raised}}
	if err := result.Check(context.Background(), client, events, ledger, 0); err != nil {
		t.Fatal(err)
	}
	return result
}

// book returns steps of so many users, each with a key.
func book(users int) (steps []step) {
	for user := 1; user <= users; user++ {
		steps = append(steps, step{user: uint64(user), key: uint64(user)})
	}
	return steps
}

func bookThen(users int, then ...step) []step { return append(book(users), then...) }

func TestFaultsAreCaughtAndNamed(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*faulty)
		steps []step
		rule  audit.Rule
		which string // end of the booking's id
	}{
		{"one ticket too many", func(f *faulty) { f.sellOneMore = true }, book(5), audit.Oversell, "0003"},
		{"lost booking", func(f *faulty) { f.loseFirst = true }, book(5), audit.LostBooking, "0001"},
		{"waiting list served out of order", func(f *faulty) { f.serveLast = true }, bookThen(5, step{cancels: 1}), audit.Overtaken, "0005"},
		{"one key, two bookings", func(f *faulty) { f.forgetKeys = true }, bookThen(5, step{user: 2, key: 2}), audit.DoubleBooking, "0006"},
		{"promoted after it was cancelled", func(f *faulty) { f.promoteCancelled = true },
			bookThen(5, step{cancels: 3}, step{cancels: 1}), audit.PromotedCancel, "0003"},
		{"miscounted", func(f *faulty) { f.miscount = true }, book(5), audit.Sum, ""},
		{"miscounted waiting list", func(f *faulty) { f.miscount = true }, book(5), audit.Counts, ""},
		{"nobody promoted", func(f *faulty) { f.promoteNobody = true }, bookThen(5, step{cancels: 1}), audit.NeedlessWait, "0003"},
		{"a newcomer confirmed before those who wait", func(f *faulty) { f.jumpTheQueue = true },
			bookThen(5, step{cancels: 1}, step{user: 6, key: 6}), audit.Overtaken, "0006"},
		{"put in line for nothing", func(f *faulty) { f.makeWait = true }, book(1), audit.NeedlessWait, "0001"},
		{"a cancellation forgotten", func(f *faulty) { f.ignoreCancel = true }, bookThen(5, step{cancels: 1}), audit.LostCancel, "0001"},
		{"wrong position", func(f *faulty) { f.wrongListed = true }, book(5), audit.Position, "0003"},
		{"a change without a trace", func(f *faulty) { f.skipBooking = 2 }, book(5), audit.VersionGap, ""},
		{"booked by nobody", func(f *faulty) { f.inventOne = true }, book(5), audit.UnaskedBooking, "0001"},
		{"cancelled by nobody", func(f *faulty) { f.cancelNewest = true }, bookThen(5, step{cancels: 1}), audit.UnaskedCancel, "0005"},
		{"two bookings at one version", func(f *faulty) { f.reuseVersion = 5 }, book(5), audit.VersionConflict, "0005"},
		{"two cancellations at one version", func(f *faulty) { f.reuseVersion = 7 },
			bookThen(5, step{cancels: 1}, step{cancels: 2}), audit.VersionConflict, "0002"},
		{"a booking at a cancellation's version", func(f *faulty) { f.reuseVersion = 7 },
			bookThen(5, step{cancels: 1}, step{user: 6, key: 6}), audit.VersionConflict, "0006"},
		{"a cancellation at a booking's version", func(f *faulty) { f.reuseVersion = 6 },
			bookThen(5, step{cancels: 1}), audit.VersionConflict, "0005"},
		{"promoted later than it should be", func(f *faulty) { f.promoteLate = true },
			bookThen(5, step{cancels: 1}, step{user: 6, key: 6}, step{cancels: 4}), audit.NeedlessWait, "0003"},
		{"answered with another position", func(f *faulty) { f.wrongPosition = true }, book(5), audit.Position, "0003"},
		{"answered with another position once it is shorter", func(f *faulty) { f.wrongPosition = true },
			bookThen(5, step{cancels: 1}, step{cancels: 4}, step{user: 6, key: 6}), audit.Position, "0006"},
		{"a status that is behind", func(f *faulty) { f.staleStatus = true }, book(5), audit.Counts, ""},
		{"a status that was behind", func(f *faulty) { f.staleUntil = 5 },
			bookThen(4, step{status: true}, step{user: 5, key: 5}), audit.Counts, ""},
		{"another booking was looked up", func(f *faulty) { f.wrongLookup = true }, bookThen(4, step{looks: 3}), audit.WrongRecord, "0003"},
		{"still there after its cancellation", func(f *faulty) { f.staleLookup = true },
			bookThen(4, step{cancels: 1}, step{looks: 1}), audit.LostCancel, "0001"},
		{"cancelled before anybody asked for it", func(f *faulty) { f.foresee = true },
			bookThen(4, step{looks: 2}, step{cancels: 2}), audit.WrongRecord, "0002"},
		{"waiting without a position", func(f *faulty) { f.staleLookup = true },
			bookThen(4, step{cancels: 1}, step{looks: 3}), audit.WrongRecord, "0003"},
		{"a raise acknowledged and forgotten", func(f *faulty) { f.forgetRaise = true }, bookThen(5, step{raise: 3}), audit.Counts, ""},
		{"a raise, and later a change without a trace", func(f *faulty) { f.skipBooking = 5; f.raiseFails = true },
			bookThen(5, step{raise: 3}, step{user: 6, key: 6}), audit.VersionGap, ""},
		{"a change without a trace after the answer to a raise", func(f *faulty) { f.skipBooking = 5; f.forgetRaise = true },
			bookThen(5, step{raise: 3}, step{user: 6, key: 6}), audit.VersionGap, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFaulty(2)
			if sound := run(t, f, test.steps...); sound.BreachCount > 0 {
				t.Fatalf("the sound service: %v", sound.Breaches)
			}
			f = newFaulty(2)
			test.fault(f)
			result := run(t, f, test.steps...)
			if !slices.ContainsFunc(result.Breaches, func(b audit.Breach) bool {
				return b.Rule == test.rule && strings.HasSuffix(b.Booking, test.which) &&
					strings.Contains(b.String(), string(test.rule)) && strings.Contains(b.String(), b.Booking)
			}) {
				t.Errorf("want %s of the booking that ends in %q; got %v", test.rule, test.which, result.Breaches)
			}
			if test.rule == audit.VersionConflict && result.BreachCount > 1 {
				t.Errorf("one version, two changes, and these followed: %v", result.Breaches)
			}
		})
	}
}

// A request whose outcome no client knows may have happened or not, but not twice.
func TestUnknownOutcomes(t *testing.T) {
	tests := []struct {
		name   string
		mutate func(ledger *[]load.Entry)
		rule   audit.Rule // that is broken, or empty
	}{
		{"happened", func(entries *[]load.Entry) {
			(*entries)[1].Answer = service.Answer{Outcome: service.Unknown, Reason: service.ReasonTimeout}
		}, ""},
		{"did not happen", func(entries *[]load.Entry) {
			*entries = append(*entries, load.Entry{
				Request: service.Request{Kind: service.Book, User: 9, Quantity: 1},
				Answer:  service.Answer{Outcome: service.Unknown},
			})
		}, ""},
		{"refused, but it happened", func(entries *[]load.Entry) {
			(*entries)[1].Answer = service.Answer{Outcome: service.Refused, Code: 409}
		}, audit.RefusedBooked},
		{"never sent, but it happened", func(entries *[]load.Entry) {
			(*entries)[1].Answer = service.Answer{Outcome: service.NotSent}
		}, audit.RefusedBooked},
		{"asked for after a later one was answered", func(entries *[]load.Entry) {
			(*entries)[0].Sent = 1 << 60
		}, audit.Order},
		{"another version than the answer's", func(entries *[]load.Entry) {
			(*entries)[2].Answer.Version++
		}, audit.WrongRecord},
		{"a position that moves back", func(entries *[]load.Entry) {
			for _, look := range []load.Entry{{Sent: 1 << 50, Done: 1<<50 + 1, Answer: service.Answer{Outcome: service.Found, Position: 1}},
				{Sent: 1 << 51, Done: 1<<51 + 1, Answer: service.Answer{Outcome: service.Found, Position: 2}}} {
				look.Kind, look.Booking, look.Booked = service.Lookup, (*entries)[2].Booked, (*entries)[2].Booked
				*entries = append(*entries, look)
			}
		}, audit.MovedBack},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFaulty(2)
			target, err := service.ParseTarget(f.start(t))
			if err != nil {
				t.Fatal(err)
			}
			event, _ := service.ParseID(eventID)
			generator := load.New(load.Options{Targets: []service.Target{target}, Connections: 1, Timeout: 5 * time.Second})
			defer generator.Close()
			s := &story{event: event, steps: book(4)}
			generator.Run(context.Background(), s, load.Span{})

			entries := s.entries
			test.mutate(&entries)
			ledger := &load.Ledger{}
			for _, entry := range entries {
				entry.Event = event
				ledger.Add(entry)
			}
			result := audit.NewResult()
			client := service.New([]service.Target{target}, 5*time.Second, 5*time.Second)
			if err := result.Check(context.Background(), client, []audit.Event{{ID: event, Total: 2}}, ledger, 0); err != nil {
				t.Fatal(err)
			}
			switch {
			case test.rule == "" && result.BreachCount > 0:
				t.Errorf("no rule is broken; got %v", result.Breaches)
			case test.rule != "" && (result.BreachCount == 0 || result.ByRule[test.rule] == 0):
				t.Errorf("want %s; got %v", test.rule, result.Breaches)
			}
		})
	}
}

// A raise without an answer may have happened or not.
func TestRaisesWithoutAnAnswer(t *testing.T) {
	tests := map[string]func(*faulty){
		"answered":  func(*faulty) {},
		"happened":  func(f *faulty) { f.raiseUnanswered = true },
		"did not":   func(f *faulty) { f.raiseFails = true },
		"only once": func(f *faulty) { f.raiseUnanswered, f.failFrom = true, 4 },
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFaulty(2)
			fault(f)
			result := run(t, f, bookThen(6, step{raise: 3}, step{user: 7, key: 7}, step{raise: 5}, step{user: 8, key: 8})...)
			if result.BreachCount > 0 {
				t.Errorf("no rule is broken; got %v", result.Breaches)
			}
		})
	}
}
