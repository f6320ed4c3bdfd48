package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

func TestInitializeNumbersEventsFromOne(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		now := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		s.SetClock(func() time.Time { return now })
		for number := uint64(1); number <= 3; number++ {
			request := store.InitializeRequest{Settings: store.Settings{Name: "event", TotalTickets: 10, MaxPerUser: 2, WaitlistLimit: 3}}
			show := newShow(t, s, request)
			want := store.Event{
				Number: number, UUID: show.event.UUID, Version: 1, CreatedAt: now, Settings: store.Settings{
					Name: "event", State: store.StateOpen, TotalTickets: 10, MaxPerUser: 2, WaitlistLimit: 3,
				},
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
		keys := layout.Keys{}.OfEvent(show.event.Number)
		all := func() int64 { return admin(t, s).Exists(ctx, keys...).Val() }
		if got := all(); got != int64(len(keys)) {
			t.Fatalf("%d of %d keys exist", got, len(keys))
		}
		// And they stay when the waiting list has filled and emptied.
		first := show.book("a", 1)
		waitlist := show.waitlist(5)
		show.cancel(user(3), waitlist[3])
		show.cancel("a", first)
		show.setTotal(10)
		if got := all(); got != int64(len(keys)) {
			t.Errorf("%d of %d keys exist when the waiting list is empty again", got, len(keys))
		}
	})
}

func TestInitializeRetried(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 5}, IdempotencyKey: "k"}
		show := newShow(t, s, request)
		show.setTotal(7)
		show.book("a", 1)
		again, err := s.Initialize(ctx, request)
		if err != nil || !again.Replayed || again.Event != show.event {
			t.Errorf("again: %+v, %v, want %+v", again, err, show.event)
		}
		for name, change := range map[string]func(*store.InitializeRequest){
			"name":           func(r *store.InitializeRequest) { r.Name = "y" },
			"total":          func(r *store.InitializeRequest) { r.TotalTickets = 7 },
			"user limit":     func(r *store.InitializeRequest) { r.MaxPerUser = 1 },
			"waitlist limit": func(r *store.InitializeRequest) { r.WaitlistLimit = 1 },
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
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
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

// completes tells the step of a creation that comes last.
func completes(command redis.Cmder) bool {
	return command.Name() == "evalsha" && command.Args()[1] == hash(scripts.Complete.Source)
}

// No creation is answered before it is noted that it is complete.
func TestInitializeIsNotAnsweredUnlessComplete(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
		second := beforeCommand(t, s, completes, func() {
			if err := admin(t, s).Rename(ctx, "events", "{events}away").Err(); err != nil {
				t.Error(err)
			}
			if err := admin(t, s).Set(ctx, "events", "in the way", 0).Err(); err != nil {
				t.Error(err)
			}
		})
		if result, err := second.Initialize(ctx, request); err == nil {
			t.Errorf("answered: %+v", result)
		}
		if err := admin(t, s).Rename(ctx, "{events}away", "events").Err(); err != nil {
			t.Fatal(err)
		}
		created := newShow(t, s, request)
		loseEvents(created, 1)
		wantLost(t, breaches(t, s, created.ref), created.event)
	})
}

// A failover may take back the number of a creation whose event is there, and then
// somebody draws: another creation the same number, or this one's retry the next.
func TestInitializeWhoseNumberIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		drawn []string // idempotency keys of the creations that draw after the failover
		want  uint64
	}{
		"and drawn by nobody":   {nil, 2},
		"and drawn by another":  {[]string{"another"}, 2},
		"and its retry has one": {[]string{"another", "k"}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				newShow(t, s, tickets(1))
				kept := admin(t, s).HGetAll(ctx, "events").Val()
				second := beforeCommand(t, s, completes, func() {
					if err := admin(t, s).Del(ctx, "events").Err(); err != nil {
						t.Error(err)
					}
					if err := admin(t, s).HSet(ctx, "events", kept).Err(); err != nil {
						t.Error(err)
					}
					for _, key := range c.drawn {
						if _, err := s.DrawNumber(ctx, key); err != nil {
							t.Error(err)
						}
					}
				})
				request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
				created := newShow(t, second, request)
				if created.event.Number != c.want {
					t.Errorf("created event %d, want %d", created.event.Number, c.want)
				}
				again, err := s.Initialize(ctx, request)
				if err != nil || !again.Replayed || again.Event != created.event {
					t.Errorf("again: %+v, %v, want %+v", again, err, created.event)
				}
				loseEvents(created, c.want)
				wantLost(t, breaches(t, s, created.ref), created.event)
			})
		})
	}
}

// A Redis that is full by then refuses no creation whose event is there.
func TestInitializeIsCompletedOnAFullRedis(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
		died, err := s.InitializeOnly(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		setEverywhere(t, s, "maxmemory", "1")
		defer setEverywhere(t, s, "maxmemory", "0")
		retried := newShow(t, s, request)
		if retried.event != died {
			t.Errorf("retried: %+v, want %+v", retried.event, died)
		}
		loseEvents(retried, 1)
		wantLost(t, breaches(t, s, retried.ref), died)
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
		admin(t, s).Del(ctx, layout.Keys{}.OfEvent(4)...) // a creation that never finished
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
