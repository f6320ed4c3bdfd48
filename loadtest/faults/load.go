package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
)

// The load: several clients for each event, so that an event which stands still holds up
// nobody else, and an organizer who raises the total now and then. They know nothing of
// faults: an attempt without an answer they repeat, as a rule, with the same key.

const (
	clientsPerEvent = 5
	usersPerEvent   = 4
	thinkTime       = 20 * time.Millisecond // of a client between calls, on average
	raiseEvery      = 250 * time.Millisecond
)

// recorder keeps every attempt of a round.
type recorder struct {
	start    time.Time
	mutex    sync.Mutex
	attempts []history.Attempt
}

func (r *recorder) now() time.Duration { return time.Since(r.start) }

// do makes an attempt and keeps it.
func (r *recorder) do(ctx context.Context, to target, client int, call history.Call) history.Attempt {
	start := r.now()
	attempt := to.do(ctx, call)
	attempt.Client, attempt.Start, attempt.End = client, start, r.now()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.attempts = append(r.attempts, attempt)
	return attempt
}

// booked reports whether a booking of the event that was sent since then has been answered.
func (r *recorder) booked(event uint64, since time.Duration) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.ContainsFunc(r.attempts, func(a history.Attempt) bool {
		return a.Event == event && a.Verb == history.Book && a.Answered && a.Start >= since
	})
}

// client books and cancels tickets of one event.
type client struct {
	*recorder
	to       target
	number   int
	event    history.Call // what it was created with
	patience func(*rand.Rand) time.Duration
	random   *rand.Rand
	sent     int
	mine     []history.Attempt // bookings that were acknowledged
}

// attempt calls once, with the client's own deadline.
func (c *client) attempt(ctx context.Context, call history.Call) history.Attempt {
	ctx, cancel := context.WithTimeout(ctx, c.patience(c.random))
	defer cancel()
	call.Event, call.EventID = c.event.Event, c.event.EventID
	return c.do(ctx, c.to, c.number, call)
}

// think waits a little, and reports whether to go on.
func (c *client) think(stop <-chan struct{}, average time.Duration) bool {
	timer := time.NewTimer(rand.N(2 * average)) // when, not what: the seed is for what
	defer timer.Stop()
	select {
	case <-stop:
		return false
	case <-timer.C:
		return true
	}
}

func (c *client) run(ctx context.Context, stop <-chan struct{}) {
	for c.think(stop, thinkTime) {
		call := c.next()
		attempt := c.attempt(ctx, call)
		const givesUp, sendsTwice = 5, 20 // one in so many
		for !attempt.Answered && c.random.IntN(givesUp) > 0 && c.think(stop, thinkTime) {
			attempt = c.attempt(ctx, call)
		}
		if attempt.Answered && call.Verb != history.Status && c.random.IntN(sendsTwice) == 0 {
			c.attempt(ctx, call)
		}
		if call.Verb == history.Book && attempt.Answered && attempt.Answer.Refusal == nil {
			c.mine = append(c.mine, attempt)
		}
	}
}

// reducible returns the index of a booking of the client that has several tickets and was never reduced.
func (c *client) reducible() int {
	return slices.IndexFunc(c.mine, func(a history.Attempt) bool { return a.Quantity > 1 })
}

// next chooses what to do: of a hundred calls, 45 book.
func (c *client) next() history.Call {
	c.sent++
	call := history.Call{
		User: fmt.Sprint("user-", c.random.IntN(usersPerEvent)), Key: fmt.Sprintf("%d-%d", c.number, c.sent),
	}
	switch dice := c.random.IntN(100); {
	case dice < 45:
		call.Verb, call.Quantity = history.Book, 1+c.random.Int64N(3)*c.random.Int64N(2)
	case dice < 52 && c.reducible() >= 0:
		i := c.reducible()
		call.Verb, call.Booking, call.User, call.Key, call.Quantity = history.Reduce, c.mine[i].Answer.Booking, c.mine[i].User, "", 1
		c.mine[i].Quantity = 1
	case dice < 80 && len(c.mine) > 0:
		i := c.random.IntN(len(c.mine))
		call.Verb, call.Booking, call.User, call.Key = history.Cancel, c.mine[i].Answer.Booking, c.mine[i].User, ""
		c.mine = append(c.mine[:i], c.mine[i+1:]...)
	case dice < 85:
		call.Verb = history.CancelOldest
	default:
		call.Verb = history.Status
	}
	return call
}

// contradict asks for what must be refused if the request before it was carried out, which
// is sent once only: the user buys as much as one may and asks for one more, cancels all
// that there is and cancels again.
func (c *client) contradict(ctx context.Context, stop <-chan struct{}) {
	const repeats = 3
	cycle := []struct {
		call     history.Call
		attempts int
	}{
		{history.Call{Verb: history.Book, Quantity: c.event.MaxPerUser}, 1},
		{history.Call{Verb: history.Book, Quantity: 1}, repeats},
		{history.Call{Verb: history.CancelOldest}, 1},
		{history.Call{Verb: history.CancelOldest}, repeats},
	}
	for ; ; c.sent++ {
		step := cycle[c.sent%len(cycle)]
		step.call.User, step.call.Key = "contradicting", fmt.Sprintf("%d-%d", c.number, c.sent)
		for range step.attempts {
			if !c.think(stop, thinkTime) {
				return
			}
			if c.attempt(ctx, step.call).Answered {
				break
			}
		}
	}
}

// organize raises the total now and then.
func (c *client) organize(ctx context.Context, stop <-chan struct{}) {
	for total := c.event.Total; c.think(stop, raiseEvery); {
		total += 1 + c.random.Int64N(6)
		c.attempt(ctx, history.Call{Verb: history.SetTotal, Total: total})
	}
}

// createEvents makes the events of a round, of several kinds.
func createEvents(ctx context.Context, f fault, recorder *recorder, random *rand.Rand) ([]history.Call, error) {
	var events []history.Call
	for i := range f.events {
		call := history.Call{Verb: history.Create, Total: 5 + random.Int64N(60)}
		if i%3 == 1 {
			call.MaxPerUser, call.WaitlistLimit = 20, 10
		}
		if f.refusals {
			call.MaxPerUser = 5 // as many as there are tickets of any event at least
		}
		start := recorder.now()
		created, err := f.books.Initialize(ctx, store.InitializeRequest{
			Settings: store.Settings{
				Name: "faults", TotalTickets: call.Total, MaxPerUser: call.MaxPerUser, WaitlistLimit: call.WaitlistLimit,
			},
			IdempotencyKey: uuid.NewString(),
		})
		if err != nil {
			return nil, err
		}
		call.Event, call.EventID = created.Event.Number, created.Event.UUID
		recorder.attempts = append(recorder.attempts, history.Attempt{Call: call, Answered: true, Start: start, End: recorder.now()})
		events = append(events, call)
	}
	return events, nil
}
