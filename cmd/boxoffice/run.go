package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// run listens, opens the store, serves until ctx ends, and drains. While it waits for Redis,
// it is alive and not ready. Once it serves bookings, it sends its address on serving, unless
// that is nil.
func run(ctx context.Context, c config, output io.Writer, serving chan<- string) error {
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
	stopMetrics, err := measured.serve(ctx, c, log)
	if err != nil {
		return err
	}
	defer stopMetrics()

	api := handlers.New(handlers.Options{
		Log:            log,
		RequestTimeout: c.RequestTimeout,
		AccessLog:      c.AccessLog,
		LogUserSalt:    c.LogUserSalt,
		Metrics:        measured.requests,
		ScrapeHandler:  measured.alongside(),
		RateLimit:      c.RateLimit,
		APIKeys:        keys,
		OpenToAll:      c.Auth == authOff,
		TrustedProxies: c.trustedProxies(),
		CORSOrigins:    c.CORSOrigins,
		Version:        version(),
	})
	reloader := &keyReloader{config: c, log: log, use: api.SetAPIKeys, measure: measured.keysRefused, keys: keys}
	defer reloader.start(ctx, keysInterval)()
	server, err := listen(ctx, c, api, log)
	if err != nil {
		return err
	}
	defer server.close()
	return operate(ctx, c, api, server, measured, serving)
}

// operate opens the store and serves it until ctx ends.
func operate(ctx context.Context, c config, api *handlers.API, server *server, measured *metrics, serving chan<- string) error {
	log := server.log
	s, err := awaitStore(ctx, c, log.WithField("address", "http://"+server.address()), measured.observer())
	switch {
	case err != nil && ctx.Err() != nil: // it is to end before it has begun
		return server.drain(ctx, c, api)
	case err != nil:
		return err
	}
	defer func() {
		if err := s.Close(); err != nil {
			log.WithError(err).Warn("could not close the store")
		}
	}()
	identify(ctx, c, s, log)
	w := newWatcher(s.Health, c.ReadyTimeout, log)
	measured.watch(s, w.health)
	w.check(ctx)
	var background sync.WaitGroup
	watching, stopWatching := context.WithCancel(ctx)
	background.Go(func() { w.run(watching, c.RedisCheckInterval, s.Degraded()) })
	background.Go(func() { s.Work(watching, c.ExpiryGrace) })
	defer background.Wait()
	defer stopWatching()

	api.Connect(s, string(s.Engine()), w.health)
	log.Infof("listening on http://%s", server.address())
	if serving != nil {
		serving <- server.address()
	}
	select {
	case err := <-server.served:
		return err
	case <-ctx.Done():
		return server.drain(ctx, c, api)
	}
}

// identify has the store note which one it is, so that another in its place is noticed.
func identify(ctx context.Context, c config, s *store.Store, log *logrus.Logger) {
	ctx, cancel := context.WithTimeout(ctx, c.ReadyTimeout)
	defer cancel()
	if id := s.Identify(ctx, c.RedisStoreID); id != "" {
		log.WithField("store", id).Info("the store that this service knows")
	}
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

// startTry is how long one try to reach Redis takes, after which the log says why it was not
// reached; the first is shorter, so that it says so soon.
const (
	firstStartTry = time.Second
	startTry      = 5 * time.Second
)

// awaitStore opens the store, and waits for a Redis that is away or loading: as long as
// REDIS_START_TIMEOUT allows, or for good. What waiting does not mend is an error at once.
func awaitStore(ctx context.Context, c config, log *logrus.Entry, observer store.Observer) (*store.Store, error) {
	if c.RedisStartTimeout > 0 {
		return openStore(ctx, c, c.RedisStartTimeout, log.Logger, observer)
	}
	for try := firstStartTry; ; try = startTry {
		s, err := openStore(ctx, c, try, log.Logger, observer)
		if !errors.Is(err, errNotInTime) || ctx.Err() != nil {
			return s, err
		}
		log.WithError(err).Warn("waiting for Redis: alive, and not ready")
	}
}

var errNotInTime = errors.New("not reached in time")

func openStore(
	ctx context.Context, c config, timeout time.Duration, log *logrus.Logger, observer store.Observer,
) (*store.Store, error) {
	redis, err := c.redis()
	if err != nil {
		return nil, err
	}
	redis.Observer = observer
	starting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s, err := store.Open(starting, redis)
	switch {
	case errors.Is(err, store.ErrCannotSync):
		return nil, fmt.Errorf("setting DURABILITY: %s is not possible here: %w", c.Durability, err)
	case err != nil && starting.Err() != nil:
		return nil, fmt.Errorf("%w: %w", errNotInTime, err)
	case err != nil:
		return nil, err
	}
	log.WithFields(logrus.Fields{"engine": s.Engine(), "addresses": redis.Addrs, "durability": c.Durability}).Info("connected to the store")
	return s, nil
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
