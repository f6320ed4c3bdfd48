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
	lookStep         = 500 // events in one round trip
	lookTime         = 2 * time.Second

	walkInterval = time.Hour
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
	case s.noted[number%layout.Partitions] <- struct{}{}:
	default: // a look is to come
	}
}

// worker does the work of one partition, while it has the lease.
type worker struct {
	*Store
	partition uint64
	instance  string // which has the lease
	owned     bool
	ask       time.Time            // when to renew the lease, or to ask for it
	next      time.Time            // when to look at its events
	deadlines map[uint64]time.Time // of events, by the clock of this machine
}

// Work ends holds and offers at their deadlines and finishes promotions that were left over, until
// ctx ends or the store is closed. After Redis was away, nothing expires for the time of grace:
// customers paid meanwhile, and their confirmations come first.
func (s *Store) Work(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.lifetime, cancel)() //nolint:contextcheck // the store may be closed before ctx ends
	s.expirer.grace.Store(int64(grace))
	var working sync.WaitGroup
	defer working.Wait()
	working.Go(func() { s.conn.WatchOutages(ctx, s.expirer.grant) })
	working.Go(func() { s.walkHourly(ctx) })
	instance := layout.RandomShortID().String()
	for p := range uint64(layout.Partitions) { // each by itself: some may wait for a shard that is away
		w := &worker{Store: s, partition: p, instance: instance}
		working.Go(func() { w.work(ctx) })
	}
}

func (w *worker) work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			w.giveBack() //nolint:contextcheck // it outlives ctx
			return
		case <-w.noted[w.partition]:
			w.look(ctx)
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
	if !time.Now().Before(w.ask) {
		w.lease(ctx)
	}
	if !w.owned {
		return w.ask
	}
	if !time.Now().Before(w.next) {
		w.look(ctx)
	}
	next = w.next
	if w.ask.Before(next) {
		next = w.ask
	}
	for number, deadline := range w.deadlines {
		switch {
		case !deadline.After(time.Now()):
			delete(w.deadlines, number)  // the next look finds what is left
			w.expireInBackground(number) //nolint:contextcheck // it outlives the step
		case deadline.Before(next):
			next = deadline
		}
	}
	return next
}

// lease asks for the partition, or renews its lease.
func (w *worker) lease(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	asked := time.Now()
	r, err := w.callLease(ctx, leaseTime)
	if err != nil {
		w.owned = false // until it is known again
		w.ask = time.Now().Add(lookInterval)
		return
	}
	left := time.Duration(r.Integer()) * time.Millisecond
	switch {
	case r.End("leased", "taken") != nil:
		w.ask = asked.Add(leaseTime)
	case r.Word == "leased":
		if !w.owned {
			w.next, w.deadlines = time.Time{}, map[uint64]time.Time{}
		}
		w.owned, w.ask = true, asked.Add(leaseRenew)
	default:
		w.owned, w.ask = false, asked.Add(min(left, leaseTime)+time.Millisecond)
	}
}

func (w *worker) callLease(ctx context.Context, length time.Duration) (*conn.Reply, error) {
	return w.call(ctx, conn.Call{
		Script: leaseScript, Keys: []string{w.keys.Lease(w.partition)}, Args: []any{w.nowOverride(), w.instance, int(length.Seconds())},
		Unbounded: true, Unacknowledged: true,
	})
}

// giveBack ends the lease, so that other instances need not wait for that.
func (w *worker) giveBack() {
	if !w.owned {
		return
	}
	ctx, cancel := context.WithTimeout(w.lifetime, lookTime)
	defer cancel()
	_, _ = w.callLease(ctx, 0) // it ends by itself, too
}

// look reads the events of the partition that may have work, and does it or remembers when it is due.
func (w *worker) look(ctx context.Context) {
	if !w.owned {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var entries []redis.Z
	_ = w.conn.QueryAll(ctx, conn.Query{What: "list events that may have work", Unbounded: true},
		func(ctx context.Context, client redis.UniversalClient) (err error) {
			entries, err = client.ZRangeWithScores(ctx, w.keys.Due(w.partition), 0, -1).Result()
			return err
		}) // the next look may find more
	w.next = time.Now().Add(lookInterval)
	if len(entries) > manyEvents/layout.Partitions {
		w.next = time.Now().Add(longLookInterval)
	}
	for some := range slices.Chunk(entries, lookStep) {
		w.lookAt(ctx, some)
	}
}

// lookAt looks at some events, given as numbers with the times until which they have to stay. Those
// of a shard that is away wait for the next look, and the others do not wait for them.
func (w *worker) lookAt(ctx context.Context, entries []redis.Z) {
	numbers, stays := make([]uint64, 0, lookStep), make([]layout.Millis, 0, lookStep)
	for _, entry := range entries {
		member, _ := entry.Member.(string)
		if number, err := strconv.ParseUint(member, 10, 64); err == nil {
			numbers, stays = append(numbers, number), append(stays, layout.Millis(entry.Score))
		}
	}
	counters := make([]*redis.StringCmd, len(numbers))
	_ = w.conn.QueryAll(ctx, conn.Query{What: "look for work", Unbounded: true},
		func(ctx context.Context, client redis.UniversalClient) error {
			_, _ = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for i, number := range numbers {
					counters[i] = pipe.HGet(ctx, w.keys.Event(number), layout.CountersField)
				}
				return nil
			})
			return nil // each has its own
		})
	for i, number := range numbers {
		w.found(ctx, number, stays[i], counters[i])
	}
}

// found does what the counters of an event ask for. One that was never completed has none.
func (w *worker) found(ctx context.Context, number uint64, stays layout.Millis, answer *redis.StringCmd) {
	var counters layout.Counters
	if !errors.Is(answer.Err(), redis.Nil) {
		var err error
		if counters, err = layout.ParseCounters(answer.Val()); err != nil {
			return // no answer; broken; or of a later version, and not for this instance
		}
	}
	if counters.PromotionsDue {
		w.schedulePromotion(number) //nolint:contextcheck // it outlives the look
	}
	switch {
	case counters.Deadline > 0:
		w.deadlines[number] = time.Now().Add(time.Duration(counters.Deadline-w.now()) * time.Millisecond)
	case !counters.PromotionsDue && stays <= w.now():
		w.retire(ctx, number)
	}
}

// retire takes an event without work out of the partition; if that fails, the next look does.
func (w *worker) retire(ctx context.Context, number uint64) {
	_, _ = w.call(ctx, conn.Call{
		Script: retireScript, Keys: []string{w.keys.Due(number)}, Args: []any{w.nowOverride(), number}, Unbounded: true, Unacknowledged: true,
	})
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
