package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Deadlines pass, and promotions are left over, while nobody calls. A worker in every instance
// finishes them, by the same scripts as calls do. Which events may have work stands in Redis, in
// layout.Partitions sorted sets; an instance leases some of them. If all workers are down, every
// status is right and nothing is oversold: only the waiting list waits.
//
// The rule by which no event is forgotten: an entry (event, s) is taken out only by retire.lua, which
// checks that s has passed, after a look at the event that found nothing to do. An instance makes a
// change that may leave work only while it knows an s that is registerSlack away. So such a change
// is older than s, the look that leads to taking it out is younger, and sees it.

const (
	registerTime  = 10 * time.Minute
	registerSlack = 15 * time.Second // longer than a change may take
	registerWait  = 500 * time.Millisecond
	registerAgain = 5 * time.Second // after it was not possible: meanwhile no change waits for it

	leaseTime  = 5 * time.Second
	leaseRenew = 2 * time.Second

	lookInterval     = time.Second
	longLookInterval = 5 * time.Second // with more than manyEvents
	manyEvents       = 20_000
	lookStep         = 100 // events in one round trip
	lookTime         = 2 * time.Second

	walkInterval = time.Hour

	awayAtLeast = 2 * time.Second // shorter outages cost nobody a confirmation
)

const mostRegistrations = 100_000

// registrations are the events that this instance has noted, and until when that is known.
type registrations struct {
	mutex sync.Mutex
	until map[uint64]time.Time
}

// register notes that an event may soon have work, before the change that may leave it. If that
// is not possible in time, the change is made all the same: it is worth more than promptness, and
// the hourly walk finds what was forgotten.
func (s *Store) register(ctx context.Context, number uint64) {
	now := time.Now()
	s.registrations.mutex.Lock()
	known := now.Add(registerSlack).Before(s.registrations.until[number])
	s.registrations.mutex.Unlock()
	if known {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, registerWait)
	defer cancel()
	r, err := s.call(ctx, conn.Call{
		Script: registerScript, Keys: []string{s.keys.Due(number)},
		Args: []any{s.nowOverride(), number, int(registerTime.Seconds())}, Unbounded: true, Unacknowledged: true,
	})
	if err == nil {
		err = r.End("registered")
	}
	until := now.Add(registerTime)
	if err != nil {
		s.observeUnregistered()
		until = now.Add(registerSlack + registerAgain)
	}
	s.registrations.mutex.Lock()
	defer s.registrations.mutex.Unlock()
	if len(s.registrations.until) >= mostRegistrations {
		clear(s.registrations.until) // to note an event again costs one write
	}
	s.registrations.until[number] = until
}

// noteDeadline tells the worker of this instance of a deadline that comes before its next look.
func (s *Store) noteDeadline(number uint64, left time.Duration) {
	if left > 2*lookInterval {
		return
	}
	select {
	case s.noted <- number:
	default:
	}
}

// worker does the work of the partitions that it has leased.
type worker struct {
	*Store
	id         string
	partitions [layout.Partitions]partition
	failing    time.Time // since when Redis has not answered, or zero
	answered   bool      // Redis has answered before
}

type partition struct {
	owned    bool
	ask      time.Time            // when to renew the lease, or to ask for it
	look     time.Time            // when to look at its events
	deadline map[uint64]time.Time // of events, by the clock of this machine
}

// Work ends holds and offers at their deadlines and finishes promotions that were left over, until
// ctx ends or the store is closed. After Redis was away, nothing expires for the time of grace:
// customers paid meanwhile, and their confirmations come first.
func (s *Store) Work(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.lifetime, cancel)() //nolint:contextcheck // the store may be closed before ctx ends
	s.expirer.grace.Store(int64(grace))
	w := &worker{Store: s, id: layout.RandomShortID().String()}
	var walking sync.WaitGroup
	walking.Go(func() { s.walkHourly(ctx) })
	defer walking.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.giveBack() //nolint:contextcheck // it outlives ctx
			return
		case number := <-s.noted:
			w.look(ctx, int(number%layout.Partitions))
		case <-timer.C:
		}
		timer.Reset(time.Until(w.step(ctx)))
	}
}

// walkHourly finds work that no entry names, because a failover lost it or an instance died.
func (s *Store) walkHourly(ctx context.Context) {
	ticker := time.NewTicker(walkInterval)
	defer ticker.Stop()
	for {
		s.walkAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// step does what is due now, and returns when something will be due next.
func (w *worker) step(ctx context.Context) (next time.Time) {
	next = time.Now().Add(lookInterval)
	for p := range w.partitions {
		one := &w.partitions[p]
		if !time.Now().Before(one.ask) {
			w.lease(ctx, p)
		}
		if one.owned && !time.Now().Before(one.look) {
			w.look(ctx, p)
		}
		if one.ask.Before(next) {
			next = one.ask
		}
		if !one.owned {
			continue
		}
		for number, deadline := range one.deadline {
			switch {
			case deadline.After(time.Now()):
				if deadline.Before(next) {
					next = deadline
				}
			default:
				delete(one.deadline, number) // the next look finds what is left
				w.expireInBackground(number) //nolint:contextcheck // it outlives the step
			}
		}
	}
	return next
}

// lease asks for a partition, or renews its lease.
func (w *worker) lease(ctx context.Context, p int) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	one, asked := &w.partitions[p], time.Now()
	r, err := w.callLease(ctx, p, leaseTime)
	w.note(err)
	if err != nil {
		one.owned = false // until it is known again
		one.ask = time.Now().Add(lookInterval)
		return
	}
	left := time.Duration(r.Integer()) * time.Millisecond
	if r.End("leased", "taken") != nil {
		one.ask = asked.Add(leaseTime)
		return
	}
	if r.Word == "leased" {
		if !one.owned {
			one.look, one.deadline = time.Time{}, map[uint64]time.Time{}
		}
		one.owned, one.ask = true, asked.Add(leaseRenew)
		return
	}
	one.owned, one.ask = false, asked.Add(min(left, leaseTime)+time.Millisecond)
}

func (w *worker) callLease(ctx context.Context, p int, length time.Duration) (*conn.Reply, error) {
	return w.call(ctx, conn.Call{
		Script: leaseScript, Keys: []string{w.keys.Lease(uint64(p))}, Args: []any{w.nowOverride(), w.id, int(length.Seconds())},
		Unbounded: true, Unacknowledged: true,
	})
}

// giveBack ends the leases, so that other instances need not wait for that.
func (w *worker) giveBack() {
	ctx, cancel := context.WithTimeout(w.lifetime, lookTime)
	defer cancel()
	for p := range w.partitions {
		if w.partitions[p].owned {
			_, _ = w.callLease(ctx, p, 0) // it ends by itself, too
		}
	}
}

// look reads the events of a partition that may have work, and does it or remembers when it is due.
func (w *worker) look(ctx context.Context, p int) {
	one := &w.partitions[p]
	if !one.owned {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var entries []redis.Z
	err := w.conn.QueryAll(ctx, conn.Query{What: "list events that may have work", Unbounded: true},
		func(ctx context.Context, client redis.UniversalClient) (err error) {
			entries, err = client.ZRangeWithScores(ctx, w.keys.Due(uint64(p)), 0, -1).Result()
			return err
		})
	w.note(err)
	one.look = time.Now().Add(lookInterval)
	if len(entries) > manyEvents {
		one.look = time.Now().Add(longLookInterval)
	}
	for some := range slices.Chunk(entries, lookStep) {
		w.lookAt(ctx, one, some)
	}
}

// lookAt looks at some events, given as numbers with the times until which they have to stay.
func (w *worker) lookAt(ctx context.Context, one *partition, entries []redis.Z) {
	numbers, stays := make([]uint64, 0, lookStep), make([]layout.Millis, 0, lookStep)
	for _, entry := range entries {
		member, _ := entry.Member.(string)
		if number, err := strconv.ParseUint(member, 10, 64); err == nil {
			numbers, stays = append(numbers, number), append(stays, layout.Millis(entry.Score))
		}
	}
	counters := make([]*redis.StringCmd, len(numbers))
	err := w.conn.QueryAll(ctx, conn.Query{What: "look for work", Unbounded: true},
		func(ctx context.Context, client redis.UniversalClient) error {
			_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for i, number := range numbers {
					counters[i] = pipe.HGet(ctx, w.keys.Event(number), layout.CountersField)
				}
				return nil
			})
			if errors.Is(err, redis.Nil) { // an event that was never completed
				err = nil
			}
			return err
		})
	w.note(err)
	if err != nil {
		return
	}
	for i, number := range numbers {
		found, err := layout.ParseCounters(counters[i].Val())
		switch {
		case counters[i].Val() != "" && err != nil: // broken, or of a later version: not for this instance
		case found.Deadline > 0:
			one.deadline[number] = time.Now().Add(time.Duration(found.Deadline-w.now()) * time.Millisecond)
		case !found.PromotionsDue && stays[i] <= w.now():
			w.retire(ctx, number)
		}
		if err == nil && found.PromotionsDue {
			w.schedulePromotion(number) //nolint:contextcheck // it outlives the look
		}
	}
}

// retire takes an event without work out of its partition.
func (w *worker) retire(ctx context.Context, number uint64) {
	_, err := w.call(ctx, conn.Call{
		Script: retireScript, Keys: []string{w.keys.Due(number)}, Args: []any{w.nowOverride(), number}, Unbounded: true, Unacknowledged: true,
	})
	w.note(err)
}

// note watches whether Redis is away. A first start is not.
func (w *worker) note(err error) {
	switch away := errors.Is(err, ErrUnavailable); {
	case away && w.failing.IsZero():
		w.failing = time.Now()
	case !away:
		if w.answered && !w.failing.IsZero() && time.Since(w.failing) >= awayAtLeast {
			w.HoldExpiry(w.expirer.length())
		}
		w.failing, w.answered = time.Time{}, true
	}
}

// expireInBackground ends what has passed its deadline, and rests after each call as long as the call
// took, so that the shard has half of its time for others.
func (s *Store) expireInBackground(number uint64) {
	if s.inGrace() || s.lifetime.Err() != nil {
		return
	}
	s.backgroundExpirer.schedule(number, func() {
		ctx, cancel := context.WithTimeout(s.lifetime, backgroundPromoteTime)
		defer cancel()
		_ = s.expireAll(ctx, number, s.pause) // whoever looks next comes here again
	})
}
