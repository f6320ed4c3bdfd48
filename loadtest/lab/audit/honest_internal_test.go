package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/model"
)

// honest is a service that keeps the rules, as the model has them: it makes promotions
// that are due in bounded steps, at once or later.
type honest struct {
	*model.Event
	random  *rand.Rand
	created int64 // tickets at its creation
	raised  []Raise
}

func newHonest(seed uint64) *honest {
	random := rand.New(rand.NewPCG(seed, 0))
	total := 1 + random.Int64N(5)
	return &honest{Event: model.New(store.InitializeRequest{Settings: store.Settings{TotalTickets: total}}), random: random, created: total}
}

func (h *honest) book(quantity int64) {
	id := uuid.MustParse(fmt.Sprintf("00000000-0001-8bbb-8bbb-%012d", len(h.Bookings)+1))
	h.Book(model.BookRequest{Booking: id, Request: id.String(), User: "u1", Quantity: quantity})
}

func (h *honest) cancel(i int) {
	id := h.Bookings[i].ID
	answer, _ := h.Cancel(id, "u1")
	for errors.Is(answer.Refusal, model.ErrPromotionsDue) {
		h.Event.Promote()
		answer, _ = h.Cancel(id, "u1")
	}
}

func (h *honest) raise(by int64) {
	total := h.TotalTickets + by
	if h.Update(store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}}) == nil {
		h.raised = append(h.raised, Raise{total, h.Version})
	}
}

// act does one of the things that lead to promotions in several steps, or to few.
func (h *honest) act() {
	n := len(h.Bookings)
	switch h.random.IntN(8) {
	case 0, 1, 2:
		for range h.random.IntN(scripts.LookLimit) {
			h.book(1 + h.random.Int64N(min(3, h.TotalTickets)))
		}
	case 3, 4: // some in a row withdraw, or give tickets back
		first := h.random.IntN(max(1, n))
		for i := first; i < min(n, first+h.random.IntN(2*scripts.LookLimit)); i++ {
			h.cancel(i)
		}
	case 5:
		if n > 0 {
			h.cancel(h.random.IntN(n))
		}
	case 6:
		h.raise(1 + h.random.Int64N(10+h.random.Int64N(scripts.LookLimit)))
	case 7:
		h.withdrawBehindHead(scripts.LookLimit - 3 + h.random.IntN(6))
	}
	if h.random.IntN(2) == 0 {
		h.Event.Promote()
	}
}

// withdrawBehindHead cancels some bookings that wait behind the head, and then the head: a
// step of promotions has to pass all of them before it comes to one that may fit.
func (h *honest) withdrawBehindHead(count int) {
	var waiting []int
	for i, b := range h.Bookings {
		if b.Status.Waits() {
			waiting = append(waiting, i)
		}
	}
	if len(waiting) == 0 {
		return
	}
	for _, i := range waiting[1:min(len(waiting), 1+count)] {
		h.cancel(i)
	}
	h.cancel(waiting[0])
}

func (h *honest) breaches() []Breach {
	event := Event{Total: h.created, Raised: h.raised}
	var listed []service.Booking
	for _, b := range h.List() {
		listed = append(listed, service.Booking{
			ID: b.ID.String(), User: b.User, Quantity: b.Quantity, Status: service.StatusOf(b.Status), Position: b.Position,
			Version: b.Version, Waited: b.First.Waits(), Promoted: b.Promoted.Version, Cancelled: b.Cancelled.Version,
		})
	}
	slices.Reverse(listed)
	state := service.Event{
		Version: h.Version, State: string(h.State), Total: h.TotalTickets, Available: h.Available(), Confirmed: h.Confirmed, Waiting: h.Waiting,
	}
	result := NewResult()
	c := newCase(result, event, state, listed, []*load.Entry(nil))
	c.checkHistory()
	c.checkCounts()
	return result.Breaches
}

// Whatever an honest service does, and however late it makes what is due, is no breach.
func TestAnHonestServiceIsNotAccused(t *testing.T) {
	for seed := range uint64(60) {
		h := newHonest(seed)
		for range 30 {
			h.act()
		}
		h.PromoteAll()
		if found := h.breaches(); len(found) > 0 {
			t.Errorf("seed %d: %d breaches, the first: %s", seed, len(found), found[0])
		}
	}
}
