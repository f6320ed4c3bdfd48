package scenario

import (
	"context"
	"math/rand/v2"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var cancelChurn = Scenario{
	Name:  "cancel-churn",
	About: "booked, cancelled, promoted, round and round, on a few small events",
	New:   func(r *Run) Workload { return &churn{Run: r, acknowledged: newPool()} },
}

type churn struct {
	*Run
	events       []service.ID
	acknowledged *pool
	full         int64 // live bookings, before any is cancelled
}

func (c *churn) Prepare(ctx context.Context) (err error) {
	events := or(c.Events, 8)
	tickets := or(c.Tickets, min(100, 2+c.arrivals()/int64(10*events)))
	c.full = crowd * tickets * int64(events)
	c.events, err = c.NewEvents(ctx, events, tickets)
	return err
}

// crowd is how many live bookings there are for each ticket.
const crowd = 2

// Next fills the events and their waiting lists, and from then on books and cancels in
// turn. One cancellation in ten is sent once more later, and must get the same answer.
func (c *churn) Next(i int64, request *service.Request) bool {
	if i%2 == 1 && c.acknowledged.size.Load() > c.full && c.acknowledged.takeCancel(request) {
		if i%20 == 1 {
			c.acknowledged.put(*request)
		}
		return true
	}
	*request = service.Request{
		Kind: service.Book, Event: c.events[rand.IntN(len(c.events))], User: c.User(), Quantity: 1 + int32(rand.IntN(2)),
	}
	return true
}

func (c *churn) Answered(entry *load.Entry) { c.acknowledged.keep(entry) }
