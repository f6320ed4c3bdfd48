package store_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// watcher is an observer that counts.
type watcher struct {
	mutex                              sync.Mutex
	tries, repeats, failed, unanswered map[string]int
	reasons                            map[string]int
	sent                               int
	promoted                           int64
}

func newWatcher() *watcher {
	return &watcher{
		tries: map[string]int{}, repeats: map[string]int{}, failed: map[string]int{},
		unanswered: map[string]int{}, reasons: map[string]int{},
	}
}

func (w *watcher) Tried(call string, attempt int, took time.Duration, reason string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.tries[call]++
	if attempt > 1 {
		w.repeats[call]++
	}
	if reason != "" || took <= 0 {
		w.failed[call]++
		w.reasons[reason]++
	}
}

func (w *watcher) Unanswered(call string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.unanswered[call]++
}

func (w *watcher) Sent(commands int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.sent += commands
}

func (w *watcher) Expired(int64) {}

func (w *watcher) Unregistered() {}

func (w *watcher) Promoted(bookings int64) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.promoted += bookings
}

// The observer is told of each call once, and of promotions whoever caused them, but
// not of a replay's.
func TestObserver(t *testing.T) {
	ctx := context.Background()
	w := newWatcher()
	s, err := store.Open(ctx, store.Config{Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	created, err := s.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}})
	if err != nil {
		t.Fatal(err)
	}
	event := store.EventNumber(created.Event.Number)
	var first store.BookResult
	for i, user := range []string{"ann", "bob", "cid", "dan"} {
		booked, err := s.Book(ctx, store.BookRequest{Event: event, User: user, Quantity: 1})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = booked
		}
	}
	for range 2 { // the second time is a replay
		if _, err := s.Cancel(ctx, store.CancelRequest{Booking: first.Booking, User: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if w.promoted != 1 {
		t.Errorf("%d promotions were told after a cancellation that made one", w.promoted)
	}
	total := int64(3)
	if _, err := s.Update(ctx, changeOf(event, store.SettingsChange{TotalTickets: &total})); err != nil {
		t.Fatal(err)
	}
	if w.promoted != 3 {
		t.Errorf("%d promotions were told after a cancellation that made one and a raise that made two", w.promoted)
	}
	_, err = s.Book(ctx, store.BookRequest{Event: store.EventNumber(99), User: "eve", Quantity: 1})
	if !errors.Is(err, store.ErrEventNotFound) {
		t.Fatal(err)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	want := map[string]int{
		"number": 1, "initialize": 1, "complete": 1, "book": 5, "cancel": 2, "update": 1, "promote": 1, "promoted": 1, "read event": 1,
		"register": 1,
	}
	if !maps.Equal(w.tries, want) {
		t.Errorf("told of %v, want %v", w.tries, want)
	}
	if commands := 15; w.sent != commands {
		t.Errorf("%d commands were told as sent, want %d", w.sent, commands)
	}
	if len(w.repeats) > 0 || len(w.failed) > 0 || len(w.unanswered) > 0 {
		t.Errorf("told of a failure where there was none: %v %v %v", w.repeats, w.failed, w.unanswered)
	}
}

// An outage is told: tries that fail, those that repeat, why, and that there was no
// answer in the end.
func TestObserverOutage(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	w := newWatcher()
	s, err := store.Open(context.Background(), store.Config{Addrs: []string{server.Addr}, Observer: w})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if stats := s.Stats(); stats.Connections == 0 || stats.IdleConnections > stats.Connections {
		t.Errorf("with a store that is open: %+v", stats)
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if _, err := s.Book(ctx, store.BookRequest{Event: store.EventNumber(1), User: "ann", Quantity: 1}); !errors.Is(err, store.ErrUnavailable) {
		t.Fatal(err)
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.unanswered["book"] != 1 || w.repeats["book"] == 0 || w.tries["book"] != w.repeats["book"]+1 ||
		w.failed["book"] != w.tries["book"] || w.reasons["connection"] == 0 {
		t.Errorf("unanswered %v, tries %v, repeats %v, failed %v, why %v", w.unanswered, w.tries, w.repeats, w.failed, w.reasons)
	}
}
