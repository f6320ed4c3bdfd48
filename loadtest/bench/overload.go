package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/store/redistest"
)

// atCeiling is how many requests the service works on at once here, and how many
// connections drive it to its ceiling then.
const atCeiling = 16

// Redis answers late, as one that is busy or far away, so that the bound is what limits the
// service. Else the generator, which shares the processors, would be out of breath before
// it sent three times as much, and to refuse would take the time of those who are accepted.
const (
	redisRuns  = time.Millisecond
	redisRests = 4 * time.Millisecond
)

// slowDown lets a Redis run for a part of the time only, until stop is called.
func slowDown(redis *redistest.Server) (stop func()) {
	done := make(chan struct{})
	var toggling sync.WaitGroup
	toggling.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			_ = redis.Pause()
			time.Sleep(redisRests)
			_ = redis.Continue()
			time.Sleep(redisRuns)
		}
	})
	return func() {
		close(done)
		toggling.Wait()
	}
}

// accepted is what came of the accepted requests of one load.
type accepted struct {
	p99     float64 // milliseconds from the sending
	rate    float64 // accepted, a second
	refused float64 // share of all
}

// accepted sends bookings at a rate, or as fast as they are answered if it is 0.
func (s *server) accepted(ctx context.Context, connections int, span time.Duration, rate float64) (accepted, error) {
	g := s.generator(connections)
	defer g.Close()
	source := booker{s.event, &s.users}
	g.Run(ctx, source, load.Span{Duration: span / 4, Rate: rate})
	ledger := g.Run(ctx, source, load.Span{Duration: span, Rate: rate})
	var times []int64
	all := 0
	for entry := range ledger.All {
		all++
		switch {
		case entry.Outcome == load.Confirmed:
			times = append(times, entry.Done-entry.Sent)
		case entry.Reason.String() != "overloaded":
			return accepted{}, fmt.Errorf("a booking was %s: %s", entry.Outcome, entry.Reason)
		}
	}
	if len(times) == 0 {
		return accepted{}, errors.New("nothing was accepted")
	}
	slices.Sort(times)
	return accepted{
		p99:     float64(times[len(times)*99/100]) / 1e6,
		rate:    float64(len(times)) / span.Seconds(),
		refused: float64(all-len(times)) / float64(all),
	}, ctx.Err()
}

// overload measures what three times the ceiling's load does to those who are accepted,
// with the bound on requests in flight and without it: requests come at three times the
// rate that the service can do, whatever becomes of those before.
func (b *bench) overload(ctx context.Context) error {
	services := map[string]*server{}
	for name, bound := range map[string]string{"bounded": fmt.Sprintf("MAX_IN_FLIGHT=%d", atCeiling), "unbounded": "MAX_IN_FLIGHT=0"} {
		s, err := startService(ctx, "everysec", bound)
		if err != nil {
			return err
		}
		defer s.stop()
		services[name] = s
	}
	last := map[string]accepted{}
	measure := func(load, service string, connections int, rate func() float64) func() (float64, error) {
		return func() (float64, error) {
			s := services[service]
			defer slowDown(s.redis)()
			got, err := s.accepted(ctx, connections, b.span, rate())
			last[load] = got
			return got.p99, err
		}
	}
	ceiling := func() float64 { return 0 } // as fast as they are answered
	over := func() float64 { return 3 * last["at"].rate }
	medians, err := rounds(b.rounds,
		measure("at", "bounded", atCeiling, ceiling), measure("over", "bounded", 16*atCeiling, over),
		measure("over, no bound", "unbounded", 16*atCeiling, over))
	if err != nil {
		return err
	}
	at, bounded, unbounded := last["at"], last["over"], last["over, no bound"]
	b.add(figure{"p99 of the accepted at 3 times the ceiling's load / at it", medians[1] / medians[0], "x", 2, false,
		fmt.Sprintf("%d connections: %.1f ms, last run %.0f/s; three times that: %.1f ms, %.0f/s, %.0f %% refused; without a bound %.1f ms, %.0f/s",
			atCeiling, medians[0], at.rate, medians[1], bounded.rate, 100*bounded.refused, medians[2], unbounded.rate)})
	return nil
}

// durability measures what each setting costs, with a replica on the same machine in
// all cases.
func (b *bench) durability(ctx context.Context) error {
	type setting struct{ appendfsync, durability string }
	settings := []setting{
		{"everysec", "local"}, {"no", "local"}, {"always", "local"},
		{"everysec", "replicated"}, {"no", "replicated"}, {"always", "replicated"},
	}
	var ceilings, times []func() (float64, error)
	for _, one := range settings {
		s, err := startService(ctx, one.appendfsync, "DURABILITY="+one.durability)
		if err != nil {
			return err
		}
		defer s.stop()
		ceilings = append(ceilings, func() (float64, error) { return s.ceiling(ctx, busyConnections, b.span) })
		times = append(times, func() (float64, error) { return s.p99(ctx, durabilityRate, b.span) })
	}
	rates, err := rounds(b.rounds, ceilings...)
	if err != nil {
		return err
	}
	p99s, err := rounds(b.rounds, times...)
	if err != nil {
		return err
	}
	for i, one := range settings[1:] {
		b.add(figure{
			fmt.Sprintf("appendfsync %s, DURABILITY=%s / everysec, local", one.appendfsync, one.durability),
			rates[i+1] / rates[0], "x", 0, true,
			fmt.Sprintf("%.0f/s, %d connections; everysec, local %.0f/s; p99 at %d/s %.1f ms, everysec, local %.1f ms",
				rates[i+1], busyConnections, rates[0], durabilityRate, p99s[i+1], p99s[0]),
		})
	}
	return nil
}

// durabilityRate, requests a second, is low enough for every setting on two cores.
const durabilityRate = 3000

// startReplica starts a replica with the same appendfsync.
func startReplica(master *redistest.Server, appendfsync string) (*redistest.Server, error) {
	replica, err := redistest.Start(append(redistest.ReplicaOf(master), "--appendfsync", appendfsync)...)
	if err != nil {
		return nil, err
	}
	if err := master.WaitOnline(1); err != nil {
		replica.Stop()
		return nil, err
	}
	return replica, nil
}
