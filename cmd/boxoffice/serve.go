package main

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

// idleGrace is how long a kept-alive connection must have been silent since SIGTERM before it
// is closed without a word. Whatever uses one that long after its last request has to expect
// it closed, as by IDLE_TIMEOUT.
const idleGrace = 5 * time.Second

// server is the HTTP server, which can end without cutting anybody off.
type server struct {
	http     *http.Server
	listener *drainable
	served   chan error // holds what Serve returned
	log      *logrus.Logger
	close    func()

	mutex sync.Mutex
	open  map[net.Conn]bool
	none  chan struct{} // closed when there are no open connections and no more are accepted; nil before
}

// listen binds the address and serves.
func listen(ctx context.Context, c config, api *handlers.API, log *logrus.Logger) (*server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	errorLog := log.WriterLevel(logrus.WarnLevel)
	s := &server{listener: &drainable{Listener: listener}, served: make(chan error, 1), log: log, open: map[net.Conn]bool{}}
	s.http = &http.Server{
		Handler:           api,
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		ErrorLog:          stdlog.New(errorLog, "http: ", 0),
		ConnState:         s.note,
	}
	s.close = func() {
		_ = s.http.Close()
		_ = errorLog.Close()
	}
	go func() { s.served <- s.http.Serve(s.listener) }()
	return s, nil
}

func (s *server) address() string { return s.listener.Addr().String() }

// note keeps account of the open connections.
func (s *server) note(connection net.Conn, state http.ConnState) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch state {
	case http.StateNew:
		s.open[connection] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.open, connection)
		if s.none != nil && len(s.open) == 0 {
			close(s.none)
			s.none = nil
		}
	case http.StateActive, http.StateIdle:
	}
}

// drain ends the server. From now on every answer tells its client to close the connection.
// After DRAIN_DELAY no more are accepted; those that are open stay so until they have been
// told, or have been silent for idleGrace, and requests in flight until SHUTDOWN_TIMEOUT.
func (s *server) drain(ctx context.Context, c config, api *handlers.API) error {
	s.log.Info("draining")
	api.Drain()
	time.Sleep(c.DrainDelay)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	s.listener.stop()
	err := <-s.served
	if !errors.Is(err, net.ErrClosed) {
		return err
	}
	s.awaitTold(ending, idleGrace-c.DrainDelay)
	if err := s.http.Shutdown(ending); err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", c.ShutdownTimeout, err)
	}
	s.log.Info("stopped")
	return nil
}

// awaitTold waits until all connections are closed, or the time is over.
func (s *server) awaitTold(ctx context.Context, grace time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, max(0, grace))
	defer cancel()
	none := make(chan struct{})
	s.mutex.Lock()
	if len(s.open) == 0 {
		close(none)
	} else {
		s.none = none
	}
	s.mutex.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
