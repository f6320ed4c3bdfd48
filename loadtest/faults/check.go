package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"boxoffice/loadtest/faults/model"
	"boxoffice/store"
)

// findings is what a round, or all rounds of a fault, came to.
type findings struct {
	rounds, operations, unknown     int
	lost, doubled, oversold, others int           // others: breaches of other rules, histories that cannot be
	outage, elsewhere               time.Duration // longest, of events that the fault concerns, and of the others
	details                         []string
}

func (f *findings) add(g findings) {
	f.rounds += g.rounds
	f.operations += g.operations
	f.unknown += g.unknown
	f.lost += g.lost
	f.doubled += g.doubled
	f.oversold += g.oversold
	f.others += g.others
	f.outage = max(f.outage, g.outage)
	f.elsewhere = max(f.elsewhere, g.elsewhere)
	f.details = append(f.details, g.details...)
}

func (f *findings) bad() bool { return f.lost+f.doubled+f.oversold+f.others > 0 }

func (f *findings) tell(count *int, more int, format string, args ...any) {
	if more > 0 {
		*count += more
		f.details = append(f.details, fmt.Sprintf(format, args...))
	}
}

// check reads the books when all is calm again, and holds what clients were told against
// them.
func (r *round) check(ctx context.Context, begun, ended time.Duration) (findings, error) {
	f := findings{rounds: 1}
	for _, attempt := range r.attempts {
		f.operations++
		if !attempt.Answered {
			f.unknown++
		}
	}
	for _, event := range r.events {
		outage := longestGap(r.attempts, event.Event, begun, ended)
		if r.struck == nil || r.struck[event.Event] {
			f.outage = max(f.outage, outage)
		} else {
			f.elsewhere = max(f.elsewhere, outage)
		}
		if err := r.checkBooks(ctx, event, &f); err != nil {
			return f, err
		}
	}
	// What was left unknown is asked for again, after the books were read.
	books := directly{r.books}
	for _, call := range model.Unknown(r.attempts) {
		if again := r.do(ctx, books, 0, call); !again.Answered {
			return f, fmt.Errorf("%s: %w", again, again.Answer.Refusal)
		}
	}
	r.checkAnswers(&f)
	r.checkHistory(&f)
	if r.outageLimit > 0 && f.outage > r.outageLimit {
		f.tell(&f.others, 1, "an outage of %s, at most %s is allowed", f.outage, r.outageLimit)
	}
	if r.elsewhereLimit > 0 && f.elsewhere > r.elsewhereLimit {
		f.tell(&f.others, 1, "an outage of %s of events that were not concerned, at most %s is allowed", f.elsewhere, r.elsewhereLimit)
	}
	return f, nil
}

// longestGap is the longest time in which no booking of an event was answered.
func longestGap(attempts []model.Attempt, event uint64, begun, ended time.Duration) time.Duration {
	answers := []time.Duration{begun, ended}
	for _, attempt := range attempts {
		if attempt.Event == event && attempt.Verb == model.Book && attempt.Answered && attempt.End < ended {
			answers = append(answers, attempt.End)
		}
	}
	slices.Sort(answers)
	longest := time.Duration(0)
	for i := range answers[1:] {
		longest = max(longest, answers[i+1]-answers[i])
	}
	return longest
}

// checkBooks reads what the store holds of an event, as part of the history, and checks
// it against itself.
func (r *round) checkBooks(ctx context.Context, event model.Call, f *findings) error {
	books := directly{r.books}
	read := func(verb model.Verb) (model.Attempt, error) {
		call := event
		call.Verb = verb
		attempt := r.do(ctx, books, 0, call)
		if attempt.Answer.Refusal != nil {
			return attempt, fmt.Errorf("event %d: %w", event.Event, attempt.Answer.Refusal)
		}
		return attempt, nil
	}
	list, err := read(model.List)
	if err != nil {
		return err
	}
	status, err := read(model.Status)
	if err != nil {
		return err
	}
	confirmed, waiting := int64(0), int64(0)
	once := map[uuid.UUID]bool{}
	for _, booking := range list.List {
		if once[booking.ID] {
			f.tell(&f.doubled, 1, "event %d: booking %s is listed twice", event.Event, booking.ID)
		}
		once[booking.ID] = true
		switch booking.Status {
		case store.StatusConfirmed:
			confirmed += booking.Quantity
		case store.StatusWaiting:
			waiting++
		}
	}
	counts := status.Counts
	f.tell(&f.doubled, int(max(0, counts.Confirmed-confirmed)+max(0, counts.Waiting-waiting)),
		"event %d: %d tickets are given out and %d bookings wait, but the bookings add up to %d and %d",
		event.Event, counts.Confirmed, counts.Waiting, confirmed, waiting)
	f.tell(&f.oversold, int(max(counts.Confirmed, confirmed)-counts.Total),
		"event %d: %d tickets are given out of %d", event.Event, max(counts.Confirmed, confirmed), counts.Total)
	_, err = r.books.Verify(ctx, store.EventNumber(event.Event), func(breach store.Breach) {
		f.tell(&f.others, 1, "%s", breach)
	})
	return err
}

// checkAnswers looks for each acknowledged change in the books, and for bookings that
// nobody asked for.
func (r *round) checkAnswers(f *findings) {
	type request struct {
		event     uint64
		user, key string
	}
	booked := map[uuid.UUID]store.Booking{}
	for _, list := range r.attempts {
		for _, booking := range list.List {
			booked[booking.ID] = booking
		}
	}
	answers := map[request]model.Answer{}
	asked := map[uuid.UUID]bool{}
	last := map[uint64]int64{} // version of an event when its books were read
	for _, a := range r.attempts {
		answer := a.Answer
		if a.Verb == model.List {
			last[a.Event] = math.MaxInt64
		}
		if a.Verb == model.Status && last[a.Event] == math.MaxInt64 {
			last[a.Event] = a.Counts.Version
		}
		if !a.Answered || answer.Refusal != nil {
			continue
		}
		found := booked[answer.Booking]
		_, read := last[a.Event]
		later := read && answer.Version > last[a.Event] // it was made by asking again
		switch a.Verb {
		case model.Book:
			asked[answer.Booking] = true
			name := request{a.Event, a.User, a.Key}
			before, known := answers[name]
			answers[name] = answer
			switch {
			case known && before != answer:
				f.tell(&f.doubled, 1, "%s: was answered %+v before", a, before)
			case !known && !later && (found.Version != answer.Version || found.Quantity != a.Quantity || found.User != a.User):
				f.tell(&f.lost, 1, "event %d: %s: lost at %s, the books have %+v", a.Event, a, a.End, found)
			}
		case model.Cancel, model.CancelOldest:
			if !later && found.Cancelled != answer.Version {
				f.tell(&f.lost, 1, "event %d: %s: lost at %s, the books have %+v", a.Event, a, a.End, found)
			}
		}
	}
	for id, booking := range booked {
		if !asked[id] {
			f.tell(&f.doubled, 1, "booking %s of %s at version %d: nobody asked for it, or it is one too many", id, booking.User, booking.Version)
		}
	}
}

// checkHistory asks porcupine whether the answers can have come from one event that does
// one thing at a time.
func (r *round) checkHistory(f *findings) {
	const patience = time.Minute
	history, m := model.History(r.attempts), model.Porcupine()
	result, info := porcupine.CheckOperationsVerbose(m, history, patience)
	switch result {
	case porcupine.Ok:
	case porcupine.Unknown:
		f.tell(&f.others, 1, "porcupine could not decide in %s whether the history of %d calls is linearizable", patience, len(history))
	case porcupine.Illegal:
		f.tell(&f.others, 1, "the history of %d calls is not linearizable%s", len(history), picture(m, info))
	}
}
