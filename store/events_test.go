package store_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
)

// numbersOf returns the numbers of a page's events, those that cannot be read negative.
func numbersOf(page store.EventPage) (numbers []int) {
	for _, entry := range page.Events {
		number := int(entry.Number)
		if entry.Err != nil {
			number = -number
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// An event that cannot be read is marked, the others are listed; asked for alone, it is an
// error that says what is wrong, and at once.
func TestEventsThatCannotBeReadAreMarked(t *testing.T) {
	set := func(field, value string) func(redis.Cmdable, string) error {
		return func(client redis.Cmdable, hash string) error { return client.HSet(ctx, hash, field, value).Err() }
	}
	for name, c := range map[string]struct {
		damage func(client redis.Cmdable, hash string) error
		want   error
	}{
		"counters":       {set("counters", "x"), store.ErrDamaged},
		"counters short": {set("counters", "1|7"), store.ErrDamaged},
		"no counters": {func(client redis.Cmdable, hash string) error {
			return client.HDel(ctx, hash, "counters").Err()
		}, store.ErrDamaged},
		"state":          {set("state", "ajar"), store.ErrDamaged},
		"total":          {set("total", "-3"), store.ErrDamaged},
		"uuid":           {set("uuid", "?"), store.ErrDamaged},
		"time":           {set("createdAt", ""), store.ErrDamaged},
		"a later one":    {set("counters", "2|1|2|3"), store.ErrUnknownFormat},
		"one that moves": {set("counters", "moving|1|1|0|0|0|0|0"), store.ErrUnknownFormat},
		"another type": {func(client redis.Cmdable, hash string) error {
			return errors.Join(client.Del(ctx, hash).Err(), client.Set(ctx, hash, "x", 0).Err())
		}, store.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				for range 3 {
					newShow(t, s, tickets(1))
				}
				if err := c.damage(admin(t, s), layout.Keys{}.Event(2)); err != nil {
					t.Fatal(err)
				}
				page, err := s.Events(ctx, "", 10)
				if got := numbersOf(page); err != nil || !slices.Equal(got, []int{3, -2, 1}) || !errors.Is(page.Events[1].Err, c.want) {
					t.Errorf("listed %v: %+v, %v", got, page, err)
				}
				page, err = s.Events(ctx, "2", 1)
				if got := numbersOf(page); err != nil || !slices.Equal(got, []int{-2}) || page.Next != "1" {
					t.Errorf("a page of its own: %v, %+v, %v", got, page, err)
				}
				if _, err := s.Event(ctx, store.EventNumber(2)); !errors.Is(err, c.want) {
					t.Errorf("alone: %v, want %v", err, c.want)
				}
			})
		})
	}
}

// What changes or reads something of a damaged event fails at once too, and says so.
func TestCallsOnADamagedEvent(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		for name, damage := range map[string]func(hash string) error{
			"counters":    func(hash string) error { return admin(t, s).HSet(ctx, hash, "counters", "x").Err() },
			"no counters": func(hash string) error { return admin(t, s).HDel(ctx, hash, "counters").Err() },
			"another type": func(hash string) error {
				return errors.Join(admin(t, s).Del(ctx, hash).Err(), admin(t, s).Set(ctx, hash, "x", 0).Err())
			},
		} {
			show := newShow(t, s, tickets(1))
			booked := show.book("a", 1)
			if err := damage(layout.Keys{}.Event(show.event.Number)); err != nil {
				t.Fatal(err)
			}
			total := int64(5)
			for call, err := range map[string]error{
				"book":     second(s.Book(ctx, store.BookRequest{Event: show.ref, User: "b", Quantity: 1})),
				"cancel":   second(s.Cancel(ctx, store.CancelRequest{Booking: booked.Booking, User: "a"})),
				"update":   second(s.Update(ctx, changeOf(show.ref, store.SettingsChange{TotalTickets: &total}))),
				"booking":  second(s.Booking(ctx, booked.Booking)),
				"bookings": second(s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Limit: 10})),
			} {
				if !errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s, %s: %v", name, call, err)
				}
			}
		}
	})
}

// A page looks at a bounded count of numbers, whatever the counter says, and says where to go on.
func TestEventsAmongManyNumbersWithout(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		for range 3 {
			newShow(t, s, tickets(1))
		}
		counter := func(last string) {
			t.Helper()
			if err := admin(t, s).HSet(ctx, layout.Keys{}.Events(), layout.LastField, last).Err(); err != nil {
				t.Fatal(err)
			}
		}
		counter("10000")
		var got []int
		pages := 0
		for cursor := ""; ; pages++ {
			page, err := s.Events(ctx, cursor, 1)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, numbersOf(page)...)
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, []int{3, 2, 1}) || pages > 20 {
			t.Errorf("listed %v on %d pages", got, pages)
		}
		for _, last := range []string{"100000000000000", strconv.FormatUint(layout.MaxNumber/1000, 10)} {
			counter(last)
			page, err := s.Events(ctx, "", 500)
			if err != nil || len(page.Events) > 0 || page.Next == "" || page.Next == last {
				t.Errorf("up to %s: %+v, %v", last, page, err)
			}
			page, err = s.Events(ctx, "900", 500)
			if got := numbersOf(page); err != nil || !slices.Equal(got, []int{3, 2, 1}) || page.Next != "" {
				t.Errorf("up to %s, from 900: %v, %+v, %v", last, got, page, err)
			}
		}
	})
}

// Without its counter, the list says what is wrong, at once. A cursor does without.
func TestEventsWithoutTheirCounter(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		for range 3 {
			newShow(t, s, tickets(1))
		}
		for _, last := range []string{"notanumber", "-5", "1e3", "007", "", "999999999999999", "281474976710656", "missing"} {
			err := admin(t, s).HSet(ctx, layout.Keys{}.Events(), layout.LastField, last).Err()
			if last == "missing" {
				err = admin(t, s).HDel(ctx, layout.Keys{}.Events(), layout.LastField).Err()
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Events(ctx, "", 10); !errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%q: listed: %v", last, err)
			}
			page, err := s.Events(ctx, "2", 10)
			if got := numbersOf(page); err != nil || !slices.Equal(got, []int{2, 1}) {
				t.Errorf("%q: from 2: %v, %v", last, got, err)
			}
			if last == "missing" {
				continue // the next creation makes it anew
			}
			if _, err := s.Initialize(ctx, tickets(1)); !errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%q: created: %v", last, err)
			}
		}
		if err := admin(t, s).Del(ctx, layout.Keys{}.Events()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := admin(t, s).RPush(ctx, layout.Keys{}.Events(), "x").Err(); err != nil {
			t.Fatal(err)
		}
		for call, err := range map[string]error{
			"listed":  second(s.Events(ctx, "", 10)),
			"created": second(s.Initialize(ctx, tickets(1))),
		} {
			if !errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("another type: %s: %v", call, err)
			}
		}
	})
}

// Where somebody has lost their place in line, nobody joins and nobody is served: each call that
// would is refused and changes nothing. The sale can still be stopped.
func TestWaitingListThatIsTooShort(t *testing.T) {
	for name, spoil := range map[string]func(client redis.UniversalClient, waitlist string) error{
		"missing": func(client redis.UniversalClient, waitlist string) error { return client.Del(ctx, waitlist).Err() },
		"cut off": func(client redis.UniversalClient, waitlist string) error { return client.RPop(ctx, waitlist).Err() },
		"empty": func(client redis.UniversalClient, waitlist string) error {
			return client.LTrim(ctx, waitlist, 0, 0).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryEngine(t, func(t *testing.T, s *store.Store) {
				show := newShow(t, s, tickets(1))
				ann := show.book("ann", 1)
				show.book("bob", 1)
				show.book("cyd", 1)
				keys := layout.Keys{}
				if err := spoil(admin(t, s), keys.Waitlist(show.event.Number)); err != nil {
					t.Fatal(err)
				}
				raise := int64(4)
				before := show.now()
				for call, err := range map[string]error{
					"book":  second(s.Book(ctx, store.BookRequest{Event: show.ref, User: "dan", Quantity: 1})),
					"raise": second(s.Update(ctx, store.UpdateRequest{Event: show.ref, SettingsChange: store.SettingsChange{TotalTickets: &raise}})),
				} {
					if !errors.Is(err, store.ErrDamaged) {
						t.Errorf("%s: %v", call, err)
					}
				}
				if name != "cut off" { // where the head is there, it is served
					if _, err := s.Cancel(ctx, store.CancelRequest{Booking: ann.Booking, User: "ann"}); !errors.Is(err, store.ErrDamaged) {
						t.Errorf("cancel: %v", err)
					}
				}
				if after := show.now(); after != before {
					t.Errorf("%+v became %+v", before, after)
				}
				show.setState(store.StatePaused)
				show.setState(store.StateClosed)
			})
		})
	}
}
