package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// fake is a store all of whose methods do the same: count the call, and return what fails
// returns.
type fake struct {
	calls    atomic.Int64
	fails    func(context.Context) error
	replayed bool // what it answers with where it does not fail
}

var _ handlers.Store = (*fake)(nil)

// hang waits for the end of ctx, as a store that gets no answer does. It does not
// wait for ever, so that a handler without a deadline fails its test and not the whole run.
func hang(ctx context.Context) error {
	const forever = 10 * time.Second
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w: %w: %s", store.ErrUnavailable, ctx.Err(), secret)
	case <-time.After(forever):
		return errors.New("the call had no deadline")
	}
}

func (f *fake) call(ctx context.Context) error {
	f.calls.Add(1)
	if f.fails == nil {
		return nil
	}
	return f.fails(ctx)
}

func (f *fake) Initialize(ctx context.Context, _ store.InitializeRequest) (store.InitializeResult, error) {
	return store.InitializeResult{Event: someEvent, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Book(ctx context.Context, _ store.BookRequest) (store.BookResult, error) {
	return store.BookResult{Status: store.StatusConfirmed, Version: 2, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Hold(ctx context.Context, _ store.HoldRequest) (store.HoldResult, error) {
	return store.HoldResult{Version: 2, Replayed: f.replayed, ExpiresAt: someEvent.CreatedAt}, f.call(ctx)
}

func (f *fake) Confirm(ctx context.Context, _ uuid.UUID, _ string) (store.ConfirmResult, error) {
	return store.ConfirmResult{Version: 3, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Extend(ctx context.Context, _ uuid.UUID, _ string, _ int64) (store.ExtendResult, error) {
	return store.ExtendResult{Version: 3, ExpiresAt: someEvent.CreatedAt}, f.call(ctx)
}

func (f *fake) Cancel(ctx context.Context, _ store.CancelRequest) (store.CancelResult, error) {
	return store.CancelResult{Version: 3, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Reduce(ctx context.Context, _ store.ReduceRequest) (store.ReduceResult, error) {
	return store.ReduceResult{Version: 3, Current: store.StatusConfirmed, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) CancelOldest(ctx context.Context, _ store.CancelOldestRequest) (store.CancelResult, error) {
	return store.CancelResult{Version: 3, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Update(ctx context.Context, _ store.UpdateRequest) (store.UpdateResult, error) {
	return store.UpdateResult{Event: someEvent, Replayed: f.replayed}, f.call(ctx)
}

func (f *fake) Event(ctx context.Context, _ store.EventRef) (store.Event, error) {
	return someEvent, f.call(ctx)
}

func (f *fake) Events(ctx context.Context, _ string, _ int) (store.EventPage, error) {
	return store.EventPage{}, f.call(ctx)
}

func (f *fake) Booking(ctx context.Context, _ uuid.UUID) (store.Booking, error) {
	return store.Booking{
		User: "7", Quantity: 1, EventNumber: 1, Status: store.StatusConfirmed, Version: 2, CreatedAt: someEvent.CreatedAt,
	}, f.call(ctx)
}

func (f *fake) Bookings(ctx context.Context, _ store.BookingsRequest) (store.BookingPage, error) {
	return store.BookingPage{}, f.call(ctx)
}

func (f *fake) Health(ctx context.Context) store.Health {
	if err := f.call(ctx); err != nil {
		return store.Health{Conditions: []store.Condition{{Kind: "unreachable", Detail: err.Error(), Blocks: true}}}
	}
	return store.Health{}
}

// someEvent is the event that the fake has.
var someEvent = store.Event{
	UUID: uuid.MustParse(someID), Number: 1, Version: 1,
	Settings:  store.Settings{Name: "x", TotalTickets: 1, State: store.StateOpen},
	CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
}

const someID = "00000000-0001-8abc-9abc-0123456789ab"

// storeCalls are requests of every kind that calls the store, once each.
var storeCalls = []struct{ method, path, body string }{
	{"POST", "/api/events/initialize", `{"eventName":"x","totalTickets":1}`},
	{"POST", "/api/events/book", `{"eventId":"` + someID + `","userId":7}`},
	{"POST", "/api/events/hold", `{"eventId":"` + someID + `","userId":7}`},
	{"POST", "/api/bookings/" + someID + "/confirm", `{"userId":7}`},
	{"POST", "/api/bookings/" + someID + "/extend", `{"userId":7}`},
	{"POST", "/api/events/cancel", `{"bookingId":"` + someID + `","userId":7}`},
	{"GET", "/api/events/status/" + someID, ""},
	{"GET", "/api/events", ""},
	{"GET", "/api/events/" + someID, ""},
	{"PATCH", "/api/events/" + someID, `{"totalTickets":1}`},
	{"GET", "/api/events/" + someID + "/bookings", ""},
	{"GET", "/api/events/" + someID + "/bookings?userId=ann", ""},
	{"GET", "/api/bookings/" + someID, ""},
	{"PATCH", "/api/bookings/" + someID, `{"userId":7,"quantity":1}`},
	{"POST", "/initialize", `{"name":"x","totalTickets":1}`},
	{"POST", "/book", `{"eventId":1,"userId":7}`},
	{"POST", "/cancel", `{"eventId":1,"userId":7}`},
	{"GET", "/status/1", ""},
}

// journal collects what is logged.
type journal struct {
	mutex sync.Mutex
	text  strings.Builder
}

// Write takes one line.
func (j *journal) Write(line []byte) (int, error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.text.Write(line)
}

// into makes an API log here.
func (j *journal) into(options *handlers.Options) {
	options.Log = logrus.New()
	options.Log.SetOutput(j)
	options.Log.SetFormatter(&logrus.JSONFormatter{})
}

// take returns the lines since it was last called.
func (j *journal) take(t testing.TB) []map[string]any {
	t.Helper()
	j.mutex.Lock()
	defer j.mutex.Unlock()
	var lines []map[string]any
	for text := range strings.Lines(j.text.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		lines = append(lines, line)
	}
	j.text.Reset()
	return lines
}
