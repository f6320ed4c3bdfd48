package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/store"
)

// storeMetrics is what the store does with Redis: it is a store.Observer.
type storeMetrics struct {
	attempts     *prometheus.HistogramVec
	errors       *prometheus.CounterVec
	retries      *prometheus.CounterVec
	unanswered   *prometheus.CounterVec
	batches      prometheus.Histogram
	promotions   prometheus.Counter
	expiries     prometheus.Counter
	unregistered prometheus.Counter
	known        map[string]storeCall
}

var _ store.Observer = (*storeMetrics)(nil)

// storeCall is the metrics of one kind of call, looked up once.
type storeCall struct {
	attempts   prometheus.Observer
	retries    prometheus.Counter
	unanswered prometheus.Counter
}

func newStoreMetrics(registry prometheus.Registerer) *storeMetrics {
	call := []string{"call"}
	m := &storeMetrics{
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_call_duration_seconds",
			Help:    "Duration of each attempt at a script or a read, its wait for a place in a pipeline included; its count is the attempts.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, call),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_call_errors_total",
			Help: "Attempts without a reply, by reason: timeout, connection, pool, unacknowledged (not on enough replicas, or not " +
				"on disk, in time), cancelled (the client hung up), the first word of an error of Redis, or error.",
		}, []string{"call", "reason"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_call_retries_total",
			Help: "Attempts that repeated one without a reply.",
		}, call),
		unanswered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_unknown_outcomes_total",
			Help: "Calls without any reply in time: the change may or may not have been made.",
		}, call),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "store_batch_commands",
			Help:    "Commands in each pipeline sent to a Redis node; its count is the pipelines.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		promotions: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "promotions_total",
			Help: "Waiting bookings confirmed, or offered their tickets, by calls of this instance.",
		}),
		expiries: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "expiries_total",
			Help: "Holds and offers that this instance ended at their deadlines.",
		}),
		unregistered: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "work_unregistered_total",
			Help: "Changes whose later work could not be noted before: it may be done late, by the hourly walk.",
		}),
		known: map[string]storeCall{},
	}
	for _, name := range store.ScriptNames() {
		m.known[name] = m.lookUp(name)
	}
	registry.MustRegister(m.attempts, m.errors, m.retries, m.unanswered, m.batches, m.promotions, m.expiries, m.unregistered)
	return m
}

func (m *storeMetrics) lookUp(name string) storeCall {
	return storeCall{
		attempts:   m.attempts.WithLabelValues(name),
		retries:    m.retries.WithLabelValues(name),
		unanswered: m.unanswered.WithLabelValues(name),
	}
}

// call returns the metrics of a call; those of scripts were looked up at the start.
func (m *storeMetrics) call(name string) storeCall {
	if call, found := m.known[name]; found {
		return call
	}
	return m.lookUp(name)
}

// Tried measures one attempt.
func (m *storeMetrics) Tried(name string, attempt int, took time.Duration, reason string) {
	call := m.call(name)
	call.attempts.Observe(took.Seconds())
	if attempt > 1 {
		call.retries.Inc()
	}
	if reason != "" {
		m.errors.WithLabelValues(name, reason).Inc()
	}
}

// Unanswered counts a call whose outcome is not known.
func (m *storeMetrics) Unanswered(name string) { m.call(name).unanswered.Inc() }

// Sent counts a pipeline.
func (m *storeMetrics) Sent(commands int) { m.batches.Observe(float64(commands)) }

// Promoted counts bookings that were confirmed from the waiting list.
func (m *storeMetrics) Promoted(bookings int64) { m.promotions.Add(float64(bookings)) }

// Unregistered is part of store.Observer.
func (m *storeMetrics) Unregistered() { m.unregistered.Inc() }

// Expired is part of store.Observer.
func (m *storeMetrics) Expired(bookings int64) { m.expiries.Add(float64(bookings)) }

// watchedStore is what a scrape asks of a store.
type watchedStore interface {
	Stats() store.Stats
	Engine() store.Engine
	GraceLeft() time.Duration
}

// storeWatch asks at each scrape whether the store can book, which may take as long as a check
// of Redis, and how busy the connections are.
type storeWatch struct {
	store  watchedStore // nil: Redis has not been reached yet
	health func(context.Context) store.Health
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

var (
	storeInfo        = describe("store_info", "Always 1; the label is what the store runs on.", "engine")
	redisUp          = describe("redis_up", "1 if the last check of Redis, at most a second ago, found that it takes changes.")
	redisCondition   = describe("redis_condition", "1 while this is wrong with Redis: bookings are refused, or may be lost.", "kind")
	redisCheck       = describe("redis_check_seconds", "How long this scrape waited for the check behind boxoffice_redis_up.")
	callsInFlight    = describe("store_calls_in_flight", "Calls under way, those that wait for their turn included.", "kind")
	graceLeft        = describe("expiry_grace_seconds", "For how long holds and offers do not expire yet, because Redis was away.")
	queuedCommands   = describe("store_queued_commands", "Commands waiting for a place in a pipeline.")
	connections      = describe("redis_connections", "Open connections to Redis, over all nodes.")
	idleConnections  = describe("redis_idle_connections", "Open connections to Redis that are not in use, over all nodes.")
	staleConnections = describe("redis_stale_connections_total", "Connections to Redis closed because they had gone bad.")
	poolTimeouts     = describe("redis_pool_timeouts_total", "Times that no connection to Redis came free in time.")
)

// Describe implements prometheus.Collector, as does Collect.
func (s *storeWatch) Describe(descriptions chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{
		storeInfo, redisUp, redisCondition, redisCheck, callsInFlight, graceLeft, queuedCommands,
		connections, idleConnections, staleConnections, poolTimeouts,
	} {
		descriptions <- one
	}
}

// Collect asks the store.
func (s *storeWatch) Collect(values chan<- prometheus.Metric) {
	if s.store == nil {
		values <- prometheus.MustNewConstMetric(redisUp, prometheus.GaugeValue, 0)
		conditions(values, store.Health{Conditions: []store.Condition{{Kind: store.Unreachable}}})
		return
	}
	start, up := time.Now(), 1.0
	health := s.health(context.Background())
	if !health.Ready() {
		up = 0
	}
	conditions(values, health)
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
	for kind, calls := range stats.InFlight {
		values <- prometheus.MustNewConstMetric(callsInFlight, prometheus.GaugeValue, float64(calls), string(kind))
	}
	gauge(graceLeft, s.store.GraceLeft().Seconds())
	gauge(queuedCommands, float64(stats.Queued))
	gauge(connections, float64(stats.Connections))
	gauge(idleConnections, float64(stats.IdleConnections))
	counter(staleConnections, stats.StaleConnections)
	counter(poolTimeouts, stats.PoolTimeouts)
}

// conditions gives every kind, those that do not hold too: an alert can only be over if the
// figure is there.
func conditions(values chan<- prometheus.Metric, health store.Health) {
	for _, kind := range store.ConditionKinds() {
		holds := 0.0
		if health.Has(kind) {
			holds = 1
		}
		values <- prometheus.MustNewConstMetric(redisCondition, prometheus.GaugeValue, holds, string(kind))
	}
}
