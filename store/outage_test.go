package store_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// bookThrough books for many users at once, with time to spare, and calls each fault
// when its share of the bookings has been made. Every booking has to succeed, once.
func bookThrough(t *testing.T, show *show, faults ...func()) {
	t.Helper()
	const callers, each = 16, 60
	var made atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for j := range each {
				long, cancel := context.WithTimeout(ctx, 30*time.Second)
				got, err := show.Book(long, store.BookRequest{Event: show.ref, User: user(i*each + j), Quantity: 1})
				cancel()
				if err != nil || got.Status != store.StatusConfirmed {
					t.Errorf("booking %d of caller %d: %+v, %v", j, i, got, err)
				}
				made.Add(1)
			}
		})
	}
	for i, fault := range faults {
		redistest.WaitUntil(t, func() bool { return made.Load() >= int64(callers*each*(i+1)/(len(faults)+1)) })
		fault()
	}
	group.Wait()
	show.wantCounts(callers*each, callers*each, 0)
	if got := len(show.all()); got != callers*each {
		t.Errorf("%d bookings, want %d", got, callers*each)
	}
	wantNoBreach(t, show.Store, show.ref)
}

// Redis forgets the scripts in the middle of load, and nobody notices.
func TestScriptsFlushedUnderLoad(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		flush := func() {
			var err error
			if nodes, ok := admin(t, s).(*redis.ClusterClient); ok {
				err = nodes.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
					return node.ScriptFlush(ctx).Err()
				})
			} else {
				err = admin(t, s).ScriptFlush(ctx).Err()
			}
			if err != nil {
				t.Error(err)
			}
		}
		bookThrough(t, newShow(t, s, tickets(2*960)), flush, flush, flush)
	})
}

// Redis dies and comes back, hangs and goes on, in the middle of load: whoever has
// the time does not notice, and nothing happens twice.
func TestRestartUnderLoad(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start, "--appendfsync", "always")
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: 200 * time.Millisecond})
	restart := func() {
		server.Kill()
		if err := server.Run(); err != nil {
			t.Error(err)
		}
	}
	hang := func() { // for longer than a reply is waited for, so that scripts are sent again
		goOn := pause(t, server)
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		_, _ = s.Event(short, store.EventNumber(1))
		goOn()
	}
	bookThrough(t, newShow(t, s, tickets(2*960)), restart, hang, restart)
}

// A Redis that hangs costs nobody more than the deadline, those in a batch included.
func TestHangingRedisIsGivenUp(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	// The client itself would wait for a minute.
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: time.Minute})
	show := newShow(t, s, tickets(1000))
	booked := show.book("ann", 1)
	goOn := pause(t, server)
	name := "other"
	var callers sync.WaitGroup
	for i := range 300 { // more than the lanes take
		callers.Go(func() {
			unknown(t, "book", func(short context.Context) error {
				_, err := s.Book(short, store.BookRequest{Event: show.ref, User: user(i), Quantity: 1})
				return err
			})
		})
	}
	for what, call := range map[string]func(context.Context) error{
		"cancel": func(ctx context.Context) error {
			_, err := s.Cancel(ctx, store.CancelRequest{Booking: booked.Booking, User: "ann"})
			return err
		},
		"cancel oldest": func(ctx context.Context) error {
			_, err := s.CancelOldest(ctx, store.CancelOldestRequest{Event: show.ref, User: "ann"})
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{Name: &name}))
			return err
		},
		"initialize": func(ctx context.Context) error { _, err := s.Initialize(ctx, tickets(1)); return err },
		"event":      func(ctx context.Context) error { _, err := s.Event(ctx, show.ref); return err },
		"events":     func(ctx context.Context) error { _, err := s.Events(ctx, "", 10); return err },
		"booking":    func(ctx context.Context) error { _, err := s.Booking(ctx, booked.Booking); return err },
		"bookings": func(ctx context.Context) error {
			_, err := s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Limit: 10})
			return err
		},
	} {
		callers.Go(func() { unknown(t, what, call) })
	}
	callers.Wait()
	goOn()
	if _, err := s.Event(ctx, show.ref); err != nil {
		t.Error(err)
	}
}
