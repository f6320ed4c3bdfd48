package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// fsyncAlways makes an acknowledged booking outlive the process. With everysec a kill -9
// loses nothing as a rule, since the kernel has what was written; on a disk that stalls,
// Redis writes late, and a kill -9 then loses up to two seconds.
var fsyncAlways = []string{"--appendfsync", "always"}

// syncAtOnce lets a replica that comes back have the data at once, and not after a wait
// for others.
var syncAtOnce = []string{"--repl-diskless-sync-delay", "0"}

// readTimeout of the stores here is short, so that what is lost on the way is soon sent
// again: it is the repeating that is tested.
const readTimeout = 300 * time.Millisecond

// impatient clients give up before or after the change was made.
func impatient(random *rand.Rand) time.Duration {
	return time.Duration(random.Int64N(int64(4 * time.Millisecond)))
}

// embeddedFaults is what can affect a store that lives in the process.
func embeddedFaults(ctx context.Context, l *lab) error {
	books, err := openStore(ctx, store.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	return l.inflict(ctx,
		fault{name: "embedded: no fault", rounds: 2, short: 1, load: 2 * time.Second, books: books},
		fault{name: "embedded: callers that give up", rounds: 3, short: 1, load: 2 * time.Second, books: books, patience: impatient},
	)
}

// redisFaults affect a single Redis.
func redisFaults(ctx context.Context, l *lab) error {
	server, err := redistest.Start(fsyncAlways...)
	if err != nil {
		return err
	}
	defer server.Stop()
	books, err := openStore(ctx, store.Config{Addrs: []string{server.Addr}, ReadTimeout: readTimeout})
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	client := server.Client()
	defer func() { _ = client.Close() }()

	kill := func(ctx context.Context, r *round) error {
		r.moment(ctx, time.Second)
		server.Kill()
		r.moment(ctx, 500*time.Millisecond)
		return server.Run()
	}
	pause := func(ctx context.Context, r *round) error {
		for range 2 {
			r.moment(ctx, 500*time.Millisecond)
			if err := pauseProcess(ctx, r, server.Pid()); err != nil {
				return err
			}
		}
		return nil
	}
	flush := func(ctx context.Context, r *round) error {
		for range 10 {
			r.moment(ctx, 200*time.Millisecond)
			if err := client.ScriptFlush(ctx).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	restart := func(ctx context.Context, r *round) error {
		r.moment(ctx, time.Second)
		if err := syscall.Kill(server.Pid(), syscall.SIGTERM); err != nil {
			return err
		}
		err := until(ctx, "the end of Redis", func(ctx context.Context) error {
			connection, err := new(net.Dialer).DialContext(ctx, "tcp", server.Addr)
			if err != nil {
				return nil //nolint:nilerr // it is gone: that is what is waited for
			}
			return errors.Join(errors.New("it still listens"), connection.Close())
		})
		server.Kill() // a process that has ended is still to be waited for
		if err != nil {
			return err
		}
		return server.Run()
	}
	return l.inflict(ctx,
		fault{name: "redis: no fault", rounds: 2, short: 1, load: 2 * time.Second, books: books},
		fault{name: "redis: callers that give up", rounds: 3, short: 1, load: 2 * time.Second, books: books, patience: impatient},
		fault{name: "redis: kill -9", rounds: 12, short: 3, load: 2500 * time.Millisecond, books: books, inject: kill},
		fault{name: "redis: paused (SIGSTOP)", rounds: 10, short: 2, load: 2500 * time.Millisecond, books: books, inject: pause},
		fault{name: "redis: restarted", rounds: 3, short: 1, load: 2 * time.Second, books: books, inject: restart},
		fault{name: "redis: SCRIPT FLUSH", rounds: 3, short: 1, load: 2 * time.Second, books: books, inject: flush},
	)
}

// pauseProcess stops a process for up to a second.
func pauseProcess(ctx context.Context, r *round, pid int) error {
	const longest = time.Second
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	r.moment(ctx, longest)
	return errors.Join(syscall.Kill(pid, syscall.SIGCONT), ctx.Err())
}
