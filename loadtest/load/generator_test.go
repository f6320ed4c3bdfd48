package load_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// steady books for a new user each time.
type steady struct {
	user     atomic.Uint64
	answered atomic.Int64
}

func (s *steady) Next(_ int64, request *service.Request) bool {
	*request = service.Request{Kind: service.Book, User: s.user.Add(1), Quantity: 1}
	return true
}

func (s *steady) Answered(*load.Entry) { s.answered.Add(1) }

const bookedBody = `{"bookingId":"00000000-0001-8bbb-8bbb-000000000001","status":"Confirmed","version":2}`

func serve(t *testing.T, before func()) service.Target {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if before != nil {
			before()
		}
		_, _ = w.Write([]byte(bookedBody))
	}))
	t.Cleanup(server.Close)
	target, err := service.ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func measure(t *testing.T, options load.Options, span load.Span) (*load.Collector, *load.Ledger) {
	t.Helper()
	generator := load.New(options)
	defer generator.Close()
	collector := load.NewCollector(generator)
	stop := collector.Collect(nil)
	ledger := generator.Run(context.Background(), &steady{}, span)
	stop()
	return collector, ledger
}

// A second in which the server stands still touches a tenth of a ten-second run. A
// generator that waits for answers before it sends more would show a few slow
// requests; measured from the due times, the p99 shows the second.
func TestStallIsNotOmitted(t *testing.T) {
	const rate, length = 500, 10 * time.Second
	var stalled sync.RWMutex
	target := serve(t, func() { stalled.RLock(); stalled.RUnlock() }) //nolint:staticcheck // waits for the stall's end
	time.AfterFunc(4500*time.Millisecond, func() {                    // ends in the middle of a second that is shown
		stalled.Lock()
		time.Sleep(time.Second)
		stalled.Unlock()
	})
	const connections = 16
	collector, ledger := measure(t,
		load.Options{Targets: []service.Target{target}, Connections: connections, InFlight: 10 * rate,
			Timeout: 5 * time.Second, Drain: 5 * time.Second},
		load.Span{Rate: rate, Duration: length})

	total := collector.Total
	if got := total.Requests(); got != rate*10 || total.Counts[service.Confirmed] != got || total.Dropped != 0 {
		t.Fatalf("%d requests, %d confirmed, %d dropped; want %d", got, total.Counts[service.Confirmed], total.Dropped, rate*10)
	}
	response, service := load.PercentilesOf(total.Response), load.PercentilesOf(total.Service)
	if response.P99 < 800 {
		t.Errorf("the p99 response time is %.0f ms: it hides a second's stall", response.P99)
	}
	// The service time shows that it was one stall: each connection saw it once.
	if service.Max < 800 {
		t.Errorf("the longest service time is %.0f ms", service.Max)
	}
	slow := 0
	for entry := range ledger.All {
		if entry.Done-entry.Sent > int64(800*time.Millisecond) {
			slow++
		}
	}
	if slow == 0 || slow > connections {
		t.Errorf("%d requests were slow to serve, there are %d connections", slow, connections)
	}
	worst := 0
	for _, second := range collector.Seconds {
		if second.Service.Max > 800 {
			worst++
		}
	}
	if worst != 1 {
		t.Errorf("the stall shows in %d seconds of the service time, not in one", worst)
	}
}

func TestDropsAreCounted(t *testing.T) {
	release := make(chan struct{})
	target := serve(t, func() { <-release })
	time.AfterFunc(1500*time.Millisecond, func() { close(release) })
	const rate, inFlight = 400, 100
	collector, ledger := measure(t,
		load.Options{Targets: []service.Target{target}, Connections: 4, InFlight: inFlight, Timeout: 5 * time.Second, Drain: 5 * time.Second},
		load.Span{Rate: rate, Duration: time.Second})
	requests, dropped := collector.Total.Requests(), collector.Total.Dropped
	if requests+dropped != rate || requests != int64(ledger.Len()) {
		t.Errorf("%d requests and %d dropped are not the %d that were due (ledger: %d)", requests, dropped, rate, ledger.Len())
	}
	// The first ones wait, those that come when the cap is reached are dropped.
	if requests < inFlight || requests > inFlight+rate/10 {
		t.Errorf("%d requests were sent, with %d in flight at most", requests, inFlight)
	}
	if most := load.PercentilesOf(collector.Total.Response).Max; most < 1000 {
		t.Errorf("the longest response time is %.0f ms: who waited longest was dropped", most)
	}
}

func TestClosedModelEndsWithItsArrivals(t *testing.T) {
	_, ledger := measure(t, load.Options{Targets: []service.Target{serve(t, nil)}, Connections: 3, Timeout: time.Second},
		load.Span{Arrivals: 100})
	if ledger.Len() != 100 {
		t.Errorf("%d requests, not 100", ledger.Len())
	}
}

func TestTargetsShareTheLoadAndStandInForEachOther(t *testing.T) {
	var first, second atomic.Int64
	a := serve(t, func() { first.Add(1) })
	b := serve(t, func() { second.Add(1) })
	gone, err := service.ParseTarget("http://127.0.0.1:1") // nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	collector, _ := measure(t, load.Options{Targets: []service.Target{a, gone, b}, Connections: 6, Timeout: time.Second},
		load.Span{Arrivals: 300})
	if collector.Total.Counts[service.Confirmed] != 300 || first.Load() == 0 || second.Load() == 0 {
		t.Errorf("counts %v, %d and %d served", collector.Total.Counts, first.Load(), second.Load())
	}
}
