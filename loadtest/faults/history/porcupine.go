package history

import (
	"errors"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"boxoffice/store"
	"boxoffice/store/model"
)

// Porcupine is the model as the checker takes it.
func Porcupine() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			events := map[uint64][]porcupine.Operation{}
			for _, op := range history {
				number := op.Input.(Call).Event
				events[number] = append(events[number], op)
			}
			var parts [][]porcupine.Operation
			for _, part := range events {
				parts = append(parts, part)
			}
			return parts
		},
		Init:              func() any { return &model.Event{} },
		Step:              func(state, _, output any) (bool, any) { return step(state.(*model.Event), output.(Attempt)) },
		Equal:             func(a, b any) bool { return a.(*model.Event).Equal(b.(*model.Event)) },
		DescribeOperation: func(_, output any) string { return output.(Attempt).String() },
		DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state.(*model.Event).Counts()) },
	}
}

// step makes the change of an attempt on a copy of the event, and reports whether it can
// have been answered so.
func step(before *model.Event, a Attempt) (possible bool, after *model.Event) {
	e := before.Clone()
	var answer model.Answer
	repeated := false
	switch a.Verb {
	case Create:
		return true, model.New(store.InitializeRequest{Settings: store.Settings{
			TotalTickets: a.Total, MaxPerUser: a.MaxPerUser, WaitlistLimit: a.WaitlistLimit,
		}})
	case Status:
		return a.Counts == e.Counts(), e
	case List:
		return slices.Equal(a.List, e.List()), e
	case Promote:
		promoted, _ := e.Promote()
		return len(promoted) > 0 && a.Answer.Version == e.Version, e
	case SetTotal:
		return stepTotal(e, a), e
	case Book:
		answer, repeated = e.Book(model.BookRequest{Booking: a.Answer.Booking, Request: a.request(), User: a.User, Quantity: a.Quantity})
	case Cancel, CancelOldest, Reduce:
		answer, repeated = free(e, a)
		if errors.Is(answer.Refusal, model.ErrPromotionsDue) {
			if !promoteNobody(e) {
				return false, e
			}
			answer, repeated = free(e, a)
		}
	}
	return answer == a.Answer && (!a.First || !repeated), e
}

// free makes a change that gives tickets back.
func free(e *model.Event, a Attempt) (answer model.Answer, repeated bool) {
	switch a.Verb {
	case Cancel:
		return e.Cancel(a.Booking, a.User)
	case Reduce:
		return e.Reduce(a.Booking, a.User, a.Quantity)
	default:
		return e.CancelOldest(a.request(), a.User)
	}
}

// promoteNobody makes the promotions that are due if they promote nobody: such steps have
// no version, and no trace in the bookings. Any others are a Promote of the history.
func promoteNobody(e *model.Event) (possible bool) {
	for e.PromotionsDue {
		if promoted, _ := e.Promote(); len(promoted) > 0 {
			return false
		}
	}
	return true
}

// stepTotal is step for SetTotal.
func stepTotal(e *model.Event, a Attempt) (possible bool) {
	before := e.Version
	refusal := e.Update(store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &a.Total}})
	if e.Version > before && a.raised >= 0 && e.Version != a.raised {
		return false
	}
	return !a.Answered || errors.Is(a.Answer.Refusal, refusal)
}
