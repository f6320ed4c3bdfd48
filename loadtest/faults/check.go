package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/model"
	"boxoffice/store/verify"
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

func (f *findings) countf(count *int, more int, format string, args ...any) {
	if more > 0 {
		*count += more
		f.details = append(f.details, fmt.Sprintf(format, args...))
	}
}

// readBooks reads, when all is calm again, what the store holds, and then asks once more
// for what was left unknown. All that becomes part of the history. The store checks each
// event against itself.
func (r *round) readBooks(ctx context.Context) error {
	books := directly{r.books}
	for _, event := range r.events {
		switch err := r.readCalm(ctx, books, event); {
		case errors.Is(err, store.ErrEventNotFound):
			r.breaches = append(r.breaches, fmt.Sprintf("event %d is lost", event.Event))
			continue
		case err != nil:
			return fmt.Errorf("event %d: %w", event.Event, err)
		}
		_, err := r.books.Verifier().Event(ctx, store.EventNumber(event.Event), func(breach verify.Breach) {
			r.breaches = append(r.breaches, breach.String())
		})
		if err != nil {
			return err
		}
	}
	for _, call := range history.Unknown(r.attempts) {
		if again := r.do(ctx, books, 0, call); !again.Answered {
			return fmt.Errorf("%s: %w", again, again.Answer.Refusal)
		}
	}
	return nil
}

// readCalm reads an event's bookings and then its status. A call that somebody gave up may still run
// meanwhile, and a list is read in parts: then it reads both again.
func (r *round) readCalm(ctx context.Context, books directly, event history.Call) error {
	for {
		before, err := r.books.Event(ctx, store.EventNumber(event.Event))
		if err != nil {
			return err
		}
		made := len(r.attempts)
		list, status := event, event
		list.Verb, status.Verb = history.List, history.Status
		if read := r.do(ctx, books, 0, list); read.Answer.Refusal != nil {
			return read.Answer.Refusal
		}
		raises, err := r.raises(ctx, event.Event)
		if err != nil {
			return err
		}
		r.attempts[len(r.attempts)-1].Raises = raises
		read := r.do(ctx, books, 0, status)
		if read.Answer.Refusal != nil || read.Counts.Version == before.Version {
			return read.Answer.Refusal
		}
		r.attempts = r.attempts[:made]
	}
}

// raises are the totals that were set, each with the version that set it.
func (r *round) raises(ctx context.Context, event uint64) (map[int64]int64, error) {
	raises := map[int64]int64{}
	err := r.books.Verifier().Log(ctx, store.EventNumber(event), func(version int64, change layout.Change) {
		if total := change.Settings.TotalTickets; total != nil {
			raises[*total] = version
		}
	})
	return raises, err
}

// check compares the answers that clients got with the books and with the model.
func (r *round) check() findings {
	f := findings{rounds: 1}
	for _, attempt := range r.attempts {
		f.operations++
		if !attempt.Answered {
			f.unknown++
		}
	}
	for _, event := range r.events {
		r.checkCounts(event.Event, &f)
		outage := longestGap(r.attempts, event.Event, r.begun, r.ended)
		if r.affected == nil || r.affected[event.Event] {
			f.outage = max(f.outage, outage)
		} else {
			f.elsewhere = max(f.elsewhere, outage)
		}
	}
	r.checkAnswers(&f)
	r.checkHistory(&f)
	for _, breach := range r.breaches {
		f.countf(&f.others, 1, "%s", breach)
	}
	return f
}

// longestGap is the longest time in which no booking of an event was answered.
func longestGap(attempts []history.Attempt, event uint64, begun, ended time.Duration) time.Duration {
	answers := []time.Duration{begun, ended}
	for _, attempt := range attempts {
		if attempt.Event == event && attempt.Verb == history.Book && attempt.Answered && attempt.End < ended {
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

// checkCounts compares an event's counters with its bookings and its total.
func (r *round) checkCounts(event uint64, f *findings) {
	var counts model.Counts // the last that were read
	confirmed, waiting := int64(0), int64(0)
	once := map[uuid.UUID]bool{}
	for _, read := range r.attempts {
		if read.Event == event && read.Verb == history.Status && read.Answered {
			counts = read.Counts
		}
		if read.Event != event || read.Verb != history.List {
			continue
		}
		for _, booking := range read.List {
			if once[booking.ID] {
				f.countf(&f.doubled, 1, "event %d: booking %s is listed twice", event, booking.ID)
			}
			once[booking.ID] = true
			if booking.Status.HasTickets() {
				confirmed += booking.Quantity
			}
			if booking.Status.Waits() {
				waiting++
			}
		}
	}
	f.countf(&f.doubled, int(max(0, counts.Confirmed-confirmed)+max(0, counts.Waiting-waiting)),
		"event %d: %d tickets are given out and %d bookings wait, but the bookings add up to %d and %d",
		event, counts.Confirmed, counts.Waiting, confirmed, waiting)
	f.countf(&f.oversold, int(max(counts.Confirmed, confirmed)-counts.Total),
		"event %d: %d tickets are given out of %d", event, max(counts.Confirmed, confirmed), counts.Total)
}

// checkAnswers looks for each acknowledged change in the books, and for bookings that
// nobody asked for.
func (r *round) checkAnswers(f *findings) {
	var answered, due []history.Attempt // changes; due are those that the books have to have
	booked := map[uuid.UUID]store.Booking{}
	last := map[uint64]int64{} // version of an event when its books were read
	for _, a := range r.attempts {
		for _, booking := range a.List {
			booked[booking.ID] = booking
		}
		if a.Verb == history.List {
			last[a.Event] = math.MaxInt64
		}
		if a.Verb == history.Status && last[a.Event] == math.MaxInt64 {
			last[a.Event] = a.Counts.Version
		}
		if !a.Answered || a.Answer.Version == 0 {
			continue
		}
		answered = append(answered, a)
		if read, over := last[a.Event]; !over || a.Answer.Version <= read { // else it was made by asking again
			due = append(due, a)
		}
	}
	for _, a := range due {
		found := booked[a.Answer.Booking]
		if !shows(found, a) {
			f.countf(&f.lost, 1, "event %d: %s, after %s: lost, the books have %+v", a.Event, a, a.End, found)
		}
	}
	checkOnce(answered, booked, f)
}

// shows reports whether a booking in the books is as an acknowledged change has left it.
func shows(found store.Booking, a history.Attempt) bool {
	switch a.Verb {
	case history.Book:
		return found.Version == a.Answer.Version && cmp.Or(found.Reduced.From, found.Quantity) == a.Quantity && found.User == a.User
	case history.Reduce:
		return found.Reduced.Version == a.Answer.Version && found.Quantity == a.Quantity
	default:
		return found.Cancelled.Version == a.Answer.Version
	}
}

// checkOnce looks for requests with two answers, and for bookings of no request.
func checkOnce(answered []history.Attempt, booked map[uuid.UUID]store.Booking, f *findings) {
	type request struct {
		event     uint64
		user, key string
	}
	answers := map[request]model.Answer{}
	asked := map[uuid.UUID]bool{}
	for _, a := range answered {
		if a.Verb != history.Book {
			continue
		}
		asked[a.Answer.Booking] = true
		name := request{a.Event, a.User, a.Key}
		if before, known := answers[name]; known && before != a.Answer {
			f.countf(&f.doubled, 1, "event %d: %s: was answered %+v before", a.Event, a, before)
		}
		answers[name] = a.Answer
	}
	for id, booking := range booked {
		if !asked[id] {
			f.countf(&f.doubled, 1, "booking %s of %s at version %d: nobody asked for it, or it is one too many", id, booking.User, booking.Version)
		}
	}
}

// checkHistory asks porcupine whether the answers can have come from one event that does
// one thing at a time.
func (r *round) checkHistory(f *findings) {
	const patience = time.Minute
	attempts := r.attempts
	if r.dirtyReads {
		attempts = slices.DeleteFunc(slices.Clone(attempts), func(a history.Attempt) bool {
			return a.Verb == history.Status && a.Start < r.ended && a.Answer.Refusal == nil
		})
	}
	operations, m := history.Operations(attempts), history.Porcupine()
	result, info := porcupine.CheckOperationsVerbose(m, operations, patience)
	switch result {
	case porcupine.Ok:
	case porcupine.Unknown:
		f.countf(&f.others, 1, "porcupine could not decide in %s whether the history of %d calls is linearizable", patience, len(operations))
	case porcupine.Illegal:
		f.countf(&f.others, 1, "the history of %d calls is not linearizable%s%s", len(operations), picture(m, info), stuck(operations, info))
	}
}
