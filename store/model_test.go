package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/model"
)

func TestAgainstModel(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		now := new(atomic.Int64)
		s.SetClock(func() time.Time { return time.UnixMilli(now.Load()) })
		taken := map[string]int{}
		for seed := range uint64(48) {
			walk(t, s, seed, now, taken)
		}
		for _, arrow := range arrows {
			if taken[arrow] == 0 {
				t.Errorf("no walk has taken %s", arrow)
			}
		}
	})
}

// arrows are those of docs/states.md: what a booking becomes, and by what.
var arrows = []string{
	"book: confirmed", "book: waiting", "hold: held", "promote: confirmed", "promote: offered", "confirm: held", "confirm: offered",
	"confirm: held, late", "confirm: expired, late", "expire: held", "expire: offered",
	"cancel: held", "cancel: offered", "cancel: waiting", "cancel: confirmed",
	"reduce: held", "reduce: offered", "reduce: waiting", "reduce: confirmed",
}

// randomCalls are calls of every kind on a fresh event. Each answer is compared with the
// model's, and at the end every booking is. Time is theirs.
type randomCalls struct {
	*show
	model  *model.Event
	random *rand.Rand
	seed   uint64
	step   int
	users  int
	most   int64    // tickets of one booking
	keys   []string // idempotency keys so far
	clock  *atomic.Int64
	taken  map[string]int // arrows
}

func walk(t *testing.T, s *store.Store, seed uint64, now *atomic.Int64, taken map[string]int) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	now.Store(1_700_000_000_000)
	request := store.InitializeRequest{Settings: store.Settings{Name: "a walk", TotalTickets: 1 + random.Int64N(12)}}
	if random.IntN(3) == 0 {
		request.MaxPerUser, request.WaitlistLimit, request.MaxQuantity = 5, 8, 3
	}
	request.HoldSeconds = []int64{0, 60, 60, 600}[random.IntN(4)]
	request.OfferSeconds = []int64{0, 0, 30}[random.IntN(3)]
	request.WaitlistOff = random.IntN(8) == 0
	if random.IntN(4) == 0 {
		request.OpensAt, request.ClosesAt = store.Millis(now.Load()+5000), store.Millis(now.Load()+600_000)
	}
	w := &randomCalls{
		show: newShow(t, s, request), model: model.New(request), random: random, seed: seed,
		users: 1 + random.IntN(6), most: 1 + random.Int64N(4), clock: now, taken: taken,
	}
	w.run(t)
}

func (w *randomCalls) run(t *testing.T) {
	w.t.Helper()
	for w.step = range 200 {
		w.passTime()
		who := user(w.random.IntN(w.users))
		before := w.statuses()
		what := ""
		switch choice := w.random.IntN(33); {
		case choice < 6:
			what = "book"
			w.checkBook(who)
		case choice < 8:
			what = "book"
			w.checkBooksTogether(1 + w.random.IntN(1+w.random.IntN(scripts.BatchLimit)))
		case choice < 14:
			what = "hold"
			w.checkHold(who)
		case choice < 18 && len(w.model.Bookings) > 0:
			what = "confirm"
			w.checkConfirm()
		case choice < 20 && len(w.model.Bookings) > 0:
			w.checkExtend()
		case choice < 24 && len(w.model.Bookings) > 0:
			what = "cancel"
			w.checkCancel()
		case choice < 28:
			what = "cancel"
			w.checkCancelOldest(who)
		case choice < 30:
			w.checkUpdate(choice == 28)
		case len(w.model.Bookings) > 0:
			w.checkReduce()
		}
		w.noteArrows(what, before)
	}
	w.settle()
	w.wantModel(t, w.model)
}

// passTime moves the clock on: not at all, a bit, or to a deadline, the millisecond before and after.
func (w *randomCalls) passTime() {
	move := int64(0)
	switch w.random.IntN(8) {
	case 0, 1, 2:
	case 3, 4, 5:
		move = w.random.Int64N(20_000)
	default:
		first := int64(0)
		for _, b := range w.model.Bookings {
			if at := int64(b.ExpiresAt); b.Status.Ends() && (first == 0 || at < first) {
				first = at
			}
		}
		move = max(0, first-w.clock.Load()+w.random.Int64N(3)-1)
	}
	w.model.Now = store.Millis(w.clock.Add(move))
}

func (w *randomCalls) statuses() []store.Status {
	all := make([]store.Status, len(w.model.Bookings))
	for i, b := range w.model.Bookings {
		all[i] = b.Status
	}
	return all
}

// noteArrows counts what a call has done to bookings.
func (w *randomCalls) noteArrows(what string, before []store.Status) {
	for i, b := range w.model.Bookings {
		late := b.Confirmed.Version != 0 && b.ExpiresAt <= b.Confirmed.At
		switch {
		case i >= len(before):
			w.taken[what+": "+string(b.Booked.Status)]++
		case before[i] == b.Status:
		case b.Status == store.StatusExpired:
			w.taken["expire: "+string(before[i])]++
		case before[i].Waits() && b.Status.HasTickets():
			w.taken["promote: "+string(b.Status)]++
		case what == "confirm" && late:
			w.taken["confirm: "+string(before[i])+", late"]++
		case what != "":
			w.taken[what+": "+string(before[i])]++
		}
	}
}

// settle ends what has passed its deadline, in both.
func (w *randomCalls) settle() {
	w.t.Helper()
	w.Settle()
	if err := w.ExpireDue(ctx, w.event.Number); err != nil {
		w.fatalf("expire: %v", err)
	}
	w.model.ExpireAll()
}

func (w *randomCalls) checkHold(who string) {
	w.t.Helper()
	request := store.HoldRequest{
		Event: w.ref, User: who, Quantity: 1 + w.random.Int64N(w.most), IdempotencyKey: w.key(),
		Seconds: []int64{0, 0, 20, 60, 61}[w.random.IntN(5)], Reference: w.reference(),
	}
	got, err := w.Hold(ctx, request)
	want, repeated := w.model.Hold(model.HoldRequest{Seconds: request.Seconds, BookRequest: model.BookRequest{
		Booking: got.Booking, Request: who + " " + request.IdempotencyKey, User: who, Quantity: request.Quantity, Reference: request.Reference,
	}})
	expiresAt, left := want.ExpiresAt.Time(), max(0, want.ExpiresAt.Time().Sub(w.model.Now.Time()))
	if !errors.Is(err, want.Refusal) || got.Replayed != repeated || got.Booking != want.Booking && err == nil ||
		got.Version != want.Version || !got.ExpiresAt.Equal(expiresAt) && err == nil || got.ExpiresIn != left && err == nil {
		w.fatalf("%s holds %d: %+v, %v, want %+v, repeated %t", who, request.Quantity, got, err, want, repeated)
	}
	if errors.Is(err, store.ErrSoldOut) && got.HeldTickets != w.model.Held {
		w.fatalf("sold out with %d tickets held, want %d", got.HeldTickets, w.model.Held)
	}
}

// some returns a booking, and its user or, at times, another one.
func (w *randomCalls) some() (booking *model.Booking, who string) {
	booking = w.model.Bookings[w.random.IntN(len(w.model.Bookings))]
	for range 4 { // rather one that has a deadline
		if booking.ExpiresAt == 0 {
			booking = w.model.Bookings[w.random.IntN(len(w.model.Bookings))]
		}
	}
	if who = booking.User; w.random.IntN(10) == 0 {
		who = "mallory"
	}
	return booking, who
}

func (w *randomCalls) checkConfirm() {
	w.t.Helper()
	booking, who := w.some()
	got, err := w.Confirm(ctx, booking.ID, who)
	want, repeated := w.model.Confirm(booking.ID, who)
	if !errors.Is(err, want.Refusal) || got.Replayed != repeated || got.Version != want.Version || got.Late != want.Late {
		w.fatalf("%s confirms %+v: %+v, %v, want %+v, repeated %t", who, booking, got, err, want, repeated)
	}
}

func (w *randomCalls) checkExtend() {
	w.t.Helper()
	booking, who := w.some()
	seconds := []int64{0, 5, 60, 300}[w.random.IntN(4)]
	got, err := w.Extend(ctx, booking.ID, who, seconds)
	want := w.model.Extend(booking.ID, who, seconds)
	if !errors.Is(err, want.Refusal) || got.Version != want.Version || !got.ExpiresAt.Equal(want.ExpiresAt.Time()) {
		w.fatalf("%s extends %+v by %d: %+v, %v, want %+v", who, booking, seconds, got, err, want)
	}
}

// checkReduce mostly asks for one ticket, as most bookings have few.
func (w *randomCalls) checkReduce() {
	w.t.Helper()
	booking, who := w.some()
	if w.random.IntN(8) == 0 {
		who = "" // an organizer
	}
	quantity := 1 + w.random.Int64N(w.most)*w.random.Int64N(2)
	w.taken["reduce: "+string(booking.Status)]++
	i := slices.Index(w.model.Bookings, booking)
	got, err := w.Reduce(ctx, store.ReduceRequest{Booking: booking.ID, User: who, Quantity: quantity})
	want, repeated := w.model.Reduce(booking.ID, who, quantity)
	w.checkCancelled(store.CancelResult{
		Booking: want.Booking, Promoted: got.Promoted, Version: got.Version, Replayed: got.Replayed,
	}, err, want, repeated)
	if now := w.model.Bookings[i].Status; err == nil && got.Current != now {
		w.fatalf("reduced %+v to %d: it is %s, want %s", booking, quantity, got.Current, now)
	}
}

// reference is nearly always the same: a key with another one is another request.
func (w *randomCalls) reference() string {
	if w.random.IntN(10) == 0 {
		return "order | 7%"
	}
	return ""
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
	request := store.BookRequest{
		Event: w.ref, User: who, Quantity: 1 + w.random.Int64N(w.most), IdempotencyKey: w.key(),
		Reference: w.reference(), NeverWaits: w.random.IntN(10) == 0,
	}
	got, err := w.Book(ctx, request)
	w.wantBooked(request, got, err)
}

func (w *randomCalls) wantBooked(request store.BookRequest, got store.BookResult, err error) {
	w.t.Helper()
	who := request.User
	want, repeated := w.model.Book(model.BookRequest{
		Booking: got.Booking, Request: who + " " + request.IdempotencyKey, User: who, Quantity: request.Quantity,
		Reference: request.Reference, NeverWaits: request.NeverWaits,
	})
	if !errors.Is(err, want.Refusal) || got.Replayed != repeated || got.Booking != want.Booking ||
		got.Status != want.Status || got.Position != want.Position || got.Version != want.Version {
		w.fatalf("%s books %d: %+v, %v, want %+v, repeated %t", who, request.Quantity, got, err, want, repeated)
	}
}

// checkBooksTogether books in one call. What has passed its deadline is ended before: one of the
// bookings would be refused for it, and those behind it would not.
func (w *randomCalls) checkBooksTogether(size int) {
	w.t.Helper()
	w.settle()
	requests := make([]store.BookRequest, size)
	for i := range requests {
		requests[i] = store.BookRequest{
			Event: w.ref, User: user(w.random.IntN(w.users)), Quantity: 1 + w.random.Int64N(w.most), IdempotencyKey: w.key(),
			Reference: w.reference(), NeverWaits: w.random.IntN(10) == 0,
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
		got.Next() != want.Next || int64(len(got.Promoted)) != want.Promoted || got.Version != want.Version {
		w.fatalf("cancelled %+v, %v, want %+v, repeated %t", got, err, want, repeated)
	}
	promoted := w.model.PromotedAt(want.Version)
	for i, one := range got.Promoted {
		if one.Booking != promoted[i] {
			w.fatalf("promoted %+v, want %v", got.Promoted, promoted)
		}
	}
}

// checkUpdate changes the total, or else the state and at times a limit. The service makes
// the promotions that are due before it answers.
func (w *randomCalls) checkUpdate(ofTotal bool) {
	w.t.Helper()
	request := store.UpdateRequest{Event: w.ref}
	if ofTotal {
		w.changeTotal(&request)
	} else {
		w.changeOthers(&request)
	}
	_, err := w.Update(ctx, request)
	want := w.model.Update(request)
	w.model.PromoteAll()
	if !errors.Is(err, want) {
		w.fatalf("update: %v, want %v", err, want)
	}
	w.settle() // the answer shows the event, and whoever sees a deadline that has passed ends it
}

func (w *randomCalls) changeTotal(request *store.UpdateRequest) {
	taken := w.model.Confirmed + w.model.Held
	total := max(1, taken) + w.random.Int64N(5)
	if w.random.IntN(6) == 0 {
		total = max(1, taken-1)
	}
	request.TotalTickets = &total
}

func (w *randomCalls) changeOthers(request *store.UpdateRequest) {
	state := []store.State{store.StateOpen, store.StateOpen, store.StatePaused}[w.random.IntN(3)]
	if w.step > 180 {
		state = store.StateClosed
	}
	request.State = &state
	if limit := w.random.Int64N(9); w.random.IntN(4) == 0 {
		request.MaxPerUser, request.WaitlistLimit, request.MaxQuantity = &limit, &limit, &limit
	}
	if seconds := 30 * w.random.Int64N(3); w.random.IntN(4) == 0 {
		request.OfferSeconds = &seconds
	}
	if ends := w.model.Now + store.Millis(w.random.Int64N(100_000)); w.random.IntN(6) == 0 {
		request.ClosesAt = &ends
	}
}

// wantModel compares counters and bookings, with all their versions, with the model's.
func (s *show) wantModel(t *testing.T, m *model.Event) {
	t.Helper()
	s.wantCounts(m.Available(), m.Confirmed, m.Waiting)
	if held := s.now().Held; held != m.Held {
		t.Fatalf("%d tickets are held, want %d", held, m.Held)
	}
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
		if m.Now == 0 { // it knows no time
			got[i].Promoted.At, got[i].Cancelled.At = 0, 0
		}
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
					if want, _ := m.Cancel(booking.ID, booking.User); err != nil || got.Version != want.Version || got.Next() != want.Next {
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
