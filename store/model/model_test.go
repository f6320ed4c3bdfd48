package model_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/model"
)

func newEvent(total int64) *model.Event {
	return model.New(store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: total}})
}

func id(i int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(strconv.Itoa(i))) }

func book(t *testing.T, e *model.Event, quantity int64) *model.Booking {
	t.Helper()
	i := len(e.Bookings)
	answer, _ := e.Book(model.BookRequest{Booking: id(i), Request: strconv.Itoa(i), User: "ann", Quantity: quantity})
	if answer.Refusal != nil {
		t.Fatal(answer.Refusal)
	}
	return e.Bookings[i]
}

func update(t *testing.T, e *model.Event, request store.UpdateRequest) {
	t.Helper()
	if err := e.Update(request); err != nil {
		t.Fatal(err)
	}
}

// The counters are what the bookings add up to, nothing is oversold, and nobody who could
// be served waits unless promotions are due.
func TestCountersAreTheBookings(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		e := newEvent(1 + random.Int64N(9))
		for range 200 {
			before := e.Clone()
			version := e.Version
			switch random.IntN(5) {
			case 0, 1:
				book(t, e, 1+random.Int64N(min(3, e.TotalTickets)))
			case 2:
				if len(e.Bookings) > 0 {
					e.Cancel(e.Bookings[random.IntN(len(e.Bookings))].ID, "ann")
				}
			case 3:
				total := e.Confirmed + 1 + random.Int64N(5)
				update(t, e, store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}})
			case 4:
				e.Promote()
			}
			check(t, e)
			if e.Version > version+1 || (e.Version == version && !slices.Equal(e.List(), before.List())) {
				t.Fatalf("seed %d: one call led from version %d to %d", seed, version, e.Version)
			}
		}
	}
}

func check(t *testing.T, e *model.Event) {
	t.Helper()
	confirmed, waiting := int64(0), int64(0)
	for _, booking := range e.List() {
		if booking.Status.HasTickets() {
			confirmed += booking.Quantity
		}
		if booking.Status.Waits() {
			waiting++
		}
	}
	if e.Confirmed != confirmed || e.Waiting != waiting || confirmed > e.TotalTickets {
		t.Fatalf("%+v, the bookings add up to %d confirmed, %d waiting", e.Counts(), confirmed, waiting)
	}
	if e.HeadFits() && !e.PromotionsDue {
		t.Fatalf("%+v, and the head of the waiting list fits", e.Counts())
	}
}

func TestStepsOfPromotions(t *testing.T) {
	e := newEvent(1)
	first := book(t, e, 1)
	for range scripts.LookLimit + 1 {
		book(t, e, 1)
	}
	total := int64(scripts.LookLimit + 2)
	update(t, e, store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}})
	if answer, _ := e.Cancel(first.ID, "ann"); !errors.Is(answer.Refusal, model.ErrPromotionsDue) {
		t.Errorf("a cancellation before the promotions that are due: %+v", answer)
	}
	promoted, more := e.Promote()
	if len(promoted) != scripts.LookLimit || !more || !slices.Equal(promoted, e.PromotedAt(e.Version)) {
		t.Errorf("the first step promoted %d, more %t", len(promoted), more)
	}
	promoted, more = e.Promote()
	if len(promoted) != 1 || more || e.PromotionsDue {
		t.Errorf("the second step promoted %d, more %t", len(promoted), more)
	}
	version := e.Version
	if promoted, more = e.Promote(); len(promoted) > 0 || more || e.Version != version {
		t.Errorf("a step with nothing to do promoted %d, more %t, version %d after %d", len(promoted), more, e.Version, version)
	}
}

func TestStates(t *testing.T) {
	for state, refusal := range map[store.State]error{
		store.StateOpen: nil, store.StatePaused: store.ErrEventPaused, store.StateClosed: store.ErrEventClosed,
	} {
		e := newEvent(1)
		first, next := book(t, e, 1), book(t, e, 1)
		if state != store.StateOpen {
			update(t, e, store.UpdateRequest{SettingsChange: store.SettingsChange{State: &state}})
		}
		answer, _ := e.Book(model.BookRequest{Booking: id(9), Request: "9", User: "bob", Quantity: 1})
		if !errors.Is(answer.Refusal, refusal) {
			t.Errorf("%s: booking: %v, want %v", state, answer.Refusal, refusal)
		}
		answer, _ = e.Cancel(first.ID, "ann")
		if promotes := refusal == nil; (answer.Next == next.ID) != promotes || answer.Refusal != nil {
			t.Errorf("%s: a cancellation is answered %+v", state, answer)
		}
		again := store.StateOpen
		err := e.Update(store.UpdateRequest{SettingsChange: store.SettingsChange{State: &again}})
		if errors.Is(err, store.ErrEventClosed) != (state == store.StateClosed) {
			t.Errorf("%s: opened again: %v", state, err)
		}
	}
}

func TestLimits(t *testing.T) {
	e := model.New(store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 2, MaxPerUser: 3, WaitlistLimit: 1}})
	for i, step := range []struct {
		user     string
		quantity int64
		want     error
	}{
		{"ann", 3, store.ErrOverCapacity},
		{"ann", 1, nil},
		{"ann", 2, nil}, // waits, as 1 is available
		{"ann", 1, store.ErrUserLimit},
		{"bob", 1, store.ErrWaitingListFull},
	} {
		answer, _ := e.Book(model.BookRequest{Booking: id(i), Request: strconv.Itoa(i), User: step.user, Quantity: step.quantity})
		if !errors.Is(answer.Refusal, step.want) {
			t.Errorf("%d: %s books %d: %v, want %v", i, step.user, step.quantity, answer.Refusal, step.want)
		}
	}
}

// A copy goes its own way.
func TestClone(t *testing.T) {
	e := newEvent(1)
	first := book(t, e, 1)
	book(t, e, 1)
	c := e.Clone()
	if !c.Equal(e) {
		t.Error("a copy is not equal")
	}
	c.Cancel(first.ID, "ann")
	if c.Equal(e) || e.Counts() != (model.Counts{Version: 3, Total: 1, Confirmed: 1, Waiting: 1}) {
		t.Errorf("a change of the copy made the event %+v", e.Counts())
	}
}
