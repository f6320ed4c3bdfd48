package store_test

import (
	"errors"
	"reflect"
	"testing"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// everything returns all that Redis holds of an event.
func (s *show) everything() []any {
	s.t.Helper()
	redis, number := admin(s.t, s.Store), s.event.Number
	hash, err := redis.HGetAll(ctx, layout.Keys{}.Event(number)).Result()
	log, err2 := redis.LRange(ctx, layout.Keys{}.Log(number), 0, -1).Result()
	list, err3 := redis.LRange(ctx, layout.Keys{}.Waitlist(number), 0, -1).Result()
	set, err4 := redis.ZRangeWithScores(ctx, layout.Keys{}.Withdrawn(number), 0, -1).Result()
	if err := errors.Join(err, err2, err3, err4); err != nil {
		s.t.Fatal(err)
	}
	return []any{hash, log, list, set}
}

// An event of a format that a later version made is left alone, and the error says so:
// two versions run during an upgrade, and after one was rolled back.
func TestUnknownFormatIsRefused(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}, IdempotencyKey: "k"}
		show := newShow(t, s, request)
		booked := show.book("a", 1)
		show.book("b", 1)
		healthy := newShow(t, s, tickets(1))
		hash := layout.Keys{}.Event(show.event.Number)
		counters := admin(t, s).HGet(ctx, hash, layout.CountersField).Val()
		later, _ := layout.SetPart(layout.CountersParts(), counters, "format", func(string) string { return "2" })
		if err := admin(t, s).HSet(ctx, hash, layout.CountersField, later+"|more").Err(); err != nil {
			t.Fatal(err)
		}
		before := show.everything()
		total := int64(5)
		for call, err := range map[string]error{
			"Initialize":   second(s.Initialize(ctx, request)),
			"Cancel":       second(s.Cancel(ctx, store.CancelRequest{Booking: booked.Booking, User: "a"})),
			"Reduce":       second(s.Reduce(ctx, store.ReduceRequest{Booking: booked.Booking, Quantity: 1})),
			"CancelOldest": second(s.CancelOldest(ctx, store.CancelOldestRequest{Event: show.ref, User: "a"})),
			"Promote":      second(s.PromoteOnce(ctx, show.event.Number)),
			"Book":         second(s.Book(ctx, store.BookRequest{Event: show.ref, User: "c", Quantity: 1})),
			"Update":       second(s.Update(ctx, changeOf(show.ref, store.SettingsChange{TotalTickets: &total}))),
			"Event":        second(s.Event(ctx, show.ref)),
			"Booking":      second(s.Booking(ctx, booked.Booking)),
			"Bookings":     second(s.Bookings(ctx, store.BookingsRequest{Event: show.ref, Limit: 10})),
			"Verify":       second(s.Verifier().Event(ctx, show.ref, nil)),
		} {
			if !errors.Is(err, store.ErrUnknownFormat) || !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v, want %v", call, err, store.ErrUnknownFormat)
			}
		}
		page, err := s.Events(ctx, "", 10)
		if err != nil || len(page.Events) != 2 || page.Events[0].Event != healthy.now() ||
			!errors.Is(page.Events[1].Err, store.ErrUnknownFormat) || page.Events[1].UUID != show.event.UUID {
			t.Errorf("listed: %+v, %v", page, err)
		}
		if after := show.everything(); !reflect.DeepEqual(before, after) {
			t.Errorf("the event was changed from %v to %v", before, after)
		}
		// Others are none the worse for it.
		healthy.book("a", 1)
		verified := map[uint64]error{}
		_, err = s.Verifier().All(ctx, func(breach verify.Breach) { t.Error(breach) },
			func(result verify.Result, err error) { verified[result.Event] = err })
		if err != nil || len(verified) != 2 || verified[healthy.event.Number] != nil ||
			!errors.Is(verified[show.event.Number], store.ErrUnknownFormat) {
			t.Errorf("verified: %v, %v", verified, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
