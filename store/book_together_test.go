package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/model"
)

// together books in one call, and compares each answer with the word for it: a status, or
// an error.
func (s *show) together(requests []store.BookRequest, want ...any) []store.BookResult {
	s.t.Helper()
	got, errs := s.BookTogether(ctx, requests)
	for i, result := range got {
		refusal, refused := want[i].(error)
		if refused && !errors.Is(errs[i], refusal) || !refused && (errs[i] != nil || result.Status != want[i]) {
			s.t.Errorf("booking %d, %+v: %+v, %v, want %v", i, requests[i], result, errs[i], want[i])
		}
	}
	wantNoBreach(s.t, s.Store, s.ref)
	return got
}

func (s *show) request(user, key string, quantity int64) store.BookRequest {
	return store.BookRequest{Event: s.ref, User: user, Quantity: quantity, IdempotencyKey: key}
}

func TestTheSameBookingTwiceInACall(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		got := show.together([]store.BookRequest{
			show.request("ann", "a", 1), show.request("ann", "a", 1), show.request("bob", "b", 1), show.request("bob", "b", 1),
			show.request("ann", "a", 2),
		}, store.StatusConfirmed, store.StatusConfirmed, store.StatusWaiting, store.StatusWaiting, store.ErrIdempotencyMismatch)
		for _, i := range []int{0, 2} {
			first, again := got[i], got[i+1]
			if first.Replayed || !again.Replayed {
				t.Errorf("replayed: %v, %v", first.Replayed, again.Replayed)
			}
			if again.Replayed, again.Current = false, ""; first != again {
				t.Errorf("the second answer is %+v, the first %+v", again, first)
			}
		}
		show.wantCounts(0, 1, 1)
	})
}

func TestLimitsAreReachedInsideACall(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := tickets(3)
		request.MaxPerUser, request.WaitlistLimit = 2, 2
		show := newShow(t, s, request)
		got := show.together([]store.BookRequest{
			show.request("ann", "", 1), show.request("ann", "", 1), show.request("ann", "", 1), // a user's limit
			show.request("bob", "", 4),
			show.request("bob", "", 2), show.request("cyd", "", 1), // the last ticket is not for a newcomer
			show.request("dan", "", 1),
		}, store.StatusConfirmed, store.StatusConfirmed, store.ErrUserLimit, store.ErrOverCapacity,
			store.StatusWaiting, store.StatusWaiting, store.ErrWaitingListFull)
		if got[4].Position != 1 || got[5].Position != 2 {
			t.Errorf("positions %d and %d", got[4].Position, got[5].Position)
		}
		show.wantCounts(1, 2, 2)
		// The user's two bookings form a chain: taking out one leaves the other.
		show.cancel("ann", got[0])
		if oldest := show.cancelOldest("ann"); oldest.Booking != got[1].Booking {
			t.Errorf("cancelled %s, want %s", oldest.Booking, got[1].Booking)
		}
		wantNoBreach(t, s, show.ref)
	})
}

func TestACallOfAnEventThatTakesNoBookings(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		booked := show.together([]store.BookRequest{show.request("ann", "a", 1)}, store.StatusConfirmed)[0]
		for state, refusal := range map[store.State]error{
			store.StatePaused: store.ErrEventPaused, store.StateClosed: store.ErrEventClosed,
		} {
			show := newShow(t, s, tickets(2))
			show.together([]store.BookRequest{show.request("ann", "a", 1)}, store.StatusConfirmed)
			show.setState(state)
			show.together([]store.BookRequest{show.request("bob", "", 1), show.request("ann", "a", 1)}, refusal, store.StatusConfirmed)
		}
		// The first 48 bits name an event that exists, the rest another one.
		other := layout.NewID(show.event.Number, layout.RandomShortID())
		for _, ref := range []store.EventRef{store.EventUUID(other), store.EventNumber(1 << 40)} {
			requests := []store.BookRequest{
				{Event: ref, User: "ann", Quantity: 1, IdempotencyKey: "a"}, {Event: ref, User: "bob", Quantity: 1},
			}
			got, errs := s.BookTogether(ctx, requests)
			for i := range requests {
				if !errors.Is(errs[i], store.ErrEventNotFound) || got[i].Booking != uuid.Nil {
					t.Errorf("%+v: %+v, %v", requests[i], got[i], errs[i])
				}
			}
		}
		if got := show.booking(booked); got.Status != store.StatusConfirmed {
			t.Errorf("%+v", got)
		}
	})
}

// What is broken for one is not the others' business.
func TestACorruptBookingFailsAlone(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		broken := show.together([]store.BookRequest{show.request("ann", "a", 1)}, store.StatusConfirmed)[0]
		hash := layout.Keys{}.Event(show.event.Number)
		err := admin(t, s).HSet(ctx, hash, shortID(broken.Booking), "rubbish", layout.HoldingField("eve"), "rubbish").Err()
		if err != nil {
			t.Fatal(err)
		}
		got, errs := s.BookTogether(ctx, []store.BookRequest{
			show.request("bob", "", 1), show.request("ann", "a", 1), show.request("eve", "", 1), show.request("cyd", "", 1),
		})
		for i, wrong := range []bool{false, true, true, false} {
			if (errs[i] != nil) != wrong || !wrong && got[i].Status != store.StatusConfirmed {
				t.Errorf("booking %d: %+v, %v", i, got[i], errs[i])
			}
			if errors.Is(errs[i], store.ErrUnavailable) {
				t.Errorf("booking %d: %v says that it is worth repeating", i, errs[i])
			}
		}
		if event := show.now(); event.Confirmed != 3 {
			t.Errorf("%d tickets are confirmed, want 3", event.Confirmed)
		}
	})
}

// Calls of every size are decided as the model decides one booking after the other, at
// every place of the boundary at which an event sells out.
func TestCallsOfEverySizeAgainstModel(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		random := rand.New(rand.NewPCG(1, 2))
		for size := 1; size <= scripts.BatchLimit; size++ {
			request := tickets(1 + random.Int64N(int64(2*size)))
			request.Name = "a show"
			w := &randomCalls{
				show: newShow(t, s, request), model: model.New(request), random: random, seed: uint64(size),
				users: 1 + random.IntN(size), most: 1 + random.Int64N(3),
			}
			for range 2 {
				w.checkBooksTogether(size)
			}
			w.wantModel(t, w.model)
		}
	})
}

// Bookings that wait together travel together, and each caller gets its own answer: also
// where one gives up, and where others cancel in between.
func TestManyCallersAtOnce(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		const callers, each = 200, 5
		request := tickets(callers)
		show := newShow(t, s, request)
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				for j := range each {
					who := user(i)
					asking, cancel := ctx, context.CancelFunc(func() {})
					if (i+j)%10 == 0 {
						asking, cancel = context.WithTimeout(ctx, time.Duration(j)*time.Millisecond)
					}
					result, err := s.Book(asking, show.request(who, strconv.Itoa(j), 1))
					cancel()
					if err != nil {
						if errors.Is(err, store.ErrUnavailable) && asking != ctx {
							continue
						}
						t.Error(err)
						continue
					}
					if got := show.booking(result); got.User != who || got.Version != result.Version {
						t.Errorf("%s was answered %+v, which is %+v", who, result, got)
					}
					if j%2 == 1 {
						if _, err := s.Cancel(ctx, store.CancelRequest{Booking: result.Booking, User: who}); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		group.Wait()
		wantNoBreach(t, s, show.ref)
	})
}

// A full Redis takes no new bookings, and still answers for those that it has.
func TestAFullRedisAnswersReplaysThatTravelWithNewBookings(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(5))
		first := show.together([]store.BookRequest{show.request("ann", "a", 1)}, store.StatusConfirmed)[0]
		setEverywhere(t, s, "maxmemory", "1")
		defer setEverywhere(t, s, "maxmemory", "0")
		got, errs := s.BookTogether(ctx, []store.BookRequest{
			show.request("bob", "b", 1), show.request("ann", "a", 1), show.request("cyd", "c", 1),
		})
		if errs[1] != nil || !got[1].Replayed || got[1].Booking != first.Booking || got[1].Version != first.Version {
			t.Errorf("the replay: %+v, %v", got[1], errs[1])
		}
		for _, i := range []int{0, 2} {
			if errs[i] == nil || !strings.Contains(errs[i].Error(), "OOM") {
				t.Errorf("a new booking: %+v, %v", got[i], errs[i])
			}
		}
	})
}
