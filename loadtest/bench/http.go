package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store"
	"boxoffice/store/redistest"
)

const (
	busyConnections = 64
	answerTimeout   = 10 * time.Second
)

// http measures the whole way of a booking, with generator, service and Redis on
// the same cores.
func (b *bench) http(ctx context.Context) error {
	limit, err := startLimit(ctx)
	if err != nil {
		return err
	}
	defer limit.stop()
	// With room for all connections of the plot: what the bound does, overload measures.
	everysec, err := startService(ctx, "everysec", fmt.Sprintf("MAX_IN_FLIGHT=%d", 2*slices.Max(b.parallel)))
	if err != nil {
		return err
	}
	defer everysec.stop()
	always, err := startService(ctx, "always")
	if err != nil {
		return err
	}
	defer always.stop()

	ceiling := func(s *server) func() (float64, error) {
		return func() (float64, error) { return s.ceiling(ctx, busyConnections, b.span) }
	}
	medians, err := rounds(b.rounds, ceiling(limit), ceiling(everysec), ceiling(always))
	if err != nil {
		return err
	}
	b.add(figure{"bookings accepted over HTTP / requests of L1", medians[1] / medians[0], "x", 0.6, true,
		fmt.Sprintf("%.0f/s, %d connections; L1, a handler that calls nothing, %.0f/s", medians[1], busyConnections, medians[0])})
	b.add(figure{"appendfsync always / everysec", medians[2] / medians[1], "x", 0.75, true,
		fmt.Sprintf("%.0f/s; everysec %.0f/s", medians[2], medians[1])})

	rate := medians[1] / 2
	times, err := rounds(b.rounds,
		func() (float64, error) { return limit.p99(ctx, rate, b.span) },
		func() (float64, error) { return everysec.p99(ctx, rate, b.span) })
	if err != nil {
		return err
	}
	b.add(figure{"p99 response time at half the ceiling / L1's", times[1] / times[0], "x", 3, false,
		fmt.Sprintf("%.2f ms at %.0f/s, open model; L1 %.2f ms", times[1], rate, times[0])})

	if err := b.byConnections(ctx, limit, everysec); err != nil {
		return err
	}

	// A fresh service, so that what the runs before left behind is not counted.
	fresh, err := startService(ctx, "everysec")
	if err != nil {
		return err
	}
	defer fresh.stop()
	megabytes, err := fresh.crowd(ctx, b.idle)
	if err != nil {
		return err
	}
	b.add(figure{"service memory with many open connections", megabytes, "MB", 400, false,
		fmt.Sprintf("%d connections, each of which booked", b.idle)})
	return nil
}

// byConnections measures the points of the plot.
func (b *bench) byConnections(ctx context.Context, limit, service *server) error {
	for _, connections := range b.parallel {
		medians, err := rounds(3,
			func() (float64, error) { return limit.ceiling(ctx, connections, b.span/2) },
			func() (float64, error) { return service.ceiling(ctx, connections, b.span/2) })
		if err != nil {
			return err
		}
		b.Limit = append(b.Limit, point{float64(connections), medians[0]})
		b.Service = append(b.Service, point{float64(connections), medians[1]})
	}
	return nil
}

// booker asks for a ticket of one event for a new user each time.
type booker struct {
	event service.ID
	users *atomic.Uint64
}

func (s booker) Next(_ int64, request *service.Request) bool {
	*request = service.Request{Kind: service.Book, Event: s.event, User: s.users.Add(1), Quantity: 1}
	return true
}

func (booker) Answered(*load.Entry) {}

// server is a process that is measured.
type server struct {
	process *process
	redis   *redistest.Server // nil: L1
	replica *redistest.Server // nil: none
	target  service.Target
	event   service.ID
	users   atomic.Uint64
}

func (s *server) stop() {
	s.process.stop()
	if s.replica != nil {
		s.replica.Stop()
	}
	if s.redis != nil {
		s.redis.Stop()
	}
}

func startLimit(ctx context.Context) (*server, error) {
	self, err := startSelf(ctx)
	if err != nil {
		return nil, err
	}
	event, _ := service.ParseID("00000000-0001-8850-bd94-5d60d3b0a36a")
	target, err := service.ParseTarget(self.url)
	return &server{process: self, target: target, event: event}, err
}

// startService starts a Redis and the service on it, with these settings of it; where
// they are about durability, the Redis has a replica.
func startService(ctx context.Context, appendfsync string, settings ...string) (*server, error) {
	redis, err := redistest.Start("--appendfsync", appendfsync) //nolint:contextcheck // it takes none: stop() ends the server
	if err != nil {
		return nil, err
	}
	s := &server{redis: redis}
	for _, setting := range settings {
		if !strings.HasPrefix(setting, "DURABILITY=") {
			continue
		}
		if s.replica, err = startReplica(redis, appendfsync); err != nil { //nolint:contextcheck // as above
			redis.Stop()
			return nil, err
		}
	}
	if s.process, err = startBoxoffice(ctx, redis.Addr, settings...); err != nil {
		redis.Stop()
		return nil, err
	}
	opened, err := store.Open(ctx, store.Config{Addrs: []string{redis.Addr}})
	if err != nil {
		return s, err
	}
	defer func() { _ = opened.Close() }()
	result, err := opened.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "bench", TotalTickets: 1_000_000_000}})
	if err != nil {
		return s, err
	}
	s.event, _ = service.ParseID(result.Event.UUID.String())
	s.target, err = service.ParseTarget(s.process.url)
	return s, err
}

func (s *server) generator(connections int) *load.Generator {
	return load.New(load.Options{
		Targets: []service.Target{s.target}, Connections: connections, InFlight: 100_000,
		Timeout: answerTimeout, Drain: answerTimeout,
	})
}

// measure runs one load, and fails if anything but confirmed bookings came back.
func (s *server) measure(ctx context.Context, connections int, span load.Span) (*load.Measure, error) {
	g := s.generator(connections)
	defer g.Close()
	source := booker{s.event, &s.users}
	g.Run(ctx, source, load.Span{Duration: span.Duration / 4}) // connections open, code is warm
	g.Take()
	g.Run(ctx, source, span)
	measured := g.Take()
	if all, good := measured.Requests(), measured.Counts[service.Confirmed]; all != good || measured.Dropped > 0 {
		return nil, fmt.Errorf("of %d requests only %d were confirmed, %d were dropped", all, good, measured.Dropped)
	}
	return measured, ctx.Err()
}

// ceiling is confirmed bookings a second, as fast as they go.
func (s *server) ceiling(ctx context.Context, connections int, span time.Duration) (float64, error) {
	measured, err := s.measure(ctx, connections, load.Span{Duration: span})
	if err != nil {
		return 0, err
	}
	return float64(measured.Requests()) / span.Seconds(), nil
}

// p99 is the response time from the due time, in milliseconds.
func (s *server) p99(ctx context.Context, rate float64, span time.Duration) (float64, error) {
	measured, err := s.measure(ctx, 4*busyConnections, load.Span{Rate: rate, Duration: span})
	if err != nil {
		return 0, err
	}
	return load.PercentilesOf(measured.Response).P99, nil
}

// crowd opens many connections, books once over each, keeps them all open, and returns
// the megabytes that the service then occupies. 256 bookings are under way at once.
func (s *server) crowd(ctx context.Context, connections int) (float64, error) {
	opened := make([]*service.Conn, connections)
	for i := range opened {
		opened[i] = service.NewConn([]service.Target{s.target}, answerTimeout)
		defer opened[i].Close()
	}
	err := parallel(connections, func(i int) error {
		request := service.Request{Kind: service.Book, Event: s.event, User: s.users.Add(1), Quantity: 1}
		if answer := opened[i].Do(&request, time.Now()); answer.Outcome != service.Confirmed {
			return fmt.Errorf("a booking over one of %d connections was %s: %s", connections, answer.Outcome, answer.Reason)
		}
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	return s.process.megabytes()
}
