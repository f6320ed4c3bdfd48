package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"boxoffice/store"
)

func TestInitializeNumbersEventsFromOne(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		s.SetClock(func() time.Time { return now })
		for number := uint64(1); number <= 3; number++ {
			request := store.InitializeRequest{Name: "event", TotalTickets: 10, MaxPerUser: 2, WaitlistLimit: 3}
			show := newShow(t, s, request)
			want := store.Event{
				Number: number, UUID: show.event.UUID, Name: "event", State: store.StateOpen,
				TotalTickets: 10, MaxPerUser: 2, WaitlistLimit: 3, Version: 1, CreatedAt: now,
			}
			if show.event != want {
				t.Errorf("created %+v, want %+v", show.event, want)
			}
			if got := show.now(); got != want {
				t.Errorf("read %+v, want %+v", got, want)
			}
			if id := show.event.UUID; id.Version() != 8 || id[5] != byte(number) {
				t.Errorf("event %d has the id %s", number, id)
			}
		}
	})
}

// All keys are there from the start: a cluster refuses a script while a slot moves
// if one that it declares is missing.
func TestInitializeMakesAllKeys(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		keys := store.EventKeys(show.event.Number)
		all := func() int64 { return admin(t, s).Exists(ctx, keys...).Val() }
		if got := all(); got != int64(len(keys)) {
			t.Fatalf("%d of %d keys exist", got, len(keys))
		}
		// And they stay when the line has come and gone.
		first := show.book("a", 1)
		line := show.line(5)
		show.cancel(user(3), line[3])
		show.cancel("a", first)
		show.setTotal(10)
		if got := all(); got != int64(len(keys)) {
			t.Errorf("%d of %d keys exist when the line is empty again", got, len(keys))
		}
	})
}

func TestInitializeRetried(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Name: "x", TotalTickets: 5, IdempotencyKey: "k"}
		show := newShow(t, s, request)
		show.setTotal(7)
		show.book("a", 1)
		again, err := s.Initialize(ctx, request)
		if err != nil || !again.Replayed || again.Event != show.event {
			t.Errorf("again: %+v, %v, want %+v", again, err, show.event)
		}
		for name, change := range map[string]func(*store.InitializeRequest){
			"name":       func(r *store.InitializeRequest) { r.Name = "y" },
			"total":      func(r *store.InitializeRequest) { r.TotalTickets = 7 },
			"user limit": func(r *store.InitializeRequest) { r.MaxPerUser = 1 },
			"line limit": func(r *store.InitializeRequest) { r.WaitlistLimit = 1 },
		} {
			other := request
			change(&other)
			if _, err := s.Initialize(ctx, other); !errors.Is(err, store.ErrIdempotencyMismatch) {
				t.Errorf("the same key with another %s: %v", name, err)
			}
		}
		if next := newShow(t, s, tickets(1)); next.event.Number != 2 {
			t.Errorf("retries used up numbers: the next event is %d", next.event.Number)
		}
	})
}

// A counter that a failover has set back must not make two events of one number.
func TestInitializePassesOverOccupiedNumbers(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		first := newShow(t, s, tickets(3))
		newShow(t, s, tickets(3))
		first.book("a", 1)
		if err := admin(t, s).HSet(ctx, "events", "last", 0).Err(); err != nil {
			t.Fatal(err)
		}
		request := store.InitializeRequest{Name: "x", TotalTickets: 1, IdempotencyKey: "k"}
		third := newShow(t, s, request)
		if third.event.Number != 3 {
			t.Errorf("the third event has number %d", third.event.Number)
		}
		again, err := s.Initialize(ctx, request)
		if err != nil || !again.Replayed || again.Event != third.event {
			t.Errorf("again: %+v, %v", again, err)
		}
		first.wantCounts(2, 1, 0)
	})
}

func TestEventsInPages(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		if page, err := s.Events(ctx, "", 10); err != nil || len(page.Events) != 0 || page.Next != "" {
			t.Fatalf("an empty store: %+v, %v", page, err)
		}
		const count = 7
		for range count {
			newShow(t, s, tickets(1))
		}
		admin(t, s).Del(ctx, store.EventKeys(4)...) // a creation that never finished
		for limit := 1; limit <= count+1; limit++ {
			var numbers []uint64
			for cursor := ""; ; {
				page, err := s.Events(ctx, cursor, limit)
				if err != nil || len(page.Events) > limit {
					t.Fatalf("limit %d: %+v, %v", limit, page, err)
				}
				for _, event := range page.Events {
					numbers = append(numbers, event.Number)
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			want := []uint64{7, 6, 5, 3, 2, 1}
			if !slices.Equal(numbers, want) {
				t.Errorf("limit %d: %v, want %v", limit, numbers, want)
			}
		}
		for _, cursor := range []string{"x", "0", "-1", "1.5", "99999999999999999999"} {
			if _, err := s.Events(ctx, cursor, 10); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		if page, err := s.Events(ctx, "281474976710655", 2); err != nil || len(page.Events) != 2 {
			t.Errorf("a cursor beyond the last event: %+v, %v", page, err)
		}
	})
}
