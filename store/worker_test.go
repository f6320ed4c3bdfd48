package store_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// working has a store's worker run until the test ends or stop is called.
func working(t *testing.T, s *store.Store, grace time.Duration) (stop func()) {
	t.Helper()
	running, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { s.Work(running, grace) })
	stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func holding60(total int64) store.InitializeRequest {
	return store.InitializeRequest{Settings: store.Settings{TotalTickets: total, HoldSeconds: 60}}
}

func (s *show) hold(user string, quantity, seconds int64) store.HoldResult {
	s.t.Helper()
	result, err := s.Hold(ctx, store.HoldRequest{Event: s.ref, User: user, Quantity: quantity, Seconds: seconds})
	if err != nil {
		s.t.Fatalf("%s holds %d: %v", user, quantity, err)
	}
	return result
}

// awaitStatus waits until a booking has a status, and reads nothing that would do the work itself.
func (s *show) awaitStatus(booking store.BookResult, want store.Status) {
	s.t.Helper()
	client := admin(s.t, s.Store)
	redistest.WaitUntil(s.t, func() bool {
		record, err := client.HGet(ctx, layout.Keys{}.Event(s.event.Number), shortID(booking.Booking)).Result()
		if err != nil {
			s.t.Fatal(err)
		}
		read, err := layout.ParseRecord(record)
		return err == nil && read.Status == want
	})
}

// Nobody calls: the worker gives the tickets of an expired hold to the next in line, offers that nobody
// accepts to the one after, and finishes promotions that somebody left over.
func TestWorkWithoutTraffic(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		working(t, s, 0)
		show := newShow(t, s, holding60(1))
		show.hold("ann", 1, 1)
		bob := show.book("bob", 1)
		show.awaitStatus(bob, store.StatusConfirmed)

		request := holding60(1)
		request.OfferSeconds = 1
		offering := newShow(t, s, request)
		offering.hold("ann", 1, 1)
		first, second := offering.book("bob", 1), offering.book("cyd", 1)
		offering.awaitStatus(first, store.StatusExpired)
		offering.awaitStatus(second, store.StatusExpired)

		raised := newShow(t, s, tickets(1))
		raised.book("ann", 1)
		waits := raised.book("bob", 1)
		release := s.HoldPromotions(raised.event.Number)
		if err := s.RaiseOnly(ctx, raised.event.Number, 2); err != nil {
			t.Fatal(err)
		}
		s.Register(ctx, raised.event.Number)
		release()
		raised.awaitStatus(waits, store.StatusConfirmed)
		wantNoBreach(t, s, show.ref)
		wantNoBreach(t, s, offering.ref)
		wantNoBreach(t, s, raised.ref)
	})
}

// Of several instances one has the lease of a partition; when it dies, another takes over, and when it
// ends in order, at once.
func TestWorkIsTakenOver(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		other := beside(t, s)
		stop := working(t, other, 0)
		show := newShow(t, s, holding60(1))
		show.hold("ann", 1, 1)
		show.awaitStatus(show.book("bob", 1), store.StatusConfirmed)
		working(t, s, 0)
		stop()
		second := newShow(t, s, holding60(1))
		second.hold("ann", 1, 1)
		second.awaitStatus(second.book("bob", 1), store.StatusConfirmed)

		// An instance that died holds a lease for a few seconds.
		client := admin(t, s)
		for p := range uint64(layout.Partitions) {
			until := time.Now().Add(3 * time.Second).UnixMilli()
			if err := client.HSet(ctx, layout.Keys{}.Lease(p), "owner", "dead", "until", until).Err(); err != nil {
				t.Fatal(err)
			}
		}
		third := newShow(t, s, holding60(1))
		third.hold("ann", 1, 1)
		third.awaitStatus(third.book("bob", 1), store.StatusConfirmed)
	})
}

// An event without work leaves the set once its time is over, and not before.
func TestEventsWithoutWorkRetire(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		working(t, s, 0)
		show := newShow(t, s, holding60(2))
		held := show.hold("ann", 1, 60)
		client, due := admin(t, s), layout.Keys{}.Due(show.event.Number)
		member := strconv.FormatUint(show.event.Number, 10)
		stays := client.ZScore(ctx, due, member).Val()
		if left := time.Until(time.UnixMilli(int64(stays))); left < 9*time.Minute || left > 11*time.Minute {
			t.Errorf("it stays for %s", left)
		}
		past := func() {
			if err := client.ZAdd(ctx, due, redis.Z{Score: 1, Member: member}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		past()
		show.hold("bob", 1, 1) // which is known, so that nothing is written
		if err := s.ExpireDue(ctx, show.event.Number); err != nil {
			t.Fatal(err)
		}
		if client.ZScore(ctx, due, member).Err() != nil {
			t.Fatal("it is gone, and has a hold")
		}
		if _, err := s.Confirm(ctx, held.Booking, "ann"); err != nil {
			t.Fatal(err)
		}
		redistest.WaitUntil(t, func() bool { return client.ZScore(ctx, due, member).Err() == redis.Nil }) //nolint:errorlint // as it is
	})
}

// After Redis was away nothing expires for a time, and whoever paid meanwhile can confirm, though
// others wait; a first start is no such time. It makes no difference which instance is the first to
// come across an expired hold, nor for how long it tried before.
func TestGraceAfterAnOutage(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: 300 * time.Millisecond})
	working(t, s, time.Hour)
	other := open(t, store.Config{Addrs: []string{server.Addr}})
	working(t, other, time.Hour)
	shows, held := make([]*show, 20), make([]store.HoldResult, 20)
	waits := make([]store.BookResult, len(shows))
	for i := range shows {
		shows[i] = newShow(t, s, holding60(1))
		held[i] = shows[i].hold("ann", 1, 2+int64(i%4)) // some are over only a moment before Redis is back
		waits[i] = shows[i].book("bob", 1)
	}
	if s.InGrace() || other.InGrace() {
		t.Fatal("nothing was away")
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	away := time.NewTimer(5500 * time.Millisecond)
	<-away.C
	if err := server.Continue(); err != nil {
		t.Fatal(err)
	}
	for _, show := range shows { // which finds the ticket neither free nor held any longer
		result, err := other.Book(ctx, store.BookRequest{Event: show.ref, User: "cyd", Quantity: 1})
		if err != nil || result.Status != store.StatusWaiting {
			t.Errorf("%+v, %v", result, err)
		}
	}
	for i, show := range shows {
		show.want(waits[i], store.StatusWaiting, 1)
		if result, err := other.Confirm(ctx, held[i].Booking, "ann"); err != nil || !result.Late {
			t.Errorf("%+v, %v", result, err)
		}
		show.want(waits[i], store.StatusWaiting, 1)
		wantNoBreach(t, s, show.ref)
	}
	redistest.WaitUntil(t, s.InGrace) // though nobody called it
}
