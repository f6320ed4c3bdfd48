package scenario

import (
	"context"
	"math/rand/v2"

	"boxoffice/loadtest/load"
)

var waitlistStorm = Scenario{
	Name:  "waitlist-storm",
	About: "a long line (-line), people leaving from its middle and asking where they stand; later, more tickets",
	New:   func(s *Stage) Play { return &storm{Stage: s, held: newPool()} },
}

type storm struct {
	*Stage
	event load.ID
	held  *pool
	line  int64
}

const longLine = 1_000_000

func (s *storm) Prepare(ctx context.Context) (err error) {
	if s.event, err = s.NewEvent(ctx, or(s.Tickets, 100)); err != nil {
		return err
	}
	s.line = or(s.Line, longLine)
	return s.Build(ctx, "build the line", joining{s}, s.line)
}

// joining lets users book until the line is as long as it should be.
type joining struct{ *storm }

func (j joining) Next(_ int64, request *load.Request) bool {
	*request = load.Request{Kind: load.Book, Event: j.event, User: j.User(), Quantity: 1}
	return true
}

func (s *storm) Next(i int64, request *load.Request) bool {
	switch i % 10 {
	case 0, 1:
		return joining{s}.Next(i, request)
	case 2, 3, 4, 5:
		if s.held.look(request) {
			return true
		}
	}
	if s.held.takeCancel(request) {
		return true
	}
	*request = load.Request{Kind: load.Status, Event: s.event}
	return true
}

func (s *storm) Answered(entry *load.Entry) { s.held.keep(entry) }

// Actions add tickets twice: the head of the line is promoted, in many steps.
func (s *storm) Actions() []Action {
	more := s.line / 10
	return []Action{
		{At: 0.4, Name: "more tickets", Do: func(ctx context.Context) error { return s.Raise(ctx, s.event, max(1, more)) }},
		{At: 0.7, Name: "more tickets", Do: func(ctx context.Context) error { return s.Raise(ctx, s.event, 1+rand.Int64N(more+1)) }},
	}
}
