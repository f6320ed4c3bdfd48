package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// The real servers are started once, by the first test that needs them.
var (
	oneRedis = sync.OnceValues(func() (*redistest.Server, error) {
		acl, err := aclArgs()
		if err != nil {
			return nil, err
		}
		return redistest.Start(acl...)
	})
	cluster = sync.OnceValues(func() (*redistest.Cluster, error) {
		acl, err := aclArgs()
		if err != nil {
			return nil, err
		}
		return redistest.StartCluster(3, acl...)
	})
	started struct {
		sync.Mutex
		stop []func()
	}
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range started.stop {
		stop()
	}
	os.Exit(code)
}

func stopAtEnd(stop func()) {
	started.Lock()
	defer started.Unlock()
	started.stop = append(started.stop, stop)
}

var ctx = context.Background()

// onEveryEngine runs a test on an empty store of each engine: the same scripts
// must do the same on all of them.
func onEveryEngine(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, open(t, store.Config{})) })
	onRealEngines(t, test)
}

// onRealEngines runs a test on one Redis and on a cluster, as the user with the
// documented rights: what needs more fails here.
func onRealEngines(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { test(t, openRedis(t)) })
	t.Run("cluster", func(t *testing.T) { test(t, openCluster(t)) })
}

func openRedis(t testing.TB) *store.Store {
	t.Helper()
	redistest.Require(t)
	server, err := oneRedis()
	if err != nil {
		t.Fatal(err)
	}
	stopOnce(server.Stop, server)
	return open(t, asUser(store.Config{Addrs: []string{server.Addr}}))
}

func openCluster(t testing.TB) *store.Store {
	t.Helper()
	redistest.Require(t)
	nodes, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	stopOnce(nodes.Stop, nodes)
	return open(t, asUser(store.Config{Addrs: nodes.Addrs()[:1]})) // one address is enough
}

var stopping sync.Map

func stopOnce(stop func(), of any) {
	if _, known := stopping.LoadOrStore(of, true); !known {
		stopAtEnd(stop)
	}
}

// open opens a store and empties it.
func open(t testing.TB, config store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	all := admin(t, s)
	if nodes, ok := all.(*redis.ClusterClient); ok {
		err = nodes.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return node.FlushAll(ctx).Err()
		})
	} else {
		err = all.FlushAll(ctx).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show is a short form of a test's event.
type show struct {
	*store.Store
	t     testing.TB
	event store.Event
	ref   store.EventRef
}

func newShow(t testing.TB, s *store.Store, request store.InitializeRequest) *show {
	t.Helper()
	if request.Name == "" {
		request.Name = "a show"
	}
	result, err := s.Initialize(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	return &show{s, t, result.Event, store.EventUUID(result.Event.UUID)}
}

func tickets(total int64) store.InitializeRequest {
	return store.InitializeRequest{Settings: store.Settings{TotalTickets: total}}
}

func (s *show) book(user string, quantity int64) store.BookResult {
	s.t.Helper()
	result, err := s.Book(ctx, store.BookRequest{Event: s.ref, User: user, Quantity: quantity})
	if err != nil {
		s.t.Fatalf("%s books %d: %v", user, quantity, err)
	}
	return result
}

func (s *show) bookRefused(want error, user string, quantity int64) {
	s.t.Helper()
	before := s.now()
	_, err := s.Book(ctx, store.BookRequest{Event: s.ref, User: user, Quantity: quantity})
	if !errors.Is(err, want) {
		s.t.Fatalf("%s books %d: %v, want %v", user, quantity, err, want)
	}
	if after := s.now(); after != before {
		s.t.Fatalf("a refused booking changed the event from %+v to %+v", before, after)
	}
}

func (s *show) cancel(user string, booking store.BookResult) store.CancelResult {
	s.t.Helper()
	result, err := s.Cancel(ctx, store.CancelRequest{Booking: booking.Booking, User: user})
	if err != nil {
		s.t.Fatalf("%s cancels: %v", user, err)
	}
	return result
}

func (s *show) cancelOldest(user string) store.CancelResult {
	s.t.Helper()
	result, err := s.CancelOldest(ctx, store.CancelOldestRequest{Event: s.ref, User: user})
	if err != nil {
		s.t.Fatalf("%s cancels: %v", user, err)
	}
	return result
}

// changeOf asks to change settings of an event.
func changeOf(event store.EventRef, change store.SettingsChange) store.UpdateRequest {
	return store.UpdateRequest{Event: event, SettingsChange: change}
}

func (s *show) update(request store.UpdateRequest) store.Event {
	s.t.Helper()
	request.Event = s.ref
	result, err := s.Update(ctx, request)
	if err != nil {
		s.t.Fatal(err)
	}
	return result.Event
}

func (s *show) setState(state store.State) {
	s.t.Helper()
	s.update(store.UpdateRequest{SettingsChange: store.SettingsChange{State: &state}})
}

func (s *show) setTotal(total int64) store.Event {
	s.t.Helper()
	return s.update(store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}})
}

func (s *show) now() store.Event {
	s.t.Helper()
	event, err := s.Event(ctx, s.ref)
	if err != nil {
		s.t.Fatal(err)
	}
	return event
}

func (s *show) booking(result store.BookResult) store.Booking {
	s.t.Helper()
	booking, err := s.Booking(ctx, result.Booking)
	if err != nil {
		s.t.Fatal(err)
	}
	return booking
}

// all reads every booking, newest first, in pages of an awkward size.
func (s *show) all() []store.Booking {
	s.t.Helper()
	var all []store.Booking
	for cursor := ""; ; {
		page, err := s.Bookings(ctx, store.BookingsRequest{Event: s.ref, Cursor: cursor, Limit: 97})
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, readable(s.t, page)...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// readable returns the bookings of a page, all of which have to be readable.
func readable(t testing.TB, page store.BookingPage) []store.Booking {
	t.Helper()
	var bookings []store.Booking
	for _, entry := range page.Bookings {
		if entry.Err != nil {
			t.Fatal(entry.Err)
		}
		bookings = append(bookings, entry.Booking)
	}
	return bookings
}

// wantCounts checks tickets available, tickets confirmed and bookings waiting, and
// that they are what the bookings add up to.
func (s *show) wantCounts(available, confirmed, waiting int64) {
	s.t.Helper()
	event := s.now()
	if event.Available() != available || event.Confirmed != confirmed || event.Waiting != waiting {
		s.t.Fatalf("available, confirmed, waiting: %d, %d, %d, want %d, %d, %d",
			event.Available(), event.Confirmed, event.Waiting, available, confirmed, waiting)
	}
	var sumConfirmed, countWaiting int64
	for _, booking := range s.all() {
		switch booking.Status {
		case store.StatusConfirmed:
			sumConfirmed += booking.Quantity
		case store.StatusWaiting:
			countWaiting++
		}
	}
	if sumConfirmed != confirmed || countWaiting != waiting {
		s.t.Fatalf("the bookings add up to %d confirmed and %d waiting, the event says %d and %d",
			sumConfirmed, countWaiting, confirmed, waiting)
	}
}

func (s *show) want(result store.BookResult, status store.Status, position int64) {
	s.t.Helper()
	booking := s.booking(result)
	if booking.Status != status || booking.Position != position {
		s.t.Fatalf("booking of %s is %s at %d, want %s at %d",
			booking.User, booking.Status, booking.Position, status, position)
	}
}

func user(i int) string { return fmt.Sprintf("user-%d", i) }

// waitFor waits until the event is as it should be.
func (s *show) waitFor(ready func(store.Event) bool) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for event := s.now(); !ready(event); event = s.now() {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came to pass: %+v", event)
		}
		<-tick.C
	}
}
