package scenario

import (
	"context"
	"math/rand/v2"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

var waitlistStorm = Scenario{
	Name:  "waitlist-storm",
	About: "a long waiting list (-waitlist), people withdrawing from its middle and asking where they stand; later, more tickets",
	New:   func(r *Run) Workload { return &storm{Run: r, acknowledged: newPool()} },
}

type storm struct {
	*Run
	event        service.ID
	acknowledged *pool
	waitlist     int64
}

const longWaitlist = 1_000_000

func (s *storm) Prepare(ctx context.Context) (err error) {
	if s.event, err = s.NewEvent(ctx, or(s.Tickets, 100)); err != nil {
		return err
	}
	s.waitlist = or(s.Waitlist, longWaitlist)
	return s.Build(ctx, "build the waiting list", joining{s}, s.waitlist)
}

// joining lets users book until the waiting list is as long as it should be.
type joining struct{ *storm }

func (j joining) Next(_ int64, request *service.Request) bool {
	*request = service.Request{Kind: service.Book, Event: j.event, User: j.User(), Quantity: 1}
	return true
}

func (s *storm) Next(i int64, request *service.Request) bool {
	switch i % 10 {
	case 0, 1:
		return joining{s}.Next(i, request)
	case 2, 3, 4, 5:
		if s.acknowledged.look(request) {
			return true
		}
	}
	if s.acknowledged.takeCancel(request) {
		return true
	}
	*request = service.Request{Kind: service.Status, Event: s.event}
	return true
}

func (s *storm) Answered(entry *load.Entry) { s.acknowledged.keep(entry) }

// Actions add tickets twice: the head of the waiting list is promoted, in many steps.
func (s *storm) Actions() []Action {
	more := s.waitlist / 10
	return []Action{
		{At: 0.4, Name: "more tickets", Do: func(ctx context.Context) error { return s.Raise(ctx, s.event, max(1, more)) }},
		{At: 0.7, Name: "more tickets", Do: func(ctx context.Context) error { return s.Raise(ctx, s.event, 1+rand.Int64N(more+1)) }},
	}
}
