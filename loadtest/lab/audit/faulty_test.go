package audit_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"boxoffice/loadtest/service"
)

// faulty is a small booking service in memory. Without faults it keeps the rules;
// each fault breaks one, as a real mistake would.
type faulty struct {
	mu            sync.Mutex
	total         int64
	event         service.Event
	bookings      []*service.Booking // in the order of booking
	keys          map[string]*service.Booking
	promoting     map[string]string        // cancelled booking -> promoted
	firstPosition map[*service.Booking]int // position in the waiting list when it was booked
	changes       int
	late          *service.Booking // to be promoted at the next change

	sellOneMore      bool // (a) one ticket too many
	loseFirst        bool // (b) an acknowledged booking is gone
	serveLast        bool // (c) the waiting list from its end
	forgetKeys       bool // (d) a retry books again
	promoteCancelled bool // (e) the waiting list still holds those who withdrew
	miscount         bool
	inventOne        bool
	promoteNobody    bool // what a cancellation frees stays available
	ignoreCancel     bool // acknowledged, and nothing done
	wrongListed      bool
	jumpTheQueue     bool  // newcomers get what a cancellation freed
	skipBooking      int   // after so many bookings, a change that left no trace
	makeWait         bool  // put in line though tickets are available
	cancelNewest     bool  // a cancellation takes the newest booking with it
	reuseVersion     int   // which change takes the version of the one before; 0 = none
	raiseUnanswered  bool  // a total is raised, and the answer is an error
	raiseFails       bool  // an error, and nothing done
	failFrom         int64 // total that a raise to fails, and nothing is done
	forgetRaise      bool  // acknowledged, and nothing done
	promoteLate      bool  // a raise promotes nobody, the next cancellation does
	wrongPosition    bool  // the answer to a newcomer has another position than the one it got
	staleUntil       int   // the status does not know of the newest booking, until there are so many
	wrongLookup      bool  // it finds the newest booking, whatever it is asked for
	foresee          bool  // it takes bookings for cancelled
	staleLookup      bool  // it does not know of cancellations and promotions
	staleStatus      bool  // the status does not know of the newest booking
}

const eventID = "00000000-0001-8aaa-8aaa-aaaaaaaaaaaa"

func newFaulty(total int64) *faulty {
	return &faulty{
		total: total, event: service.Event{ID: eventID, Version: 1, State: "open"},
		keys: make(map[string]*service.Booking), promoting: make(map[string]string), firstPosition: make(map[*service.Booking]int),
	}
}

func (f *faulty) start(t *testing.T) string {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body struct {
		UserID    string `json:"userId"`
		BookingID string `json:"bookingId"`
		Total     int64  `json:"totalTickets"`
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/book"):
		f.book(w, body.UserID, r.Header.Get("Idempotency-Key"))
	case strings.HasSuffix(r.URL.Path, "/cancel"):
		f.cancel(w, body.BookingID)
	case strings.HasSuffix(r.URL.Path, "/bookings"):
		f.list(w)
	case strings.HasPrefix(r.URL.Path, "/api/events/status/"):
		f.status(w)
	case strings.HasPrefix(r.URL.Path, "/api/bookings/"):
		f.lookUp(w, strings.TrimPrefix(r.URL.Path, "/api/bookings/"))
	case r.Method == http.MethodPatch:
		f.raise(w, body.Total)
	case strings.HasPrefix(r.URL.Path, "/api/events/"):
		answer(w, http.StatusOK, f.shown())
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}

func (f *faulty) available() int64 {
	available := f.total
	if f.sellOneMore {
		available++
	}
	for _, b := range f.bookings {
		if b.Status == service.StatusConfirmed {
			available -= b.Quantity
		}
	}
	return available
}

func (f *faulty) waitlist() (waitlist []*service.Booking) {
	for _, b := range f.bookings {
		if b.Status == service.StatusWaiting {
			waitlist = append(waitlist, b)
		}
	}
	return waitlist
}

// change begins a change of the event, at a version of its own.
func (f *faulty) change() {
	f.changes++
	if late := f.late; late != nil {
		f.late = nil
		defer func() { late.Status, late.Promoted = service.StatusConfirmed, f.event.Version }()
	}
	if f.changes != f.reuseVersion {
		f.event.Version++
	}
}

func (f *faulty) book(w http.ResponseWriter, user, key string) {
	b := f.keys[key]
	if b == nil || f.forgetKeys {
		f.change()
		if f.skipBooking > 0 && len(f.bookings) == f.skipBooking {
			f.event.Version++
		}
		b = &service.Booking{
			ID:   fmt.Sprintf("00000000-0001-8bbb-8bbb-%012d", len(f.bookings)+1),
			User: user, Quantity: 1, Status: service.StatusConfirmed, Version: f.event.Version,
		}
		if f.available() < 1 || (len(f.waitlist()) > 0 && !f.jumpTheQueue) || f.makeWait {
			b.Status, b.Waited = service.StatusWaiting, true
			f.firstPosition[b] = len(f.waitlist()) + 1
		}
		f.bookings = append(f.bookings, b)
		if key != "" {
			f.keys[key] = b
		}
	}
	shown := map[string]any{"bookingId": b.ID, "status": service.StatusConfirmed, "version": b.Version}
	if !b.Waited {
		answer(w, http.StatusOK, shown)
		return
	}
	shown["status"], shown["position"] = service.StatusWaiting, f.firstPosition[b]
	if f.wrongPosition {
		shown["position"] = f.firstPosition[b] + 1
	}
	answer(w, http.StatusCreated, shown)
}

func (f *faulty) cancel(w http.ResponseWriter, id string) {
	at := slices.IndexFunc(f.bookings, func(b *service.Booking) bool { return b.ID == id })
	if at < 0 {
		answer(w, http.StatusNotFound, map[string]any{"code": "booking_not_found"})
		return
	}
	b := f.bookings[at]
	if f.ignoreCancel {
		answer(w, http.StatusOK, map[string]any{"details": map[string]any{"waitingListAssigned": false}, "version": f.event.Version})
		return
	}
	if b.Cancelled == 0 {
		f.change()
		b.Status, b.Cancelled = service.StatusCancelled, f.event.Version
		f.promote(b)
	}
	if newest := f.bookings[len(f.bookings)-1]; f.cancelNewest && newest.Cancelled == 0 {
		f.change()
		newest.Status, newest.Cancelled = service.StatusCancelled, f.event.Version
	}
	next, assigned := f.promoting[id]
	details, promoted := map[string]any{"waitingListAssigned": assigned, "nextBookingId": nil}, []any{}
	if assigned {
		details["nextBookingId"], promoted = next, []any{map[string]any{"bookingId": next}}
	}
	answer(w, http.StatusOK, map[string]any{"details": details, "promoted": promoted, "version": b.Cancelled})
}

func (f *faulty) promote(cancelled *service.Booking) {
	waitlist := f.waitlist()
	if f.promoteCancelled {
		waitlist = slices.DeleteFunc(slices.Clone(f.bookings), func(b *service.Booking) bool {
			return !b.Waited || b.Promoted != 0 || b == cancelled
		})
	}
	if len(waitlist) == 0 || f.available() < 1 || f.promoteNobody || f.jumpTheQueue {
		return
	}
	next := waitlist[0]
	if f.serveLast {
		next = waitlist[len(waitlist)-1]
	}
	if f.promoteLate {
		f.late = next
		return
	}
	next.Status, next.Promoted = service.StatusConfirmed, f.event.Version
	f.promoting[cancelled.ID] = next.ID
}

// raise gives out what a raised total frees at a version of its own.
func (f *faulty) raise(w http.ResponseWriter, total int64) {
	if f.raiseFails || (f.failFrom > 0 && total >= f.failFrom) {
		answer(w, http.StatusInternalServerError, map[string]any{"code": "internal_error"})
		return
	}
	if !f.forgetRaise {
		f.change()
		f.total = total
		if waitlist := f.waitlist(); len(waitlist) > 0 && f.available() > 0 {
			f.change()
			for _, b := range waitlist[:min(f.available(), int64(len(waitlist)))] {
				b.Status, b.Promoted = service.StatusConfirmed, f.event.Version
			}
		}
	}
	if f.raiseUnanswered {
		answer(w, http.StatusInternalServerError, map[string]any{"code": "internal_error"})
		return
	}
	answer(w, http.StatusOK, f.shown())
}
