package audit

import (
	"fmt"
	"slices"
	"testing"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/scripts"
)

// past makes up the history of an event, a version at a time.
type past struct {
	event    Event
	version  int64
	bookings []*service.Booking
}

func newPast(total int64) *past { return &past{event: Event{Total: total}, version: 1} }

func (p *past) book(quantity int64, waits bool) *service.Booking {
	p.version++
	b := &service.Booking{
		ID:       fmt.Sprintf("00000000-0001-8bbb-8bbb-%012d", len(p.bookings)+1),
		Quantity: quantity, Status: service.StatusConfirmed, Version: p.version, Waited: waits,
	}
	if waits {
		b.Status = service.StatusWaiting
	}
	p.bookings = append(p.bookings, b)
	return b
}

func (p *past) waitlist(count int) []*service.Booking {
	var waitlist []*service.Booking
	for range count {
		waitlist = append(waitlist, p.book(1, true))
	}
	return waitlist
}

func (p *past) cancel(bookings ...*service.Booking) {
	for _, b := range bookings {
		p.version++
		b.Status, b.Cancelled = service.StatusCancelled, p.version
	}
}

// promote is a step of its own.
func (p *past) promote(bookings ...*service.Booking) {
	p.version++
	for _, b := range bookings {
		b.Status, b.Promoted = service.StatusConfirmed, p.version
	}
}

func (p *past) raise(total int64) {
	p.version++
	p.event.Raised = append(p.event.Raised, Raise{total, p.version})
}

// needless returns which of the bookings waited needlessly.
func (p *past) needless(t *testing.T) (which []string) {
	t.Helper()
	state := service.Event{Version: p.version, State: "open", Total: p.event.Total}
	if n := len(p.event.Raised); n > 0 {
		state.Total = p.event.Raised[n-1].Total
	}
	var listed []service.Booking
	for _, b := range slices.Backward(p.bookings) {
		listed = append(listed, *b)
	}
	result := NewResult()
	newCase(result, p.event, state, listed, []*load.Entry(nil)).checkHistory()
	for _, breach := range result.Breaches {
		if breach.Rule != NeedlessWait {
			t.Error(breach)
		}
		which = append(which, breach.Booking)
	}
	return which
}

// withdrawals is a waiting list whose head withdraws after so many behind it did, who are then to be
// passed over; the last one in the list fits.
func withdrawals(count int) (p *past, last *service.Booking) {
	p = newPast(2)
	p.book(1, false)
	head := p.book(2, true)
	withdrawn := p.waitlist(count)
	last = p.book(1, true)
	p.cancel(withdrawn...)
	p.cancel(head)
	return p, last
}

// Promotions that the service rightly leaves to later steps are no needless wait.
func TestPromotionsThatFollow(t *testing.T) {
	tests := map[string]struct {
		make func(p *past)
		late bool
	}{
		"a raise is given out in steps": {func(p *past) {
			p.book(1, false)
			const step = scripts.LookLimit
			waitlist := p.waitlist(3 * step)
			p.raise(2*step + 101)
			p.promote(waitlist[:step]...)
			p.book(1, true)
			p.promote(waitlist[step : 2*step]...)
			p.cancel(waitlist[2*step+150])
			p.promote(waitlist[2*step : 2*step+100]...)
		}, false},
		"and then one is late": {func(p *past) {
			p.book(1, false)
			waitlist := p.waitlist(20)
			p.raise(11)
			p.promote(waitlist[:10]...)
			p.cancel(waitlist[0])
			p.promote(waitlist[10])
		}, true},
		"a ticket of the raise is late, which a cancellation would have waited for": {func(p *past) {
			first := p.book(1, false)
			waitlist := p.waitlist(3)
			p.raise(2)
			p.cancel(first)
			p.promote(waitlist[:2]...)
		}, true},
		"a raise that nobody waits for": {func(p *past) {
			p.raise(2)
			p.book(1, false)
			head, last := p.book(2, true), p.book(1, true)
			p.cancel(head)
			p.promote(last)
		}, true},
		"a head that withdraws after the promotions have followed": {func(p *past) {
			p.book(1, false)
			waitlist := p.waitlist(2)
			head, last := p.book(2, true), p.book(1, true)
			p.raise(4)
			p.promote(waitlist...)
			p.cancel(head)
			p.promote(last)
		}, true},
		// With the head, it is as many as one step looks at, and then as many but one.
		"withdrawals that take one step": {func(p *past) {
			q, last := withdrawals(scripts.LookLimit - 1)
			q.promote(last)
			*p = *q
		}, false},
		"withdrawals that leave a step room for one more": {func(p *past) {
			q, last := withdrawals(scripts.LookLimit - 2)
			q.promote(last)
			*p = *q
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPast(1)
			test.make(p)
			if which := p.needless(t); len(which) > 1 || (len(which) == 1) != test.late {
				t.Errorf("late: want %t, got %v", test.late, which)
			}
		})
	}
}

// A head that is left waiting is reported once, whatever happens after.
func TestALateHeadIsReportedOnce(t *testing.T) {
	p := newPast(1)
	first := p.book(1, false)
	p.waitlist(3)
	p.cancel(first)
	p.waitlist(10)
	if which := p.needless(t); len(which) != 1 || which[0] != p.bookings[1].ID {
		t.Errorf("got %v, want the head only", which)
	}
}
