package main

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// metrics parses the setting METRICS.
func (c *config) metrics() (measuring, error) {
	if on, err := strconv.ParseBool(c.Metrics); err == nil {
		return measuring{on: on}, nil
	}
	if _, _, err := net.SplitHostPort(c.Metrics); err != nil {
		return measuring{}, errors.New("not true, false or the host:port of a listener")
	}
	return measuring{on: true, address: c.Metrics}, nil
}

// checkObserved checks the settings for logs and metrics.
func (c *config) checkObserved(p *problems) {
	const leastSalt = 16 // bytes: a shorter one can be guessed, and the user ids with it
	p.requiref(c.LogUserSalt == "" || len(c.LogUserSalt) >= leastSalt, "LOG_USER_SALT", "fewer than %d characters", leastSalt)
	_, err := c.metrics()
	if err != nil {
		p.addf("METRICS", "%w", err)
	}
}

// measuring is the parsed setting METRICS.
type measuring struct {
	on      bool
	address string // of a separate listener; empty: served with the API
}

const namespace = "boxoffice"

// metrics is what is measured, and where it is served. If METRICS is false, everything but
// measuring is nil.
type metrics struct {
	measuring
	registry *prometheus.Registry
	requests *handlers.Metrics
	store    *storeMetrics
	keys     prometheus.Gauge
}

func newMetrics(c config) (*metrics, error) {
	asked, err := c.metrics()
	if err != nil || !asked.on {
		return &metrics{}, err
	}
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the label is the version that runs.",
		ConstLabels: prometheus.Labels{"version": version()},
	})
	build.Set(1)
	keys := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "api_keys_refused",
		Help: "1 while API_KEYS_FILE cannot be used, so that the API keys stay as they were.",
	})
	registry.MustRegister(build, keys, &storeWatch{},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &metrics{
		measuring: asked, registry: registry,
		requests: handlers.NewMetrics(registry), store: newStoreMetrics(registry), keys: keys,
	}, nil
}

// keysRefused notes whether API_KEYS_FILE could be used.
func (m *metrics) keysRefused(refused bool) {
	if m.keys == nil {
		return
	}
	m.keys.Set(0)
	if refused {
		m.keys.Set(1)
	}
}

// observer is nil, and not a nil inside an interface, if nothing is measured.
func (m *metrics) observer() store.Observer { //nolint:ireturn // a nil of one type is not nil of the other
	if m.store == nil {
		return nil
	}
	return m.store
}

// watch measures the store at each scrape. Until it is called, Redis is not up.
func (m *metrics) watch(s watchedStore, health func(context.Context) store.Health) {
	if m.registry != nil {
		m.registry.Unregister(&storeWatch{})
		m.registry.MustRegister(&storeWatch{store: s, health: health})
	}
}

// handler answers a scrape.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, // each may check Redis
		Registry:            m.registry,
	})
}

// alongside is what serves /metrics with the API, or nil.
func (m *metrics) alongside() http.Handler {
	if !m.on || m.address != "" {
		return nil
	}
	return m.handler()
}

// serve answers scrapes on a separate listener, if METRICS names one, until stop is
// called. That is after the drain, so that the drain is measured too.
func (m *metrics) serve(ctx context.Context, c config, log *logrus.Logger) (stop func(), err error) {
	if m.address == "" {
		return func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", m.address)
	if err != nil {
		return nil, fmt.Errorf("setting METRICS: %w", err)
	}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", m.handler())
	errorLog := log.WriterLevel(logrus.WarnLevel)
	server := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		ErrorLog:          stdlog.New(errorLog, "http: ", 0),
	}
	log.Infof("serving metrics on http://%s/metrics", listener.Addr())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.WithError(err).Error("stopped serving metrics")
		}
	}()
	return func() {
		_ = server.Close()
		<-ended
		_ = errorLog.Close()
	}, nil
}
