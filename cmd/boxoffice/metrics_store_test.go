package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"boxoffice/store"
)

// measure returns metrics that are switched on, and that are served at a URL.
func measure(t *testing.T) (measured *metrics, url string) {
	t.Helper()
	measured, err := newMetrics(config{Metrics: "true"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(measured.handler())
	t.Cleanup(server.Close)
	return measured, server.URL
}

// samples are what a scrape gave, by the name and labels of each.
type samples map[string]float64

func scrape(t *testing.T, url string) samples {
	t.Helper()
	found := samples{}
	for line := range strings.Lines(scraped(t, url)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[cut:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		found[line[:cut]] = value
	}
	return found
}

func (s samples) check(t *testing.T, want samples) {
	t.Helper()
	for name, value := range want {
		if got, there := s[name]; !there || got != value {
			t.Errorf("%s is %v (there: %v), want %v", name, got, there, value)
		}
	}
}

// A scrape counts exactly what the store did with Redis.
func TestStoreMetricsCount(t *testing.T) {
	measured, url := measure(t)
	s, err := store.Open(t.Context(), store.Config{Observer: measured.observer()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	measured.watch(s, s.Health)
	scrape(t, url).check(t, samples{ // what alerts look at is there before it happens
		`boxoffice_store_unknown_outcomes_total{call="book"}`: 0,
	})

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	created, err := s.Initialize(t.Context(), store.InitializeRequest{
		Settings: store.Settings{Name: "x", TotalTickets: 2, MaxPerUser: 2, WaitlistLimit: 3},
	})
	must(err)
	event := store.EventUUID(created.Event.UUID)
	book := func(user string, quantity int64, key string) (store.BookResult, error) {
		return s.Book(t.Context(), store.BookRequest{Event: event, User: user, Quantity: quantity, IdempotencyKey: key})
	}
	ann, err := book("ann", 1, "")
	must(err)
	for range 3 { // one booking, and two replays of it
		_, err := book("bob", 1, "once")
		must(err)
	}
	for _, user := range []string{"cid", "dan", "eve"} {
		_, err := book(user, 1, "")
		must(err)
	}
	for name, refused := range map[string]struct {
		quantity int64
		want     error
	}{"fay": {1, store.ErrWaitingListFull}, "gus": {3, store.ErrOverCapacity}, "ann": {2, store.ErrUserLimit}} {
		if _, err := book(name, refused.quantity, ""); !errors.Is(err, refused.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := book("bob", 2, "once"); !errors.Is(err, store.ErrIdempotencyMismatch) {
		t.Error(err)
	}
	unknown := store.BookRequest{Event: store.EventNumber(99), User: "ann", Quantity: 1}
	if _, err := s.Book(t.Context(), unknown); !errors.Is(err, store.ErrEventNotFound) {
		t.Error(err)
	}
	for range 2 { // the second time it is cancelled already
		_, err := s.Cancel(t.Context(), store.CancelRequest{Booking: ann.Booking, User: "ann"})
		must(err)
	}
	if _, err := s.Cancel(t.Context(), store.CancelRequest{Booking: ann.Booking, User: "bob"}); !errors.Is(err, store.ErrBookingNotFound) {
		t.Error(err)
	}
	total := int64(4)
	_, err = s.Update(t.Context(), store.UpdateRequest{Event: event, SettingsChange: store.SettingsChange{TotalTickets: &total}})
	must(err)

	scrape(t, url).check(t, samples{
		`boxoffice_promotions_total`:                                     3,
		`boxoffice_store_call_duration_seconds_count{call="book"}`:       12,
		`boxoffice_store_call_duration_seconds_count{call="cancel"}`:     3,
		`boxoffice_store_call_duration_seconds_count{call="update"}`:     1,
		`boxoffice_store_call_duration_seconds_count{call="promoted"}`:   1,
		`boxoffice_store_call_duration_seconds_count{call="read event"}`: 1,
		`boxoffice_store_call_retries_total{call="book"}`:                0,
		`boxoffice_store_batch_commands_sum`:                             1 + 1 + 1 + 12 + 3 + 1 + 1 + 1 + 1 + 1, // one a call, one of the event
		`boxoffice_store_calls_in_flight{kind="change"}`:                 0,
		`boxoffice_store_calls_in_flight{kind="read"}`:                   0,
		`boxoffice_store_calls_in_flight{kind="list"}`:                   0,
		`boxoffice_store_queued_commands`:                                0,

		`boxoffice_redis_up`: 1,
		fmt.Sprintf(`boxoffice_build_info{version=%q}`, version()): 1,
		`boxoffice_store_info{engine="embedded"}`:                  1,
	})
}

// watched is a store with the given health.
type watched func(context.Context) error

func (w watched) Health(ctx context.Context) store.Health {
	if err := w(ctx); err != nil {
		return away(err.Error())
	}
	return store.Health{}
}
func (watched) GraceLeft() time.Duration { return 7 * time.Second }

func (watched) Stats() store.Stats {
	return store.Stats{
		InFlight: map[store.Kind]int64{"list": 6},
		Queued:   1, Connections: 2, IdleConnections: 3, StaleConnections: 4, PoolTimeouts: 5,
	}
}
func (watched) Engine() store.Engine { return store.EngineCluster }

// A scrape is answered although Redis is away, or hangs, and says so.
func TestMetricsOfRedisThatIsAway(t *testing.T) {
	for name, ping := range map[string]watched{"away": func(context.Context) error { return errors.New("away") }, "hangs": hang} {
		measured, url := measure(t)
		w := newTestWatcher(ping.Health)
		w.timeout = 20 * time.Millisecond
		scrape(t, url).check(t, samples{`boxoffice_redis_up`: 0, `boxoffice_redis_condition{kind="unreachable"}`: 1}) // it starts
		measured.watch(ping, w.health)
		found := scrape(t, url)
		found.check(t, samples{
			`boxoffice_redis_up`:                             0,
			`boxoffice_redis_condition{kind="unreachable"}`:  1,
			`boxoffice_redis_condition{kind="storage_full"}`: 0,
			`boxoffice_store_info{engine="redis cluster"}`:   1,
			`boxoffice_store_calls_in_flight{kind="list"}`:   6,
			`boxoffice_store_queued_commands`:                1,
			`boxoffice_redis_connections`:                    2,
			`boxoffice_redis_idle_connections`:               3,
			`boxoffice_redis_stale_connections_total`:        4,
			`boxoffice_redis_pool_timeouts_total`:            5,
		})
		if waited := found["boxoffice_redis_check_seconds"]; name == "hangs" && waited < .02 {
			t.Errorf("a check that hangs took %v s", waited)
		}
	}
}

// hang waits for the end of ctx.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
