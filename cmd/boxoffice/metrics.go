package main

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// metrics parses the setting METRICS.
func (c config) metrics() (measuring, error) {
	if on, err := strconv.ParseBool(c.Metrics); err == nil {
		return measuring{on: on}, nil
	}
	if _, _, err := net.SplitHostPort(c.Metrics); err != nil {
		return measuring{}, fmt.Errorf("%q is not true, false or a host:port", c.Metrics)
	}
	return measuring{on: true, address: c.Metrics}, nil
}

// checkObserved checks the settings for logs and metrics.
func (c config) checkObserved() error {
	const leastSalt = 16 // bytes: a shorter one can be guessed, and the user ids with it
	if c.LogUserSalt != "" && len(c.LogUserSalt) < leastSalt {
		return fmt.Errorf("setting LOG_USER_SALT: fewer than %d characters", leastSalt)
	}
	if _, err := c.metrics(); err != nil {
		return fmt.Errorf("setting METRICS: %w", err)
	}
	return nil
}

// measuring is the parsed setting METRICS.
type measuring struct {
	on      bool
	address string // of a separate listener; empty: served with the API
}

// metrics is what is measured, and where it is served. Its Metrics are nil if METRICS is
// false.
type metrics struct {
	*handlers.Metrics
	measuring
}

func newMetrics(c config) (*metrics, error) {
	asked, err := c.metrics()
	if err != nil || !asked.on {
		return &metrics{}, err
	}
	return &metrics{handlers.NewMetrics(version()), asked}, nil
}

// observer is nil, and not a nil inside an interface, if nothing is measured.
func (m *metrics) observer() store.Observer { //nolint:ireturn // a nil of one type is not nil of the other
	if m.Metrics == nil {
		return nil
	}
	return m.Metrics
}

// watch checks the store at each scrape.
func (m *metrics) watch(s *store.Store, timeout time.Duration) {
	if m.Metrics != nil {
		m.Watch(s, timeout)
	}
}

// alongside reports whether /metrics is served with the API.
func (m *metrics) alongside() bool { return m.on && m.address == "" }

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
	routes.Handle("GET /metrics", m.Handler())
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
