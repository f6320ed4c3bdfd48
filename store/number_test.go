package store_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

// occupyNumbers makes what looks like events, apart from the calls that make them.
func occupyNumbers(t *testing.T, s *store.Store, numbers ...uint64) {
	t.Helper()
	_, err := admin(t, s).Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, number := range numbers {
			id := layout.NewID(number, layout.RandomShortID()).String()
			pipe.HSet(ctx, layout.Keys{}.Event(number), "counters", "1|1|0|0|0|0|0|0|0", "uuid", id, "state", "open", "total", "1")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// countNumbers returns a second store that calls drawn each time that it draws a number.
func countNumbers(t *testing.T, s *store.Store, drawn func()) *store.Store {
	t.Helper()
	return beforeCommand(t, s, func(command redis.Cmder) bool {
		if command.Name() == "evalsha" && command.Args()[1] == hash(scripts.Number.Source) {
			drawn()
			return true
		}
		return false
	}, func() {})
}

// A creation finds a free number behind however many that are occupied, in few calls, and a
// repetition goes on where the one before had to stop.
func TestCreationBehindManyOccupiedNumbers(t *testing.T) {
	request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
	for name, keep := range map[string]func(number uint64) bool{
		"all":         func(uint64) bool { return true },
		"with gaps":   func(number uint64) bool { return number%3 > 0 || number > 2400 },
		"a far block": func(number uint64) bool { return number == 1 || number > 2000 },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				const highest = 2500
				var numbers []uint64
				for number := uint64(1); number <= highest; number++ {
					if keep(number) {
						numbers = append(numbers, number)
					}
				}
				occupyNumbers(t, s, numbers...)
				calls := 0
				made := newShow(t, countNumbers(t, s, func() { calls++ }), request)
				if calls > 20 || calls < 2 {
					t.Errorf("it drew %d numbers", calls)
				}
				if keep(made.event.Number) && made.event.Number <= highest {
					t.Errorf("created event %d, which was there", made.event.Number)
				}
				again, err := s.Initialize(ctx, request)
				if err != nil || !again.Replayed || again.Event != made.event {
					t.Errorf("again: %+v, %v, want %+v", again, err, made.event)
				}
			})
		})
	}
}

// A creation that is cut off again and again gets there.
func TestCreationCutOffAgainAndAgain(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		var numbers []uint64
		for number := uint64(1); number <= 300; number++ {
			numbers = append(numbers, number)
		}
		occupyNumbers(t, s, numbers...)
		request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
		for most := 1; ; most++ {
			if most > 30 {
				t.Fatal("it never gets there")
			}
			limited, cancel := context.WithCancel(ctx)
			calls := 0
			counting := countNumbers(t, s, func() {
				if calls++; calls > most {
					cancel()
				}
			})
			result, err := counting.Initialize(limited, request)
			cancel()
			if err == nil {
				if result.Event.Number != 301 {
					t.Errorf("created event %d", result.Event.Number)
				}
				return
			}
		}
	})
}

// A number some of whose keys are taken, by whatever it is, is occupied.
func TestCreationPassesOverForeignKeys(t *testing.T) {
	for name, occupy := range map[string]func(redis.Cmdable) error{
		"a damaged event": func(client redis.Cmdable) error { return client.HSet(ctx, "event:{2}", "counters", "x").Err() },
		"no counters":     func(client redis.Cmdable) error { return client.HSet(ctx, "event:{2}", "uuid", "x").Err() },
		"another hash":    func(client redis.Cmdable) error { return client.HSet(ctx, "event:{2}", "x", "y").Err() },
		"a string":        func(client redis.Cmdable) error { return client.Set(ctx, "event:{2}", "x", 0).Err() },
		"a log":           func(client redis.Cmdable) error { return client.Set(ctx, "log:{2}", "x", 0).Err() },
		"a waitlist":      func(client redis.Cmdable) error { return client.RPush(ctx, "waitlist:{2}", "x").Err() },
		"withdrawn":       func(client redis.Cmdable) error { return client.Set(ctx, "withdrawn:{2}", "x", 0).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				newShow(t, s, tickets(1))
				if err := occupy(admin(t, s)); err != nil {
					t.Fatal(err)
				}
				request := store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}, IdempotencyKey: "k"}
				made := newShow(t, s, request)
				if made.event.Number != 3 {
					t.Errorf("created event %d", made.event.Number)
				}
				made.book("a", 1)
				wantNoBreach(t, s, made.ref)
				if again, err := s.Initialize(ctx, request); err != nil || again.Event != made.event {
					t.Errorf("again: %+v, %v", again, err)
				}
			})
		})
	}
}
