package scenario

import (
	"context"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var retries = Scenario{
	Name:  "retries",
	About: "each request is sent twice with the same Idempotency-Key, half of them at the same moment",
	New: func(r *Run) Workload {
		return &twice{Run: r, acknowledged: newPool(), soon: make(chan service.Request, 1<<10), later: make(chan service.Request, 1<<16)}
	},
}

type twice struct {
	*Run
	events       []service.ID
	acknowledged *pool
	first        uint64               // user and key of arrival 0
	soon, later  chan service.Request // to be sent a second time
}

func (t *twice) Prepare(ctx context.Context) (err error) {
	t.first = t.Reserve()
	t.events, err = t.NewEvents(ctx, or(t.Events, 4), or(t.Tickets, t.arrivals()/20))
	return err
}

// Next goes in fours: a booking, the same one at the same moment, then something whose
// second time comes later, then the second time of something earlier.
func (t *twice) Next(i int64, request *service.Request) bool {
	switch i % 4 {
	case 0:
		*request = t.booking(i)
	case 1:
		*request = t.booking(i - 1)
	case 2:
		second := t.later
		if i%16 == 10 && t.acknowledged.takeCancel(request) {
			second = t.soon
		} else {
			*request = t.booking(i)
		}
		select {
		case second <- *request:
		default: // more wait for their second time than a run should have
		}
	case 3:
		select {
		case *request = <-t.soon:
			return true
		default:
		}
		if int64(len(t.later)) < t.delay() {
			return false
		}
		select {
		case *request = <-t.later:
		default:
			return false
		}
	}
	return true
}

// booking is the same for the same arrival.
func (t *twice) booking(i int64) service.Request {
	own := t.first + uint64(i)
	return service.Request{Kind: service.Book, Event: t.events[i/4%int64(len(t.events))], User: own, Quantity: 1, Key: own}
}

// delay is after how many others a request's second time comes: about a second's.
func (t *twice) delay() int64 { return max(1, min(1000, t.arrivals()/40)) }

// Paired makes the first two of four due at once.
func (t *twice) Paired(i int64) bool { return i%4 == 1 }

func (t *twice) Answered(entry *load.Entry) {
	if !entry.Replayed {
		t.acknowledged.keep(entry)
	}
}
