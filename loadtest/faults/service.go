package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"boxoffice/loadtest/service"
	"boxoffice/store"
	"boxoffice/store/redistest"
)

// serviceFaults affect two instances of the service in front of a single Redis, and the
// Redis behind them.
func serviceFaults(ctx context.Context, l *lab) error {
	binary, err := filepath.Abs(l.boxoffice)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("the service's binary, which make build makes: %w", err)
	}
	server, err := redistest.Start(fsyncAlways...)
	if err != nil {
		return err
	}
	defer server.Stop()
	books, err := openStore(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()

	const timeout = 3 * time.Second // of a client, for an answer
	target := &overHTTP{client: service.New(nil, timeout, 0)}
	for range 2 {
		one := &instance{binary: binary, redis: server.Addr}
		if err := one.start(ctx); err != nil {
			return err
		}
		defer one.kill()
		target.instances = append(target.instances, one)
	}

	kill := func(ctx context.Context, r *round) error {
		for range 2 {
			one := target.instances[r.random.IntN(len(target.instances))]
			r.moment(ctx, 500*time.Millisecond)
			one.kill()
			r.moment(ctx, 300*time.Millisecond)
			if err := one.start(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	pause := func(ctx context.Context, r *round) error {
		for range 2 {
			one := target.instances[r.random.IntN(len(target.instances))]
			r.moment(ctx, 300*time.Millisecond)
			if err := pauseProcess(ctx, r, one.command.Process.Pid); err != nil {
				return err
			}
		}
		return nil
	}
	killBoth := func(ctx context.Context, r *round) error {
		r.moment(ctx, time.Second)
		server.Kill()
		one := target.instances[r.random.IntN(len(target.instances))]
		one.kill()
		r.moment(ctx, 300*time.Millisecond)
		if err := server.Run(); err != nil {
			return err
		}
		return one.start(ctx)
	}
	onInstances := func(name string, rounds, short int, inject func(context.Context, *round) error) fault {
		return fault{
			name: "service: " + name, rounds: rounds, short: short, load: 2500 * time.Millisecond,
			books: books, target: target, inject: inject,
		}
	}
	return l.inflict(ctx,
		onInstances("no fault", 1, 1, nil),
		onInstances("kill -9 of an instance", 12, 3, kill),
		onInstances("an instance paused (SIGSTOP)", 8, 2, pause),
		onInstances("kill -9 of Redis and an instance", 6, 1, killBoth),
	)
}
