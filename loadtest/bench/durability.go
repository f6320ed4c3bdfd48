package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/store"
	"boxoffice/store/redistest"
)

// durabilitySetting is what an answer waits for.
type durabilitySetting struct{ appendfsync, durability string }

// Rates and connections at which durability is measured. With synced and everysec each
// answer waits for a second or two, so it takes many connections to have any rate, and the
// rate is one at which that many requests are under way that the bound allows.
const (
	durabilityRate        = 1000
	durabilityCrowd       = 2000
	durabilityConnections = 4000
)

// durability measures what each setting costs, with a replica on the same machine in
// all cases.
func (b *bench) durability(ctx context.Context) error {
	settings := []durabilitySetting{
		{"everysec", "local"}, {"no", "local"}, {"always", "local"},
		{"everysec", "replicated"}, {"no", "replicated"}, {"always", "replicated"},
	}
	version, synced, err := canSync(ctx)
	if err != nil {
		return err
	}
	if synced {
		settings = append(settings, durabilitySetting{"everysec", "synced"}, durabilitySetting{"always", "synced"})
	}
	fmt.Printf("durability on %s; synced: %t\n", version, synced)
	var few, many, times []func() (float64, error)
	for _, one := range settings {
		s, err := startService(ctx, one.appendfsync, "DURABILITY="+one.durability)
		if err != nil {
			return err
		}
		defer s.stop()
		few = append(few, func() (float64, error) { return s.ceiling(ctx, busyConnections, b.span) })
		many = append(many, func() (float64, error) { return s.ceiling(ctx, durabilityCrowd, b.span) })
		times = append(times, func() (float64, error) {
			measured, err := s.measure(ctx, durabilityConnections, load.Span{Rate: durabilityRate, Duration: b.span})
			if err != nil {
				return 0, err
			}
			return load.PercentilesOf(measured.Response).P99, nil
		})
	}
	var medians [3][]float64
	for i, runs := range [][]func() (float64, error){few, many, times} {
		if medians[i], err = rounds(b.rounds, runs...); err != nil {
			return err
		}
	}
	for i, one := range settings {
		b.add(figure{
			fmt.Sprintf("appendfsync %s, DURABILITY=%s / everysec, local", one.appendfsync, one.durability),
			medians[0][i] / medians[0][0], "x", 0, true,
			fmt.Sprintf("%d connections %.0f/s; %d connections %.0f/s, %.2f x; p99 at %d/s %.1f ms",
				busyConnections, medians[0][i], durabilityCrowd, medians[1][i], medians[1][i]/medians[1][0],
				durabilityRate, medians[2][i]),
		})
	}
	return nil
}

// canSync returns which server is measured, and whether the service can wait for its disk.
func canSync(ctx context.Context) (version string, synced bool, err error) {
	server, err := redistest.Start() //nolint:contextcheck // it takes none: Stop ends the server
	if err != nil {
		return "", false, err
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	if version, err = redistest.Version(ctx, client); err != nil {
		return "", false, err
	}
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}, AckSynced: true, AckTimeout: time.Second})
	if errors.Is(err, store.ErrCannotSync) {
		return version, false, nil
	}
	if err != nil {
		return version, false, err
	}
	return version, true, s.Close()
}

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
