package store_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"

	"boxoffice/store"
)

// model is the rules of booking once more, in the plainest way: slices that are
// searched from the front. The scripts must agree with it step by step.
type model struct {
	total, maxPerUser, waitlistLimit int64
	state                            store.State
	bookings                         []*modelBooking // in order of arrival
}

type modelBooking struct {
	id       uuid.UUID
	user     string
	quantity int64
	status   store.Status
}

func (m *model) sum(status store.Status, value func(*modelBooking) int64) (sum int64) {
	for _, booking := range m.bookings {
		if booking.status == status {
			sum += value(booking)
		}
	}
	return sum
}

func quantityOf(b *modelBooking) int64 { return b.quantity }
func one(*modelBooking) int64          { return 1 }

func (m *model) available() int64 { return m.total - m.sum(store.StatusConfirmed, quantityOf) }
func (m *model) waiting() int64   { return m.sum(store.StatusWaiting, one) }

func (m *model) book(user string, quantity int64) (status store.Status, position int64, err error) {
	userTickets := int64(0)
	for _, booking := range m.bookings {
		if booking.user == user && booking.status != store.StatusCancelled {
			userTickets += booking.quantity
		}
	}
	switch {
	case m.state == store.StatePaused:
		return "", 0, store.ErrEventPaused
	case quantity > m.total:
		return "", 0, store.ErrOverCapacity
	case m.maxPerUser > 0 && userTickets+quantity > m.maxPerUser:
		return "", 0, store.ErrUserLimit
	case m.waiting() == 0 && quantity <= m.available():
		return store.StatusConfirmed, 0, nil
	case m.waitlistLimit > 0 && m.waiting() >= m.waitlistLimit:
		return "", 0, store.ErrWaitingListFull
	}
	return store.StatusWaiting, m.waiting() + 1, nil
}

func (m *model) oldest(user string) *modelBooking {
	for _, status := range []store.Status{store.StatusConfirmed, store.StatusWaiting} {
		for _, booking := range m.bookings {
			if booking.user == user && booking.status == status {
				return booking
			}
		}
	}
	return nil
}

// promote returns who was promoted, in order.
func (m *model) promote() (promoted []uuid.UUID) {
	for _, booking := range m.bookings {
		if booking.status != store.StatusWaiting {
			continue
		}
		if m.state != store.StateOpen || booking.quantity > m.available() {
			break
		}
		booking.status = store.StatusConfirmed
		promoted = append(promoted, booking.id)
	}
	return promoted
}

func (m *model) cancel(booking *modelBooking) (promoted []uuid.UUID) {
	booking.status = store.StatusCancelled
	return m.promote()
}

func TestAgainstModel(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		for seed := range uint64(24) {
			walk(t, s, seed)
		}
	})
}

// walk does random calls on a fresh event and compares each answer, and at the end
// every booking, with the model's.
func walk(t *testing.T, s *store.Store, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	m := &model{total: 1 + random.Int64N(12), state: store.StateOpen}
	if random.IntN(3) == 0 {
		m.maxPerUser, m.waitlistLimit = 5, 8
	}
	show := newShow(t, s, store.InitializeRequest{
		TotalTickets: m.total, MaxPerUser: m.maxPerUser, WaitlistLimit: m.waitlistLimit,
	})
	biggest, users := 1+random.Int64N(4), 1+random.IntN(6)
	checkCancel := func(step int, want *modelBooking, got store.CancelResult, err error) {
		t.Helper()
		promoted := m.cancel(want)
		next := uuid.Nil
		if len(promoted) > 0 {
			next = promoted[0]
		}
		if err != nil || got.Booking != want.id || got.Next != next || got.Promoted != int64(len(promoted)) {
			t.Fatalf("seed %d, step %d: cancelled %+v, %v, want %s promoting %v", seed, step, got, err, want.id, promoted)
		}
	}
	for step := range 150 {
		who := user(random.IntN(users))
		switch choice := random.IntN(20); {
		case choice < 10:
			quantity := 1 + random.Int64N(biggest)
			status, position, refusal := m.book(who, quantity)
			got, err := s.Book(ctx, store.BookRequest{Event: show.ref, User: who, Quantity: quantity})
			if !errors.Is(err, refusal) || got.Status != status || got.Position != position {
				t.Fatalf("seed %d, step %d: %s books %d: %+v, %v, want %s %d, %v",
					seed, step, who, quantity, got, err, status, position, refusal)
			}
			if err == nil {
				m.bookings = append(m.bookings, &modelBooking{got.Booking, who, quantity, status})
			}
		case choice < 14 && len(m.bookings) > 0:
			booking := m.bookings[random.IntN(len(m.bookings))]
			if booking.status == store.StatusCancelled {
				continue
			}
			got, err := s.Cancel(ctx, store.CancelRequest{Booking: booking.id, User: booking.user})
			checkCancel(step, booking, got, err)
		case choice < 18:
			booking := m.oldest(who)
			got, err := s.CancelOldest(ctx, store.CancelOldestRequest{Event: show.ref, User: who})
			if booking == nil {
				if !errors.Is(err, store.ErrBookingNotFound) {
					t.Fatalf("seed %d, step %d: %s has no booking: %+v, %v", seed, step, who, got, err)
				}
				continue
			}
			checkCancel(step, booking, got, err)
		case choice == 18:
			m.total = max(1, m.total-m.available()) + random.Int64N(5)
			m.promote()
			show.setTotal(m.total)
		default:
			m.state = store.StateOpen
			if random.IntN(2) == 0 {
				m.state = store.StatePaused
			}
			m.promote()
			show.setState(m.state)
		}
	}
	show.wantModel(m, seed)
	if found := breaches(t, s, show.ref); len(found) > 0 {
		t.Fatalf("seed %d: the data contradicts itself: %v", seed, found)
	}
}

func (s *show) wantModel(m *model, seed uint64) {
	s.t.Helper()
	s.wantCounts(m.available(), m.total-m.available(), m.waiting())
	all := s.all()
	slices.Reverse(all)
	if len(all) != len(m.bookings) {
		s.t.Fatalf("seed %d: %d bookings, want %d", seed, len(all), len(m.bookings))
	}
	position := int64(0)
	for i, want := range m.bookings {
		wantPosition := int64(0)
		if want.status == store.StatusWaiting {
			position++
			wantPosition = position
		}
		got := all[i]
		if got.ID != want.id || got.Status != want.status || got.Position != wantPosition ||
			got.User != want.user || got.Quantity != want.quantity {
			s.t.Fatalf("seed %d: booking %d is %+v, want %+v at %d", seed, i, got, *want, wantPosition)
		}
	}
}
