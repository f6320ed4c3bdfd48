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
		var waitlist []string
		join := func() {
			t.Helper()
			waitlist = append(waitlist, c.book(e, "w").is(201, fmt.Sprintf(`{"position":%d}`, len(waitlist)+1)).text("bookingId"))
		}
		withdraw := func(place int) {
			t.Helper()
			c.cancel(waitlist[place], "w").is(200, `{"details":{"waitingListAssigned":false}}`)
			waitlist = slices.Delete(waitlist, place, place+1)
		}
		promote := func() {
			t.Helper()
			c.cancel(served[0], "s").is(200, fmt.Sprintf(`{"details":{"nextBookingId":%q}}`, waitlist[0]))
			c.stands(waitlist[0], "Confirmed", 0)
			served, waitlist = served[1:], waitlist[1:]
		}
		check := func() {
			t.Helper()
			for i, booking := range waitlist {
				c.stands(booking, "Waiting List", i+1)
			}
			c.get(e.path()).is(200, fmt.Sprintf(`{"waitingListCount":%d}`, len(waitlist)))
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
func TestPositionsOfARandomWaitlist(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		e := c.event(1)
		held := c.confirmed(e, "u")
		var waitlist []string
		for range 120 {
			switch action := random.IntN(10); {
			case action < 5 || len(waitlist) == 0:
				waitlist = append(waitlist, c.waiting(e, "u"))
			case action < 8:
				place := random.IntN(len(waitlist))
				c.cancel(waitlist[place], "u").is(200, `{"details":{"waitingListAssigned":false}}`)
				waitlist = slices.Delete(waitlist, place, place+1)
			default:
				c.cancel(held, "u").is(200, fmt.Sprintf(`{"details":{"nextBookingId":%q},"promoted":[{"bookingId":%q}]}`, waitlist[0], waitlist[0]))
				held, waitlist = waitlist[0], waitlist[1:]
			}
			if len(waitlist) > 0 {
				place := random.IntN(len(waitlist))
				c.stands(waitlist[place], "Waiting List", place+1)
			}
		}
		for i, booking := range waitlist {
			c.stands(booking, "Waiting List", i+1)
		}
		c.stands(held, "Confirmed", 0)
	})
}

// More wait than one script may promote: all of them are, in the order of the waiting list.
func TestRaisedTotalPromotesAll(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		const waiting, some = 1200, 700
		e := c.event(1)
		c.confirmed(e, "first")
		var waitlist []string
		for range waiting {
			waitlist = append(waitlist, c.waiting(e, "w"))
		}
		c.patch(e.path(), fmt.Sprintf(`{"totalTickets":%d}`, 1+some)).is(200, fmt.Sprintf(
			`{"availableTickets":0,"confirmedTickets":%d,"waitingListCount":%d}`, 1+some, waiting-some))
		c.stands(waitlist[some-1], "Confirmed", 0)
		c.stands(waitlist[some], "Waiting List", 1)
		c.stands(waitlist[waiting-1], "Waiting List", waiting-some)
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
			booking.holds(fmt.Sprintf(`{"bookingId":%q,"status":"Confirmed","waited":true,"position":"<absent>"}`, waitlist[i]))
			promoted := booking.integer("promotedVersion")
			if promoted < last {
				t.Fatalf("place %d was promoted at version %d, one ahead of it at %d", i+1, promoted, last)
			}
			last = promoted
		}
	})
}
