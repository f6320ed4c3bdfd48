package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/store/redistest"
)

// atCeiling is how many connections drive the service at its ceiling: as many requests
// at once as it works on.
const atCeiling = 256

// accepted is what came of the accepted requests of one load, in milliseconds from the
// sending. Requests are in flight on every connection all the time, and one that is
// refused is sent again at once, as no client does that heeds Retry-After: the worst case.
type accepted struct {
	p99     float64
	rate    float64 // accepted, a second
	refused float64 // share of all
}

func (s *server) accepted(ctx context.Context, connections int, span time.Duration) (accepted, error) {
	g := s.generator(connections)
	defer g.Close()
	source := booker{s.event, &s.users}
	g.Run(ctx, source, load.Span{Duration: span / 4})
	ledger := g.Run(ctx, source, load.Span{Duration: span})
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
// with the bound on requests in flight and without it.
func (b *bench) overload(ctx context.Context) error {
	bounded, err := startService(ctx, "everysec", fmt.Sprintf("MAX_IN_FLIGHT=%d", atCeiling))
	if err != nil {
		return err
	}
	defer bounded.stop()
	unbounded, err := startService(ctx, "everysec", "MAX_IN_FLIGHT=0")
	if err != nil {
		return err
	}
	defer unbounded.stop()
	last := map[string]accepted{}
	measure := func(name string, s *server, connections int) func() (float64, error) {
		return func() (float64, error) {
			got, err := s.accepted(ctx, connections, b.span)
			last[name] = got
			return got.p99, err
		}
	}
	medians, err := rounds(b.rounds,
		measure("at", bounded, atCeiling), measure("over", bounded, 3*atCeiling),
		measure("unbounded at", unbounded, atCeiling), measure("unbounded over", unbounded, 3*atCeiling))
	if err != nil {
		return err
	}
	b.add(figure{"p99 of the accepted at 3 times the ceiling's load / at it", medians[1] / medians[0], "x", 2, false,
		fmt.Sprintf("%d connections: %.1f ms, last run %.0f/s; %d: %.1f ms, %.0f/s, %.0f %% refused; without a bound %.2f x, %.1f ms",
			atCeiling, medians[0], last["at"].rate, 3*atCeiling, medians[1], last["over"].rate, 100*last["over"].refused,
			medians[3]/medians[2], medians[3])})
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
