package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/model"
)

func TestAgainstModel(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		for seed := range uint64(24) {
			walk(t, s, seed)
		}
	})
}

// randomCalls are calls of every kind on a fresh event. Each answer is compared with the
// model's, and at the end every booking is.
type randomCalls struct {
	*show
	model  *model.Event
	random *rand.Rand
	seed   uint64
	step   int
	users  int
	most   int64    // tickets of one booking
	keys   []string // idempotency keys so far
}

func walk(t *testing.T, s *store.Store, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	request := store.InitializeRequest{Settings: store.Settings{Name: "a walk", TotalTickets: 1 + random.Int64N(12)}}
	if random.IntN(3) == 0 {
		request.MaxPerUser, request.WaitlistLimit, request.MaxQuantity = 5, 8, 3
	}
	w := &randomCalls{
		show: newShow(t, s, request), model: model.New(request), random: random, seed: seed,
		users: 1 + random.IntN(6), most: 1 + random.Int64N(4),
	}
	w.run(t)
}

func (w *randomCalls) run(t *testing.T) {
	w.t.Helper()
	for w.step = range 150 {
		who := user(w.random.IntN(w.users))
		switch choice := w.random.IntN(20); {
		case choice < 8:
			w.checkBook(who)
		case choice < 10:
			w.checkBooksTogether(1 + w.random.IntN(1+w.random.IntN(scripts.BatchLimit)))
		case choice < 14 && len(w.model.Bookings) > 0:
			w.checkCancel()
		case choice < 18:
			w.checkCancelOldest(who)
		default:
			w.checkUpdate(choice == 18)
		}
	}
	w.wantModel(t, w.model)
}

func (w *randomCalls) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d, step %d: %s", w.seed, w.step, fmt.Sprintf(format, args...))
}

// key is a new one, or sometimes one that was used before.
func (w *randomCalls) key() string {
	if len(w.keys) > 0 && w.random.IntN(8) == 0 {
		return w.keys[w.random.IntN(len(w.keys))]
	}
	w.keys = append(w.keys, fmt.Sprintf("key-%d", len(w.keys)))
	return w.keys[len(w.keys)-1]
}

func (w *randomCalls) checkBook(who string) {
	w.t.Helper()
	request := store.BookRequest{Event: w.ref, User: who, Quantity: 1 + w.random.Int64N(w.most), IdempotencyKey: w.key()}
	got, err := w.Book(ctx, request)
	w.wantBooked(request, got, err)
}

func (w *randomCalls) wantBooked(request store.BookRequest, got store.BookResult, err error) {
	w.t.Helper()
	who := request.User
	want, repeated := w.model.Book(model.BookRequest{
		Booking: got.Booking, Request: who + " " + request.IdempotencyKey, User: who, Quantity: request.Quantity,
	})
	if !errors.Is(err, want.Refusal) || got.Replayed != repeated || got.Booking != want.Booking ||
		got.Status != want.Status || got.Position != want.Position || got.Version != want.Version {
		w.fatalf("%s books %d: %+v, %v, want %+v, repeated %t", who, request.Quantity, got, err, want, repeated)
	}
}

// checkBooksTogether books in one call.
func (w *randomCalls) checkBooksTogether(size int) {
	w.t.Helper()
	requests := make([]store.BookRequest, size)
	for i := range requests {
		requests[i] = store.BookRequest{
			Event: w.ref, User: user(w.random.IntN(w.users)), Quantity: 1 + w.random.Int64N(w.most), IdempotencyKey: w.key(),
		}
	}
	got, errs := w.BookTogether(ctx, requests)
	for i, request := range requests {
		w.wantBooked(request, got[i], errs[i])
	}
}

func (w *randomCalls) checkCancel() {
	w.t.Helper()
	booking := w.model.Bookings[w.random.IntN(len(w.model.Bookings))]
	who := booking.User
	if w.random.IntN(10) == 0 {
		who = "mallory"
	}
	if w.random.IntN(8) == 0 {
		who = "" // an organizer
	}
	got, err := w.Cancel(ctx, store.CancelRequest{Booking: booking.ID, User: who})
	want, repeated := w.model.Cancel(booking.ID, who)
	w.checkCancelled(got, err, want, repeated)
}

func (w *randomCalls) checkCancelOldest(who string) {
	w.t.Helper()
	key := w.key()
	got, err := w.CancelOldest(ctx, store.CancelOldestRequest{Event: w.ref, User: who, IdempotencyKey: key})
	want, repeated := w.model.CancelOldest(who+" "+key, who)
	w.checkCancelled(got, err, want, repeated)
}

func (w *randomCalls) checkCancelled(got store.CancelResult, err error, want model.Answer, repeated bool) {
	w.t.Helper()
	if !errors.Is(err, want.Refusal) || got.Replayed != repeated || got.Booking != want.Booking ||
		got.Next != want.Next || got.Promoted != want.Promoted || got.Version != want.Version {
		w.fatalf("cancelled %+v, %v, want %+v, repeated %t", got, err, want, repeated)
	}
}

// checkUpdate changes the total, or else the state and at times a limit. The service makes
// the promotions that are due before it answers.
func (w *randomCalls) checkUpdate(ofTotal bool) {
	w.t.Helper()
	request := store.UpdateRequest{Event: w.ref}
	if ofTotal {
		total := max(1, w.model.Confirmed) + w.random.Int64N(5)
		if w.random.IntN(6) == 0 {
			total = max(1, w.model.Confirmed-1)
		}
		request.TotalTickets = &total
	} else {
		state := []store.State{store.StateOpen, store.StateOpen, store.StatePaused}[w.random.IntN(3)]
		if w.step > 140 {
			state = store.StateClosed
		}
		request.State = &state
		if limit := w.random.Int64N(9); w.random.IntN(4) == 0 {
			request.MaxPerUser, request.WaitlistLimit, request.MaxQuantity = &limit, &limit, &limit
		}
	}
	_, err := w.Update(ctx, request)
	want := w.model.Update(request)
	w.model.PromoteAll()
	if !errors.Is(err, want) {
		w.fatalf("update: %v, want %v", err, want)
	}
}

// wantModel compares counters and bookings, with all their versions, with the model's.
func (s *show) wantModel(t *testing.T, m *model.Event) {
	t.Helper()
	s.wantCounts(m.Available(), m.Confirmed, m.Waiting)
	if now := s.now(); now.Version != m.Version || now.Settings != m.Settings {
		t.Fatalf("the event is %+v, want %+v in state %s", now, m.Counts(), m.State)
	}
	got, want := s.all(), m.List()
	slices.Reverse(got)
	if len(got) != len(want) {
		t.Fatalf("%d bookings, want %d", len(got), len(want))
	}
	for i := range want {
		got[i].Event, got[i].EventNumber, got[i].CreatedAt = uuid.Nil, 0, time.Time{}
		if got[i] != want[i] {
			t.Fatalf("booking %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if found := breaches(t, s.Store, s.ref); len(found) > 0 {
		t.Fatalf("the data contradicts itself: %v", found)
	}
}

// fill books one ticket for each of so many users, in both.
func (s *show) fill(m *model.Event, count int) {
	s.t.Helper()
	for i := range count {
		booked := s.book(user(i), 1)
		m.Book(model.BookRequest{Booking: booked.Booking, Request: booked.Booking.String(), User: user(i), Quantity: 1})
	}
}

// Promotions come in steps: which booking is promoted at which version is the model's.
func TestPromotionStepsAgainstModel(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		t.Run("a raised total", func(t *testing.T) {
			request := store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}}
			show, m := newShow(t, s, request), model.New(request)
			show.fill(m, 1+2*scripts.LookLimit+20)
			total := int64(2*scripts.LookLimit + 11)
			show.setTotal(total)
			if err := m.Update(store.UpdateRequest{SettingsChange: store.SettingsChange{TotalTickets: &total}}); err != nil {
				t.Fatal(err)
			}
			m.PromoteAll()
			show.wantModel(t, m)
			if first := m.PromotedAt(m.Version - 2); len(first) != scripts.LookLimit {
				t.Errorf("the first step promoted %d, want %d", len(first), scripts.LookLimit)
			}
		})
		for _, withdrawn := range []int{scripts.LookLimit - 2, scripts.LookLimit - 1, 2*scripts.LookLimit + 1} {
			t.Run(fmt.Sprintf("%d withdraw behind the head", withdrawn), func(t *testing.T) {
				request := store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}}
				show, m := newShow(t, s, request), model.New(request)
				show.fill(m, 1+1+withdrawn+2)
				cancel := func(i int) {
					booking := m.Bookings[i]
					m.PromoteAll() // the service does before it frees tickets
					got, err := s.Cancel(ctx, store.CancelRequest{Booking: booking.ID, User: booking.User})
					if want, _ := m.Cancel(booking.ID, booking.User); err != nil || got.Version != want.Version || got.Next != want.Next {
						t.Fatalf("booking %d: %+v, %v, want %+v", i, got, err, want)
					}
				}
				for i := range withdrawn {
					cancel(2 + i)
				}
				cancel(0) // promotes the head
				cancel(1) // passes all who withdrew, as far as one step goes
				m.PromoteAll()
				show.waitFor(func(now store.Event) bool { return now.Version == m.Version && now.Confirmed == m.Confirmed })
				show.wantModel(t, m)
			})
		}
	})
}
