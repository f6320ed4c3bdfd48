package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// garbage is what stands in for a part of a text; none of it is a number that a script writes.
var garbage = []string{
	"x", "-1", "-0", "+1", "1e3", "0x10", " 1", "1 ", "1.0", "01", "nan", "inf", "", "|",
	"9007199254740993", aNumber, "99999999999999999999",
}

// aNumber is one, but as milliseconds it is of the year 10000.
const aNumber = "253402300800000"

// damage replaces one part of what is stored of an event.
type damage struct {
	name   string
	number bool // the part is a number
	booked bool // and a booking goes by it
	apply  func(v *victim, text string)
}

func damages(v *victim) (all []damage) {
	for _, part := range layout.CountersParts() {
		all = append(all, damage{"counters, " + part, true, true, func(v *victim, text string) { v.become(part, text) }})
	}
	for _, field := range layout.AllEventFields() {
		if field != layout.CountersField {
			booked := slices.Contains([]string{"total", "maxPerUser", "maxQuantity", "waitlistLimit"}, field)
			number := booked || field == layout.CreatedAtField
			all = append(all, damage{"field " + field, number, booked, func(v *victim, text string) { v.set(field, text) }})
		}
	}
	for name, of := range map[string]func(*victim) store.BookResult{
		"confirmed": func(v *victim) store.BookResult { return v.ann }, "cancelled": func(v *victim) store.BookResult { return v.bob },
		"promoted": func(v *victim) store.BookResult { return v.dan }, "waiting": func(v *victim) store.BookResult { return v.gus },
	} {
		for _, part := range layout.RecordParts() {
			number := part == "quantity" || part == "createdAt" || part == "version"
			all = append(all, damage{name + " record, " + part, number, false, func(v *victim, text string) { v.edit(of(v), part, text) }})
		}
	}
	return all
}

// reads is what the readers show of an event, or say of it.
func (v *victim) reads() (failed []error) {
	ref := store.EventNumber(v.event.Number)
	note := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
	}
	note("event", second(v.Event(ctx, ref)))
	page, err := v.Bookings(ctx, store.BookingsRequest{Event: ref, Limit: 100})
	note("list", err)
	for _, entry := range page.Bookings {
		note("list", entry.Err)
	}
	for _, booked := range []store.BookResult{v.ann, v.bob, v.dan, v.gus} {
		note("booking", second(v.Booking(ctx, booked.Booking)))
	}
	return failed
}

// What a reader refuses to read, verify reports, whichever part of a text is garbage; and
// whatever is no number in Redis's own spelling is not read as one.
func TestVerifyReadsAsReadersDo(t *testing.T) {
	s := open(t, store.Config{})
	v := newVictim(t, s)
	before, err := v.redis.HGetAll(ctx, v.hash).Result()
	if err != nil {
		t.Fatal(err)
	}
	restore := func() {
		values := make([]any, 0, 2*len(before))
		for name, value := range before {
			values = append(values, name, value)
		}
		v.do(append([]any{"DEL"}, v.hash)...)
		v.do(append([]any{"HSET", v.hash}, values...)...)
	}
	for _, d := range damages(v) {
		for _, text := range garbage {
			d.apply(v, text)
			failed := v.reads()
			result, err := s.Verifier().Event(ctx, store.EventNumber(v.event.Number), func(verify.Breach) {})
			silent := err == nil && result.Breaches == 0
			if silent && (len(failed) > 0 || d.number) {
				t.Errorf("%s is %q: verify says nothing; readers: %v", d.name, text, failed)
			}
			if d.booked && text != aNumber {
				if err := second(v.Book(ctx, store.BookRequest{Event: store.EventNumber(v.event.Number), User: "ivy", Quantity: 1})); err == nil {
					t.Errorf("%s is %q, and read as a number", d.name, text)
				}
			}
			restore()
		}
	}
	wantNoBreach(t, s, v.ref)
}

// Nothing is written at a time that no reader could show.
func TestClockOutOfRange(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(2))
		booked := show.book("ann", 1)
		before := show.now()
		defer s.SetClock(nil)
		for _, year := range []int{1, 1969, 10_000, 200_000} {
			s.SetClock(func() time.Time { return time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC) })
			for name, call := range every(s, show.ref, booked) {
				err := call(ctx)
				switch name {
				case "Event", "Booking", "Bookings":
					if err != nil {
						t.Errorf("%d: %s: %v", year, name, err)
					}
				case "CancelOldest": // of a user without a booking: nothing to write
				case "Cancel":
					if err := second(s.Cancel(ctx, store.CancelRequest{Booking: booked.Booking, User: "ann"})); err == nil {
						t.Errorf("%d: cancelled", year)
					}
				default:
					if err == nil {
						t.Errorf("%d: %s wrote a time that nobody reads", year, name)
					}
				}
			}
			if err := second(s.Initialize(ctx, tickets(1))); err == nil {
				t.Errorf("%d: an event was created", year)
			}
			if now := show.now(); now != before {
				t.Errorf("%d: the event changed from %+v to %+v", year, before, now)
			}
		}
		wantNoBreach(t, s, show.ref)
	})
}
