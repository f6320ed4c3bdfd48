package handlers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// The position is live and exact, whoever withdraws and from where.
func TestPositionIsLive(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(2)
		served := []string{c.confirmed(e, "s"), c.confirmed(e, "s")}
		var line []string
		join := func() {
			t.Helper()
			line = append(line, c.book(e, "w").is(201, fmt.Sprintf(`{"position":%d}`, len(line)+1)).text("bookingId"))
		}
		withdraw := func(place int) {
			t.Helper()
			c.cancel(line[place], "w").is(200, `{"details":{"waitingListAssigned":false}}`)
			line = slices.Delete(line, place, place+1)
		}
		promote := func() {
			t.Helper()
			c.cancel(served[0], "s").is(200, fmt.Sprintf(`{"details":{"nextBookingId":%q}}`, line[0]))
			c.stands(line[0], "Confirmed", 0)
			served, line = served[1:], line[1:]
		}
		check := func() {
			t.Helper()
			for i, booking := range line {
				c.stands(booking, "Waiting List", i+1)
			}
			c.get(e.path()).is(200, fmt.Sprintf(`{"waitingListCount":%d}`, len(line)))
		}
		for range 8 {
			join()
		}
		check()
		for _, place := range []int{3, 1, 4, 4, 0} { // the middle, the last and the head
			withdraw(place)
			check()
		}
		join()
		promote()
		check()
		withdraw(1)
		join()
		promote()
		check()
	})
}

// Any order of joining and withdrawing, held against a plain slice.
func TestPositionsOfARandomLine(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		e := c.event(1)
		held := c.confirmed(e, "u")
		var line []string
		for range 120 {
			switch action := random.IntN(10); {
			case action < 5 || len(line) == 0:
				line = append(line, c.waiting(e, "u"))
			case action < 8:
				place := random.IntN(len(line))
				c.cancel(line[place], "u").is(200, `{"details":{"waitingListAssigned":false}}`)
				line = slices.Delete(line, place, place+1)
			default:
				c.cancel(held, "u").is(200, fmt.Sprintf(`{"details":{"nextBookingId":%q,"promoted":1}}`, line[0]))
				held, line = line[0], line[1:]
			}
			if len(line) > 0 {
				place := random.IntN(len(line))
				c.stands(line[place], "Waiting List", place+1)
			}
		}
		for i, booking := range line {
			c.stands(booking, "Waiting List", i+1)
		}
		c.stands(held, "Confirmed", 0)
	})
}

// More wait than one script may promote: all of them are, in the order of the line.
func TestRaisedTotalPromotesAll(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		const waiting, some = 1200, 700
		e := c.event(1)
		c.confirmed(e, "first")
		var line []string
		for range waiting {
			line = append(line, c.waiting(e, "w"))
		}
		c.patch(e.path(), fmt.Sprintf(`{"totalTickets":%d}`, 1+some)).is(200, fmt.Sprintf(
			`{"availableTickets":0,"confirmedTickets":%d,"waitingListCount":%d}`, 1+some, waiting-some))
		c.stands(line[some-1], "Confirmed", 0)
		c.stands(line[some], "Waiting List", 1)
		c.stands(line[waiting-1], "Waiting List", waiting-some)
		c.patch(e.path(), fmt.Sprintf(`{"totalTickets":%d}`, 1+waiting+10)).is(200, fmt.Sprintf(
			`{"availableTickets":10,"confirmedTickets":%d,"waitingListCount":0}`, 1+waiting))

		last := int64(0)
		bookings := c.walk(e.path()+"/bookings", "bookings", 500)
		slices.Reverse(bookings) // oldest first
		if len(bookings) != 1+waiting {
			t.Fatalf("%d bookings are listed, want %d", len(bookings), 1+waiting)
		}
		for i, entry := range bookings[1:] {
			booking := &answer{t: t, request: "listed booking", body: entry}
			booking.holds(fmt.Sprintf(`{"bookingId":%q,"status":"Confirmed","waited":true,"position":"<absent>"}`, line[i]))
			promoted := booking.integer("promotedVersion")
			if promoted < last {
				t.Fatalf("place %d was promoted at version %d, one ahead of it at %d", i+1, promoted, last)
			}
			last = promoted
		}
	})
}
