package handlers

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/store"
)

// storeMetrics is what the store tells of its calls.
type storeMetrics struct {
	tries      *prometheus.HistogramVec
	errors     *prometheus.CounterVec
	retries    *prometheus.CounterVec
	unanswered *prometheus.CounterVec
	batches    prometheus.Histogram
	promotions prometheus.Counter
	known      map[string]storeCall
}

// storeCall is the metrics of one kind of call, looked up once.
type storeCall struct {
	tries      prometheus.Observer
	retries    prometheus.Counter
	unanswered prometheus.Counter
}

func newStoreMetrics() storeMetrics {
	call := []string{"call"}
	m := storeMetrics{
		tries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_call_duration_seconds",
			Help:    "Each try of a script, or of a read, with its wait for a place in a pipeline; its count is the tries.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, call),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_call_errors_total",
			Help: "Tries that got no answer, by reason: timeout, connection, pool, unacknowledged (too few replicas, or the disk, " +
				"had it in time), cancelled (the client left), the word of Redis, or error.",
		}, []string{"call", "reason"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_call_retries_total",
			Help: "Tries that repeated one before that got no answer.",
		}, call),
		unanswered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_unknown_outcomes_total",
			Help: "Calls that got no answer at all within their time: a change may have been made or not.",
		}, call),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_batch_commands",
			Help:    "Commands in each pipeline to a Redis node; its count is the pipelines.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		promotions: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "promotions_total",
			Help: "Waiting bookings that this instance's calls confirmed.",
		}),
		known: map[string]storeCall{},
	}
	for _, name := range store.ScriptNames() {
		m.known[name] = m.call(name)
	}
	return m
}

func (m storeMetrics) call(name string) storeCall {
	return storeCall{m.tries.WithLabelValues(name), m.retries.WithLabelValues(name), m.unanswered.WithLabelValues(name)}
}

// named finds the metrics of a call; those of scripts are there from the start.
func (m storeMetrics) named(name string) storeCall {
	if call, found := m.known[name]; found {
		return call
	}
	return m.call(name)
}

func (m storeMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.tries, m.errors, m.retries, m.unanswered, m.batches, m.promotions}
}

var _ store.Observer = (*Metrics)(nil)

// Tried is of store.Observer, as are Unanswered, Sent and Promoted.
func (m storeMetrics) Tried(call string, attempt int, took time.Duration, reason string) {
	known := m.named(call)
	known.tries.Observe(took.Seconds())
	if attempt > 1 {
		known.retries.Inc()
	}
	if reason != "" {
		m.errors.WithLabelValues(call, reason).Inc()
	}
}

// Unanswered counts a call whose outcome is not known.
func (m storeMetrics) Unanswered(call string) { m.named(call).unanswered.Inc() }

// Sent counts a pipeline.
func (m storeMetrics) Sent(commands int) { m.batches.Observe(float64(commands)) }

// Promoted counts bookings that were confirmed from the waiting list.
func (m storeMetrics) Promoted(bookings int64) { m.promotions.Add(float64(bookings)) }

// WatchedStore is asked at each scrape.
type WatchedStore interface {
	Health(ctx context.Context) store.Health
	Stats() store.Stats
	Engine() store.Engine
}

// Watch adds what is asked of the store at each scrape: whether it can book, which
// may take as long as timeout, and how busy the connections are. It may be called once.
func (m *Metrics) Watch(watched WatchedStore, timeout time.Duration) {
	m.registry.MustRegister(&storeWatch{watched, timeout})
}

// storeWatch collects at the time of a scrape.
type storeWatch struct {
	store   WatchedStore
	timeout time.Duration
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	storeInfo        = describe("store_info", "Always 1; the label tells what the store runs on.", "engine")
	redisUp          = describe("redis_up", "1 if Redis told this scrape, in time, that it takes bookings.")
	redisCheck       = describe("redis_check_seconds", "How long that took, or was waited for.")
	queuedCommands   = describe("store_queued_commands", "Commands that wait for a place in a pipeline.")
	connections      = describe("redis_connections", "Open connections to Redis, all nodes.")
	idleConnections  = describe("redis_idle_connections", "Open connections to Redis that are not in use.")
	staleConnections = describe("redis_stale_connections_total", "Connections that were closed because they had gone bad.")
	poolTimeouts     = describe("redis_pool_timeouts_total", "Times that no connection came free in time.")
)

// Describe is of prometheus.Collector, as is Collect.
func (s *storeWatch) Describe(all chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{
		storeInfo, redisUp, redisCheck, queuedCommands, connections, idleConnections, staleConnections, poolTimeouts,
	} {
		all <- one
	}
}

// Collect asks the store.
func (s *storeWatch) Collect(values chan<- prometheus.Metric) {
	start, up := time.Now(), 1.0
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	if !s.store.Health(ctx).Ready() {
		up = 0
	}
	took := time.Since(start)
	stats := s.store.Stats()
	gauge := func(what *prometheus.Desc, value float64) {
		values <- prometheus.MustNewConstMetric(what, prometheus.GaugeValue, value)
	}
	counter := func(what *prometheus.Desc, value uint32) {
		values <- prometheus.MustNewConstMetric(what, prometheus.CounterValue, float64(value))
	}
	values <- prometheus.MustNewConstMetric(storeInfo, prometheus.GaugeValue, 1, string(s.store.Engine()))
	gauge(redisUp, up)
	gauge(redisCheck, took.Seconds())
	gauge(queuedCommands, float64(stats.Queued))
	gauge(connections, float64(stats.Connections))
	gauge(idleConnections, float64(stats.IdleConnections))
	counter(staleConnections, stats.StaleConnections)
	counter(poolTimeouts, stats.PoolTimeouts)
}
