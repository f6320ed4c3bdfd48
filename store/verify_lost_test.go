package store_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// loseEvents deletes all that Redis holds of some events.
func loseEvents(s *show, numbers ...uint64) {
	s.t.Helper()
	for _, number := range numbers {
		if err := admin(s.t, s.Store).Del(ctx, layout.Keys{}.OfEvent(number)...).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// wantLost checks that a breach, the only one of an event, says that it is lost.
func wantLost(t *testing.T, found []verify.Breach, event store.Event) {
	t.Helper()
	if len(found) != 1 || found[0].Event != event.Number || found[0].Rule != verify.RuleLost ||
		!strings.HasSuffix(found[0].String(), "there is no event "+event.UUID.String()) {
		t.Errorf("found %v, want event %d, %s, to be lost", found, event.Number, event.UUID)
	}
}

// A lost event is a breach, whether all are verified or only that one.
func TestVerifyLostEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		newShow(t, s, tickets(1)).book("a", 1)
		lost := newShow(t, s, tickets(1))
		lost.book("a", 1)
		loseEvents(lost, lost.event.Number)

		for _, ref := range []store.EventRef{lost.ref, store.EventNumber(lost.event.Number)} {
			var found []verify.Breach
			result, err := s.Verifier().Event(ctx, ref, func(b verify.Breach) { found = append(found, b) })
			if err != nil || !result.Lost || result.Breaches != 1 || result.Event != lost.event.Number {
				t.Errorf("%+v, %v", result, err)
			}
			wantLost(t, found, lost.event)
		}
		all := verifyAll(t, s)
		wantLost(t, all.found, lost.event)
		if !slices.Equal(all.events, []uint64{1}) || all.numbers.Missing != nil {
			t.Errorf("%+v", all)
		}
		other := lost.event.UUID
		other[15]++
		if _, err := s.Verifier().Event(ctx, store.EventUUID(other), nil); !errors.Is(err, store.ErrEventNotFound) {
			t.Errorf("the id of no event that ever was: %v", err)
		}
	})
}

// Where another event has the number of a lost one, both tell.
func TestVerifyLostEventWhoseNumberIsTaken(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		lost := newShow(t, s, tickets(1))
		loseEvents(lost, 1)
		if err := admin(t, s).HDel(ctx, "events", "last").Err(); err != nil {
			t.Fatal(err)
		}
		another := newShow(t, s, tickets(1))
		if another.event.Number != 1 {
			t.Fatalf("the number %d was given", another.event.Number)
		}
		wantLost(t, breaches(t, s, lost.ref), lost.event)
		wantNoBreach(t, s, another.ref)
		all := verifyAll(t, s)
		wantLost(t, all.found, lost.event)
		if !slices.Equal(all.events, []uint64{1}) {
			t.Errorf("%+v", all)
		}
	})
}

// A creation that died has lost nothing, before it made the event and after. Its retry
// gets the same number and completes it.
func TestVerifyCreationThatDied(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
		if number, err := s.DrawNumber(ctx, request.IdempotencyKey); err != nil || number != 1 {
			t.Fatal(number, err)
		}
		if all := verifyAll(t, s); all.found != nil || all.numbers.Missing.String() != "1" {
			t.Errorf("only a number: %+v", all)
		}
		_, err := s.Verifier().Event(ctx, store.EventNumber(1), nil)
		if !errors.Is(err, store.ErrEventNotFound) || !strings.Contains(err.Error(), "never completed") {
			t.Errorf("only a number: %v", err)
		}

		died, err := s.InitializeOnly(ctx, request)
		if err != nil || died.Number != 1 {
			t.Fatal(died, err)
		}
		if all := verifyAll(t, s); all.found != nil || all.numbers.Missing != nil || !slices.Equal(all.events, []uint64{1}) {
			t.Errorf("not completed: %+v", all)
		}
		for range 2 { // the second one replays a creation that is complete
			retried, err := s.Initialize(ctx, request)
			if err != nil || !retried.Replayed || retried.Event != died {
				t.Fatalf("retried: %+v, %v, want %+v", retried, err, died)
			}
		}
		if all := verifyAll(t, s); all.found != nil || !slices.Equal(all.events, []uint64{1}) {
			t.Errorf("completed: %+v", all)
		}
		loseEvents(&show{s, t, died, store.EventNumber(1)}, 1)
		wantLost(t, verifyAll(t, s).found, died)
	})
}

// A number that a creation passed over says nothing of the event that has it.
func TestVerifyOccupiedNumberIsNotCompleted(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		first := newShow(t, s, tickets(1))
		// A failover takes back the first creation.
		if err := admin(t, s).Del(ctx, "events").Err(); err != nil {
			t.Fatal(err)
		}
		second := newShow(t, s, tickets(1))
		if second.event.Number != 2 {
			t.Fatalf("the number %d was given", second.event.Number)
		}
		if all := verifyAll(t, s); all.found != nil || !slices.Equal(all.events, []uint64{1, 2}) {
			t.Errorf("%+v", all)
		}
		loseEvents(first, 1, 2)
		all := verifyAll(t, s)
		wantLost(t, all.found, second.event)
		if all.numbers.Missing.String() != "1" {
			t.Errorf("%+v", all)
		}
	})
}

// beforeCommand gives a second store of the same Redis that calls something once, before
// it sends the first command that is meant.
func beforeCommand(t *testing.T, s *store.Store, meant func(redis.Cmder) bool, call func()) *store.Store {
	t.Helper()
	second := store.Beside(s)
	var once sync.Once
	hook := spy{after: func(redis.Cmder) {}, before: func(command redis.Cmder) {
		if meant(command) {
			once.Do(call)
		}
	}}
	switch client := second.Client().(type) {
	case *redis.ClusterClient:
		client.OnNewNode(func(node *redis.Client) { node.AddHook(hook) })
	case *redis.Client:
		client.AddHook(hook)
	}
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
		once.Do(func() { t.Error("the command was never sent") })
	})
	return second
}

// An event that is created and completed after it was looked for is not lost.
func TestVerifyEventThatIsBeingCreated(t *testing.T) {
	create := func(t *testing.T, s *store.Store) func() {
		return func() {
			request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
			if _, err := s.Initialize(ctx, request); err != nil {
				t.Error(err)
			}
		}
	}
	scans := func(command redis.Cmder) bool { return command.Name() == "hscan" }
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		if _, err := s.DrawNumber(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		second := beforeCommand(t, s, scans, create(t, s))
		wantNoBreach(t, second, store.EventNumber(1))
	})
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		if _, err := s.DrawNumber(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		looks := 0
		second := beforeCommand(t, s, func(command redis.Cmder) bool {
			if command.Name() == "llen" {
				looks++
			}
			return looks == 2 // the event was looked for, and not found
		}, create(t, s))
		if all := verifyAll(t, second); all.found != nil || all.numbers.Missing != nil || !slices.Equal(all.events, []uint64{1}) {
			t.Errorf("%+v", all)
		}
	})
}
