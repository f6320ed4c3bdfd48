package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"boxoffice/loadtest/faults/history"
	"boxoffice/loadtest/service"
	"boxoffice/store"
	"boxoffice/store/model"
	"boxoffice/store/redistest"
)

// recorded is a round on the embedded engine, in which some callers gave up.
func recorded(t *testing.T) *round {
	t.Helper()
	ctx := context.Background()
	books, err := openStore(ctx, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = books.Close() })
	f := fault{books: books, load: time.Second, events: 2, patience: func(random *rand.Rand) time.Duration {
		switch random.IntN(20) {
		case 0:
			return 0 // gives up before anything is sent, however fast the machine is
		case 1:
			return impatient(random)
		default:
			return defaultPatience
		}
	}}
	r, err := f.record(ctx, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.readBooks(ctx); err != nil {
		t.Fatal(err)
	}
	return r
}

// find returns the index of the last attempt that is as asked.
func (r *round) find(t *testing.T, is func(history.Attempt) bool) int {
	t.Helper()
	for i, attempt := range slices.Backward(r.attempts) {
		if is(attempt) {
			return i
		}
	}
	t.Fatal("the round has no such attempt")
	return 0
}

func answered(verb history.Verb) func(history.Attempt) bool {
	return func(a history.Attempt) bool {
		return a.Verb == verb && a.Answered && a.Answer.Refusal == nil && a.First == (verb != history.List)
	}
}

func TestNothingIsFoundWhereNothingIsWrong(t *testing.T) {
	r := recorded(t)
	if f := r.check(); f.bad() || f.unknown == 0 || f.operations < 100 {
		t.Errorf("%+v", f)
	}
}

// Porcupine rejects a history in which two answers are swapped.
func TestSwappedAnswersAreNoHistory(t *testing.T) {
	r := recorded(t)
	var booked []int
	for i, a := range r.attempts {
		if answered(history.Book)(a) && a.Event == r.events[0].Event {
			booked = append(booked, i)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	swaps := 0
	for range 20 {
		one, other := booked[random.IntN(len(booked))], booked[random.IntN(len(booked))]
		if r.attempts[one].User == r.attempts[other].User && r.attempts[one].Quantity == r.attempts[other].Quantity {
			continue // apart from their keys, which the store does not keep, they may be the same
		}
		swaps++
		swapped := slices.Clone(r.attempts)
		swapped[one].Answer, swapped[other].Answer = swapped[other].Answer, swapped[one].Answer
		if porcupine.CheckOperations(history.Porcupine(), history.Operations(swapped)) {
			t.Errorf("the answers of %s and %s are swapped, and it is taken", r.attempts[one], r.attempts[other])
		}
	}
	if swaps == 0 {
		t.Error("nothing was swapped")
	}
}

// What never answers again has lost and doubled nothing, and is found all the same.
func TestNoAnswerAfterTheFaultIsFound(t *testing.T) {
	books, err := openStore(context.Background(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = books.Close() })
	f := fault{
		books: books, load: 100 * time.Millisecond, recoveryLimit: 100 * time.Millisecond, events: 1,
		target: silent{}, inject: func(context.Context, *round) error { return nil },
	}
	found, err := f.run(context.Background(), rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if found.others == 0 {
		t.Errorf("%+v", found)
	}
}

// An event that was created and is gone counts as lost.
func TestLostEventIsFound(t *testing.T) {
	redistest.Require(t)
	ctx := context.Background()
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	books, err := openStore(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = books.Close() })
	if _, err := books.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}}); err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	t.Cleanup(func() { _ = client.Close() })
	for _, want := range []int{0, 1} {
		var found findings
		if err := verifyAll(ctx, books, &found); err != nil || found.lost != want || found.others != 0 {
			t.Errorf("%+v, %v, want %d lost", found, err, want)
		}
		keys, err := client.Keys(ctx, "*{1}").Result() // the event's number is the hash tag of each
		if err == nil && len(keys) > 0 {
			err = client.Del(ctx, keys...).Err()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// silent is a target that never answers.
type silent struct{}

func (silent) do(_ context.Context, call history.Call) history.Attempt {
	return history.Attempt{Call: call}
}

// A mistyped name is an error, and not a run that found nothing.
func TestFaultThatThereIsNot(t *testing.T) {
	if err := faults(context.Background(), []string{"-only", "embedded: no such"}, io.Discard); err == nil {
		t.Error("it passed")
	}
}

// Only a 503 that says when to repeat the request, and that it is safe, is no answer.
func TestOtherAnswersAreAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status           int
		retryAfter, body string
		want             bool
	}{
		"as the API has it": {http.StatusServiceUnavailable, "1", `{"code":"unavailable"}`, true},
		"no Retry-After":    {http.StatusServiceUnavailable, "", `{"code":"unavailable"}`, false},
		"no code":           {http.StatusServiceUnavailable, "1", `{}`, false},
		"a proxy's":         {http.StatusServiceUnavailable, "1", `<html>`, false},
		"a 500":             {http.StatusInternalServerError, "1", `{"code":"unavailable"}`, false},
	} {
		response := service.Response{Code: c.status, RetryAfter: c.retryAfter, Body: []byte(c.body)}
		if got := safeToRepeat(response); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Each checker finds what it is for.
func TestCheckersFail(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(t *testing.T, r *round)
		found func(f findings) int
	}{
		{"a booking is not in the books", func(t *testing.T, r *round) {
			list := r.find(t, answered(history.List))
			r.attempts[list].List = r.attempts[list].List[1:]
		}, func(f findings) int { return f.lost }},
		{"a cancellation is not in the books", func(t *testing.T, r *round) {
			// One that was answered before the books were read: what is asked once more after
			// that does not count.
			cancelled := r.attempts[r.find(t, func(a history.Attempt) bool {
				return answered(history.Cancel)(a) && a.End < r.ended
			})].Answer.Booking
			for i := range r.attempts {
				for j, booking := range r.attempts[i].List {
					if booking.ID == cancelled {
						r.attempts[i].List[j].Status, r.attempts[i].List[j].Cancelled = store.StatusConfirmed, store.Moment{}
					}
				}
			}
		}, func(f findings) int { return f.lost }},
		{"a reduction is not in the books", func(t *testing.T, r *round) {
			reduced := r.attempts[r.find(t, func(a history.Attempt) bool {
				return answered(history.Reduce)(a) && a.End < r.ended
			})].Answer.Booking
			for i := range r.attempts {
				for j, booking := range r.attempts[i].List {
					if booking.ID == reduced {
						r.attempts[i].List[j].Quantity, r.attempts[i].List[j].Reduced = booking.Reduced.From, store.Reduced{}
					}
				}
			}
		}, func(f findings) int { return f.lost }},
		{"a reduction promoted others than its answer says", func(t *testing.T, r *round) {
			r.attempts[r.find(t, answered(history.Reduce))].Answer.Promoted++
		}, func(f findings) int { return f.others }},
		{"nobody asked for a booking", func(t *testing.T, r *round) {
			list := r.find(t, answered(history.List))
			extra := r.attempts[list].List[0]
			extra.ID = uuid.New()
			r.attempts[list].List = append(r.attempts[list].List, extra)
		}, func(f findings) int { return f.doubled }},
		{"one request has two bookings", func(t *testing.T, r *round) {
			again := r.attempts[r.find(t, answered(history.Book))]
			again.Answer.Version++
			r.attempts = append(r.attempts, again)
		}, func(f findings) int { return f.doubled }},
		{"more tickets are counted than bookings hold", func(t *testing.T, r *round) {
			r.attempts[r.find(t, func(a history.Attempt) bool { return a.Verb == history.Status })].Counts.Confirmed++
		}, func(f findings) int { return f.doubled }},
		{"more tickets are given out than there are", func(t *testing.T, r *round) {
			status := &r.attempts[r.find(t, func(a history.Attempt) bool { return a.Verb == history.Status })]
			status.Counts.Total = status.Counts.Confirmed - 1
		}, func(f findings) int { return f.oversold }},
		{"a status has an error, in a round of a failover", func(t *testing.T, r *round) {
			r.dirtyReads = true
			status := r.find(t, func(a history.Attempt) bool { return a.Verb == history.Status && a.Start < r.ended })
			r.attempts[status].Answered = true
			r.attempts[status].Counts, r.attempts[status].Answer = model.Counts{}, model.Answer{Refusal: store.ErrEventNotFound}
		}, func(f findings) int { return f.others }},
		{"a refusal rests on nothing that the books hold, in a round of a failover", func(t *testing.T, r *round) {
			r.dirtyReads = true
			refused := r.attempts[r.find(t, answered(history.Cancel))]
			limited := r.events[1]
			refused.Call = history.Call{Event: limited.Event, Verb: history.Book, User: "nobody", Key: "1", Quantity: 1}
			refused.First, refused.Answer = false, model.Answer{Refusal: store.ErrUserLimit}
			lost := refused // the attempt that it rests on, which a failover has undone
			lost.Key, lost.Quantity, lost.Start = "0", limited.MaxPerUser, refused.Start-1
			lost.Answered, lost.Answer = false, model.Answer{}
			r.attempts = append(r.attempts, lost, refused)
		}, func(f findings) int { return f.others }},
		{"the store finds a breach", func(_ *testing.T, r *round) {
			r.breaches = append(r.breaches, "a counter is wrong")
		}, func(f findings) int { return f.others }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := recorded(t)
			test.spoil(t, r)
			if f := r.check(); test.found(f) == 0 || !f.bad() {
				t.Errorf("nothing of the kind is found: %+v", f)
			}
		})
	}
}
