package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// run opens the store, serves until ctx ends, and drains. Once it listens, it sends its
// address on listening, unless that is nil.
func run(ctx context.Context, c config, output io.Writer, listening chan<- string) error {
	log, err := newLogger(c, output)
	if err != nil {
		return err
	}
	keys, err := c.accessKeys(log)
	if err != nil {
		return err
	}
	// The library's complaints also come back as errors, and are logged there.
	store.ClientLog(func(message string) { log.WithField("from", "redis client").Debug(message) })
	measured, err := newMetrics(c)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, c, log, measured.observer())
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(); err != nil {
			log.WithError(err).Warn("could not close the store")
		}
	}()

	measured.watch(s, c.ReadyTimeout)
	stopMetrics, err := measured.serve(ctx, c, log)
	if err != nil {
		return err
	}
	defer stopMetrics()

	w := newWatcher(s.Health, c.ReadyTimeout, log)
	w.check(ctx)
	var background sync.WaitGroup
	watching, stopWatching := context.WithCancel(ctx)
	background.Go(func() { w.run(watching, c.RedisCheckInterval, s.Degraded()) })
	defer background.Wait()
	defer stopWatching()

	api := handlers.New(handlers.Options{
		Store:          s,
		Log:            log,
		RequestTimeout: c.RequestTimeout,
		AccessLog:      c.AccessLog,
		LogUserSalt:    c.LogUserSalt,
		Metrics:        measured.requests,
		ScrapeHandler:  measured.alongside(),
		RateLimit:      c.RateLimit,
		APIKeys:        keys,
		TrustedProxies: c.trustedProxies(),
		CORSOrigins:    c.CORSOrigins,
		Health:         w.health,
		Engine:         string(s.Engine()),
		Version:        version(),
	})
	return serve(ctx, c, api, log, listening)
}

func newLogger(c config, output io.Writer) (*logrus.Logger, error) {
	level, err := logrus.ParseLevel(c.LogLevel)
	if err != nil {
		return nil, err
	}
	log := logrus.New()
	log.SetOutput(output)
	log.SetLevel(level)
	if c.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	}
	return log, nil
}

func openStore(ctx context.Context, c config, log *logrus.Logger, observer store.Observer) (*store.Store, error) {
	redis, err := c.redis()
	if err != nil {
		return nil, err
	}
	redis.Observer = observer
	starting, cancel := context.WithTimeout(ctx, c.RedisStartTimeout)
	defer cancel()
	s, err := store.Open(starting, redis)
	if errors.Is(err, store.ErrCannotSync) {
		return nil, fmt.Errorf("setting DURABILITY: %s is not possible here: %w", c.Durability, err)
	}
	if err != nil {
		return nil, err
	}
	log.WithFields(logrus.Fields{"engine": s.Engine(), "addresses": redis.Addrs, "durability": c.Durability}).Info("connected to the store")
	return s, nil
}

func serve(ctx context.Context, c config, api *handlers.API, log *logrus.Logger, listening chan<- string) error {
	errorLog := log.WriterLevel(logrus.WarnLevel)
	defer func() { _ = errorLog.Close() }()
	server := &http.Server{
		Handler:           api,
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		ErrorLog:          stdlog.New(errorLog, "http: ", 0),
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return err
	}
	log.Infof("listening on http://%s", listener.Addr())
	if listening != nil {
		listening <- listener.Addr().String()
	}

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	log.Info("draining")
	api.Drain()
	time.Sleep(c.DrainDelay)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		_ = server.Close()
		return fmt.Errorf("requests were still in flight after %s: %w", c.ShutdownTimeout, err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	log.Info("stopped")
	return nil
}

// version is the module's version and commit, as far as the build recorded them.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return strings.TrimSpace(info.Main.Version + " " + setting.Value)
		}
	}
	return info.Main.Version
}
