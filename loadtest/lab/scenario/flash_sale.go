package scenario

import (
	"context"

	"boxoffice/loadtest/load"
)

var flashSale = Scenario{
	Name:  "flash-sale",
	About: "one hot event, many more users than tickets; one request in twenty only looks",
	New:   func(r *Run) Workload { return &flash{Run: r} },
}

type flash struct {
	*Run
	event load.ID
}

func (f *flash) Prepare(ctx context.Context) (err error) {
	f.event, err = f.NewEvent(ctx, or(f.Tickets, f.arrivals()/10))
	return err
}

func (f *flash) Next(i int64, request *load.Request) bool {
	if i%20 == 19 {
		*request = load.Request{Kind: load.Status, Event: f.event}
		return true
	}
	*request = load.Request{Kind: load.Book, Event: f.event, User: f.User(), Quantity: 1}
	return true
}

func (f *flash) Answered(*load.Entry) {}
