package scenario

import (
	"context"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var flashSale = Scenario{
	Name:  "flash-sale",
	About: "one hot event, many more users than tickets; one request in twenty only looks",
	New:   func(r *Run) Workload { return &flash{Run: r} },
}

type flash struct {
	*Run
	event service.ID
}

func (f *flash) Prepare(ctx context.Context) (err error) {
	f.event, err = f.NewEvent(ctx, or(f.Tickets, f.arrivals()/10))
	return err
}

func (f *flash) Next(i int64, request *service.Request) bool {
	if i%20 == 19 {
		*request = service.Request{Kind: service.Status, Event: f.event}
		return true
	}
	*request = service.Request{Kind: service.Book, Event: f.event, User: f.User(), Quantity: 1}
	return true
}

func (f *flash) Answered(*load.Entry) {}
