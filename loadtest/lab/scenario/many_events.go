package scenario

import (
	"context"
	"math/rand/v2"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var manyEvents = Scenario{
	Name:  "many-events",
	About: "events spread over the shards; one of them gets a fifth of all requests",
	New:   func(r *Run) Workload { return newMix(r, or(r.Events, 100)) },
}

// mix books one to three tickets, on a hot event or on any other, and takes some of
// the bookings back.
type mix struct {
	*Run
	count        int
	events       []service.ID
	acknowledged *pool
}

func newMix(r *Run, events int) *mix { return &mix{Run: r, count: events, acknowledged: newPool()} }

func (m *mix) Prepare(ctx context.Context) (err error) {
	tickets := or(m.Tickets, m.arrivals()/int64(2*m.count))
	m.events, err = m.NewEvents(ctx, m.count, max(tickets, 3))
	return err
}

func (m *mix) Next(i int64, request *service.Request) bool {
	if i%5 == 4 && m.acknowledged.takeCancel(request) {
		return true
	}
	event := m.events[0]
	if rand.IntN(5) > 0 {
		event = m.events[rand.IntN(len(m.events))]
	}
	*request = service.Request{Kind: service.Book, Event: event, User: m.User(), Quantity: 1 + int32(rand.IntN(3))}
	return true
}

func (m *mix) Answered(entry *load.Entry) { m.acknowledged.keep(entry) }
