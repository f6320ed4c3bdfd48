package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
	"boxoffice/store/model"
	"boxoffice/store/redistest"
	"boxoffice/store/verify"
)

// Random calls, one after the other, are answered as the model answers them, and leave
// what it holds. On a failure rapid prints the shortest walk it finds, and the seed.
func TestStoreIsTheModel(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { walk(t, store.Config{}) })
	t.Run("redis", func(t *testing.T) {
		redistest.Require(t)
		server, err := redistest.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		walk(t, store.Config{Addrs: []string{server.Addr}})
	})
	t.Run("cluster", func(t *testing.T) {
		redistest.Require(t)
		const masters = 3
		cluster, err := redistest.StartCluster(masters)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Stop)
		walk(t, store.Config{Addrs: cluster.Addrs()[:1]})
	})
}

func walk(t *testing.T, config store.Config) {
	books, err := openStore(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := books.Close(); err != nil {
			t.Error(err)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, books)
		t.Repeat(rapid.StateMachineActions(m))
		m.verify(t)
	})
}

// machine is an event in the store and the same event in the model.
type machine struct {
	target directly
	ref    store.EventRef
	number uint64
	event  *model.Event
	keys   int // given so far
}

func newMachine(t *rapid.T, books *store.Store) *machine {
	create := store.InitializeRequest{Settings: store.Settings{
		Name:          "show",
		TotalTickets:  rapid.Int64Range(1, 12).Draw(t, "total"),
		MaxPerUser:    rapid.SampledFrom([]int64{0, 0, 5}).Draw(t, "per user"),
		WaitlistLimit: rapid.SampledFrom([]int64{0, 0, 4}).Draw(t, "waiting list"),
	}}
	created, err := books.Initialize(context.Background(), create)
	if err != nil {
		t.Fatal(err)
	}
	return &machine{
		target: directly{books}, number: created.Event.Number, ref: store.EventNumber(created.Event.Number),
		event: model.New(create),
	}
}

func (m *machine) user(t *rapid.T) string {
	return rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, "user")
}

// key is a new one, or one that was used before.
func (m *machine) key(t *rapid.T) string {
	key := rapid.IntRange(max(0, m.keys-5), m.keys*3).Draw(t, "key") //nolint:mnd // mostly new
	if key >= m.keys {
		m.keys++
		key = m.keys
	}
	return fmt.Sprint("key-", key)
}

func (m *machine) do(t *rapid.T, call history.Call) history.Attempt {
	call.Event = m.number
	attempt := m.target.do(context.Background(), call)
	if !attempt.Answered {
		t.Fatalf("%s has no answer", attempt)
	}
	return attempt
}

func (m *machine) same(t *rapid.T, got history.Attempt, want model.Answer, repeated bool) {
	if got.Answer != want || got.First != (want.Refusal == nil && !repeated) {
		t.Fatalf("%s\n answered %+v, first %v\n want     %+v, first %v", got, got.Answer, got.First, want, !repeated)
	}
}

func (m *machine) Book(t *rapid.T) {
	user, key, quantity := m.user(t), m.key(t), rapid.Int64Range(1, 3).Draw(t, "quantity")
	got := m.do(t, history.Call{Verb: history.Book, User: user, Key: key, Quantity: quantity})
	want, repeated := m.event.Book(model.BookRequest{
		Booking: got.Answer.Booking, Request: user + " " + key, User: user, Quantity: quantity,
	})
	m.same(t, got, want, repeated)
}

func (m *machine) Cancel(t *rapid.T) {
	if len(m.event.Bookings) == 0 {
		t.Skip("nothing is booked")
	}
	booking := rapid.SampledFrom(m.event.Bookings).Draw(t, "booking")
	user := rapid.SampledFrom([]string{booking.User, booking.User, booking.User, "mallory"}).Draw(t, "user")
	got := m.do(t, history.Call{Verb: history.Cancel, User: user, Booking: booking.ID})
	want, repeated := m.event.Cancel(booking.ID, user)
	m.same(t, got, want, repeated)
}

func (m *machine) CancelOldest(t *rapid.T) {
	user, key := m.user(t), m.key(t)
	got := m.do(t, history.Call{Verb: history.CancelOldest, User: user, Key: key})
	want, repeated := m.event.CancelOldest(user+" "+key, user)
	m.same(t, got, want, repeated)
}

func (m *machine) SetTotal(t *rapid.T) {
	total := rapid.Int64Range(1, 15).Draw(t, "total")
	_, err := m.target.store.Update(context.Background(), store.UpdateRequest{
		Event: m.ref, SettingsChange: store.SettingsChange{TotalTickets: &total},
	})
	if want := m.event.Update(store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}}); !errors.Is(err, want) {
		t.Fatalf("total %d: %v, want %v", total, err, want)
	}
	m.event.PromoteAll()
}

func (m *machine) Check(t *rapid.T) {
	if got := m.do(t, history.Call{Verb: history.Status}); got.Counts != m.event.Counts() {
		t.Fatalf("status %+v, want %+v", got.Counts, m.event.Counts())
	}
}

func (m *machine) verify(t *rapid.T) {
	list := m.do(t, history.Call{Verb: history.List}).List
	want := m.event.List()
	for i := range max(len(list), len(want)) {
		if i >= len(list) || i >= len(want) || list[i] != want[i] {
			t.Fatalf("bookings from number %d on are %+v, want %+v", i, list[min(i, len(list)):], want[min(i, len(want)):])
		}
	}
	_, err := m.target.store.Verifier().Event(context.Background(), m.ref, func(breach verify.Breach) { t.Error(breach) })
	if err != nil {
		t.Error(err)
	}
}
