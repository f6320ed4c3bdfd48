package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
)

// fault is something that goes wrong, again and again.
type fault struct {
	name          string
	rounds, short int           // how often, and in the short run
	load          time.Duration // of a round

	books  *store.Store // to create events and to read at the end what is in the books
	target target       // what clients talk to; nil: the store of books
	events int          // of a round; 0: three

	// patience is how long a client waits for an answer. Nil: two seconds.
	patience func(*rand.Rand) time.Duration

	// inject does harm while clients work, and undoes it. Nil: no harm.
	inject func(ctx context.Context, r *round) error

	// dirtyReads: a failover may take back what was not acknowledged, and what a status
	// showed meanwhile. So the counts that clients see are left out of the history.
	dirtyReads bool

	// refusals: one more client an event asks for what must be refused, and gives up soon.
	refusals bool

	outageLimit   time.Duration // 0: none
	recoveryLimit time.Duration // after the fault, for bookings to be answered again; 0: that of until
}

// round is one round of a fault.
type round struct {
	fault
	*recorder
	random   *rand.Rand
	events   []history.Call
	affected map[uint64]bool // events; nil: all of them

	begun, ended time.Duration // of the load
	breaches     []string      // that the store's own verification found
}

// How long bookings may stand still when a master is gone. Those on other masters may not
// at all: a second is what a busy machine may take away from them.
const (
	outageLimit    = 5 * time.Second
	elsewhereLimit = time.Second
)

const (
	defaultEvents   = 3
	defaultPatience = 2 * time.Second
	createTimeout   = 10 * time.Second
	checkTimeout    = 60 * time.Second
)

func unhurried(*rand.Rand) time.Duration { return defaultPatience }

// run makes a round and checks it.
func (f fault) run(ctx context.Context, random *rand.Rand) (findings, error) {
	r, err := f.record(ctx, random)
	if err != nil {
		return findings{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := r.readBooks(ctx); err != nil {
		return findings{}, err
	}
	return r.check(), nil
}

// newRound fills in what the fault leaves out.
func (f fault) newRound(random *rand.Rand) *round {
	r := &round{fault: f, recorder: &recorder{start: time.Now()}, random: random}
	if r.target == nil {
		r.target = directly{f.books}
	}
	if r.fault.events == 0 {
		r.fault.events = defaultEvents
	}
	if r.patience == nil {
		r.patience = unhurried
	}
	return r
}

// record lets clients work while the fault is injected, and keeps what they were answered.
func (f fault) record(ctx context.Context, random *rand.Rand) (*round, error) {
	r := f.newRound(random)
	creating, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	var err error
	if r.events, err = createEvents(creating, r.fault, r.recorder, random); err != nil {
		return nil, err
	}

	var clients sync.WaitGroup
	stop := make(chan struct{})
	perEvent := clientsPerEvent + 1
	if r.refusals {
		perEvent++
	}
	for _, event := range r.events {
		for i := range perEvent {
			c := &client{
				recorder: r.recorder, to: r.target, number: i, event: event, patience: r.patience,
				random: rand.New(rand.NewPCG(random.Uint64(), random.Uint64())),
			}
			switch {
			case i < clientsPerEvent:
				clients.Go(func() { c.run(ctx, stop) })
			case i == clientsPerEvent:
				clients.Go(func() { c.organize(ctx, stop) })
			default:
				c.patience = repeating
				clients.Go(func() { c.contradict(ctx, stop) })
			}
		}
	}
	r.begun = r.now()
	end := time.After(f.load)
	var injectErr error
	if f.inject != nil {
		injectErr = f.inject(ctx, r)
	}
	healed := r.now()
	select {
	case <-end:
	case <-ctx.Done():
	}
	if f.inject != nil && injectErr == nil {
		r.recover(ctx, healed)
	}
	r.ended = r.now()
	close(stop)
	clients.Wait()
	return r, errors.Join(injectErr, ctx.Err())
}

// recover waits until bookings of each event are answered again: nothing would be found
// lost or doubled where nothing is answered any more.
func (r *round) recover(ctx context.Context, healed time.Duration) {
	if r.recoveryLimit > 0 {
		short, cancel := context.WithTimeout(ctx, r.recoveryLimit)
		defer cancel()
		ctx = short
	}
	for _, event := range r.events {
		err := until(ctx, "an answer to a booking after the fault", func(context.Context) error {
			if !r.booked(event.Event, healed) {
				return fmt.Errorf("event %d stands still", event.Event)
			}
			return nil
		})
		if err != nil {
			r.breaches = append(r.breaches, err.Error())
			return
		}
	}
}

// moment waits for a random time up to the limit: when a fault comes is left to chance.
func (r *round) moment(ctx context.Context, limit time.Duration) {
	wait(ctx, time.Duration(r.random.Int64N(int64(limit))))
}

// wait lets time pass: it is what a fault lasts, and not a wait for something.
func wait(ctx context.Context, duration time.Duration) {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// until polls.
func until(ctx context.Context, what string, ready func(context.Context) error) error {
	const limit, pause = 20 * time.Second, 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		wait(ctx, pause)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: not within %s: %w", what, limit, err)
		}
	}
}
