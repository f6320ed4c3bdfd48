package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/store"
)

const (
	metricsPath = "/metrics"
	namespace   = "boxoffice"

	// Labels in place of what clients make up, which would be ever new ones.
	unmatched   = "unmatched" // a path that no route takes
	otherMethod = "other"     // a method that its path does not take
)

// Metrics measures requests. What a request counts in is looked up at the start, so that it
// costs an atomic addition or two.
type Metrics struct {
	inFlight    prometheus.Gauge
	requests    *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	unmatched   *measuredRoute
	bookings    *outcomes
	cancelled   *outcomes
	holds       *outcomes
	confirmed   *outcomes
	waitingList prometheus.Histogram
}

// NewMetrics registers new metrics. It panics if the registry has metrics of these names.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "http_requests_in_flight",
			Help: "Requests being answered now.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_requests_total",
			Help: "Requests answered, by route, method and status code.",
		}, []string{"route", "method", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds",
			Help:    "Time from the end of a request's headers to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method"}),
		bookings: newOutcomes("bookings_total", "Booking requests, by outcome: confirmed, waiting, replayed (a repetition, "+
			"which got the first answer again), or the code of the problem.",
			string(store.StatusConfirmed), string(store.StatusWaiting), outcomeReplayed),
		cancelled: newOutcomes("cancellations_total", "Cancellation requests, by outcome: cancelled, replayed (already "+
			"cancelled before), or the code of the problem.",
			outcomeCancelled, outcomeReplayed),
		holds: newOutcomes("holds_total", "Requests to hold tickets, by outcome: held, replayed, or the code of the problem.",
			string(store.StatusHeld), outcomeReplayed),
		confirmed: newOutcomes("confirmations_total", "Confirmations of holds and offers, by outcome: confirmed, late (after the "+
			"deadline), replayed (already confirmed before), or the code of the problem.",
			string(store.StatusConfirmed), outcomeLate, outcomeReplayed),
		waitingList: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "waiting_list_length",
			Help:    "Length of an event's waiting list when a booking joined it, that booking included.",
			Buckets: []float64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000},
		}),
	}
	m.unmatched = m.route(unmatched, otherMethod)
	registry.MustRegister(m.inFlight, m.requests, m.durations, m.bookings.vector, m.cancelled.vector, m.holds.vector, m.confirmed.vector,
		m.waitingList)
	return m
}

// outcomesOf returns what counts the outcomes of a request, or nil.
func (m *Metrics) outcomesOf(request any) *outcomes {
	if m == nil {
		return nil
	}
	switch request.(type) {
	case *store.BookRequest:
		return m.bookings
	case *store.HoldRequest:
		return m.holds
	case *store.CancelRequest, *store.CancelOldestRequest:
		return m.cancelled
	case *confirmRequest:
		return m.confirmed
	}
	return nil
}

// answered counts a request.
func (m *Metrics) answered(info *requestInfo, took time.Duration) {
	matched := info.route
	if matched == nil {
		matched = m.unmatched
	}
	matched.requests(m, info.status).Inc()
	matched.duration.Observe(took.Seconds())
	if info.counts != nil && info.outcome != "" {
		info.counts.count(info.outcome)
	}
}

const (
	leastStatus = 200
	mostStatus  = 599
)

// measuredRoute is a path's template and a method, with the metrics that have these labels.
type measuredRoute struct {
	path, method string
	duration     prometheus.Observer
	byStatus     [mostStatus - leastStatus + 1]atomic.Pointer[prometheus.Counter]
}

func (m *Metrics) route(path, method string) *measuredRoute {
	r := &measuredRoute{path: path, method: method, duration: m.durations.WithLabelValues(path, method)}
	for _, alarming := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		r.requests(m, alarming) // made at the start, so that the first request is seen as an increase
	}
	return r
}

// requests is the counter of a status, made when the status first occurs.
func (r *measuredRoute) requests(m *Metrics, status int) prometheus.Counter { //nolint:ireturn // it is the library's type
	known := &r.byStatus[min(max(status, leastStatus), mostStatus)-leastStatus]
	if counter := known.Load(); counter != nil {
		return *counter
	}
	counter := m.requests.WithLabelValues(r.path, r.method, strconv.Itoa(status))
	known.Store(&counter)
	return counter
}

// outcomes counts requests of one kind by their outcome.
type outcomes struct {
	vector *prometheus.CounterVec
	known  map[string]prometheus.Counter
}

// newOutcomes makes a counter for each success and each problem at the start, so that the
// first request is seen as an increase.
func newOutcomes(name, help string, successes ...string) *outcomes {
	o := &outcomes{
		vector: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, []string{"outcome"}),
		known:  map[string]prometheus.Counter{},
	}
	for _, outcome := range slices.Concat(successes, problemCodes()) {
		o.known[outcome] = o.vector.WithLabelValues(outcome)
	}
	return o
}

// count must be given only outcomes and codes of this program, as they become labels.
func (o *outcomes) count(outcome string) {
	counter, found := o.known[outcome]
	if !found {
		counter = o.vector.WithLabelValues(outcome)
	}
	counter.Inc()
}

var plainMethods = []string{
	http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions,
}

// methodLabel is the method, or "other" for one that a client made up.
func methodLabel(method string) string {
	if slices.Contains(plainMethods, method) {
		return method
	}
	return otherMethod
}
