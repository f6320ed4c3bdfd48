package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// watched is a master with its replicas, and a sentinel that replaces it. Of several
// replicas a sentinel may choose one that lags behind: it goes by what they
// reported of their progress up to ten seconds ago.
type watched struct {
	sentinel *redistest.Server
	servers  []*redistest.Server
	config   store.Config // of a store that asks the sentinel
	books    *store.Store
}

const (
	sentinelName = "mymaster"

	// downAfter is the time without a sign of life, in ms, after which the sentinel replaces
	// the master. A sentinel pings, and connects again, once a second: with less than that
	// it was seen to replace a healthy master half a second after it had appointed it.
	downAfter = 1500
)

// startWatched starts them, and opens a store on them.
func startWatched(ctx context.Context, replicas int) (*watched, error) {
	w := &watched{}
	settings := slices.Concat(syncAtOnce, fsyncAlways)
	for range 1 + replicas {
		if len(w.servers) > 0 {
			settings = append(slices.Clone(settings), redistest.ReplicaOf(w.servers[0])...)
		}
		server, err := redistest.Start(settings...)
		if err != nil {
			w.stop()
			return nil, err
		}
		w.servers = append(w.servers, server)
	}
	var err error
	if w.sentinel, err = redistest.StartSentinel(w.servers[0], sentinelName); err == nil {
		err = w.sentinel.WaitReplicas(sentinelName, replicas)
	}
	if err == nil {
		err = ask(w.sentinel, func(client *redis.Client) error {
			return client.Do(ctx, "SENTINEL", "SET", sentinelName, "down-after-milliseconds", downAfter).Err()
		})
	}
	if err == nil {
		err = w.waitHealthy(ctx)
	}
	if err == nil {
		w.config = replicated(store.Config{Addrs: []string{w.sentinel.Addr}, SentinelMaster: sentinelName})
		w.books, err = openStore(ctx, w.config)
	}
	if err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

func (w *watched) stop() {
	if w.books != nil {
		_ = w.books.Close()
	}
	for _, server := range w.servers {
		server.Stop()
	}
	if w.sentinel != nil {
		w.sentinel.Stop()
	}
}

// master returns the master that the sentinel names.
func (w *watched) master(ctx context.Context) (master *redistest.Server, err error) {
	err = ask(w.sentinel, func(client *redis.Client) error {
		answer, err := client.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinelName).StringSlice()
		if err != nil {
			return err
		}
		for _, server := range w.servers {
			if server.Addr == net.JoinHostPort(answer[0], answer[1]) {
				master = server
				return nil
			}
		}
		return errors.New("the sentinel names a master that is not ours")
	})
	return master, err
}

func (w *watched) waitHealthy(ctx context.Context) error {
	return until(ctx, "a master with its replicas in step", func(ctx context.Context) error {
		for _, server := range w.servers {
			if err := replicates(ctx, server, len(w.servers)-1); err != nil {
				return err
			}
		}
		return nil
	})
}

// waitReplaced waits until the sentinel names another master.
func (w *watched) waitReplaced(ctx context.Context, old *redistest.Server) (master *redistest.Server, err error) {
	err = until(ctx, "a replica's promotion", func(ctx context.Context) (err error) {
		master, err = w.master(ctx)
		if err == nil && master == old {
			err = errors.New("the old master is the master still")
		}
		return err
	})
	return master, err
}

// replace waits until the sentinel names another master, lets the old one come back, and
// makes it a replica: the sentinel would too, ten seconds later.
func (w *watched) replace(ctx context.Context, old *redistest.Server, comeBack func() error) error {
	master, failed := w.waitReplaced(ctx, old)
	if err := errors.Join(failed, comeBack()); err != nil {
		return err
	}
	if err := follow(ctx, old, master); err != nil {
		return err
	}
	return w.waitHealthy(ctx)
}

// follow makes a server a replica.
func follow(ctx context.Context, server, master *redistest.Server) error {
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return err
	}
	return ask(server, func(client *redis.Client) error { return client.ReplicaOf(ctx, host, port).Err() })
}

// sentinelFaults affect a master that sentinels watch, or are asked for.
func sentinelFaults(ctx context.Context, l *lab) error {
	if err := sentinelFailovers(ctx, l); err != nil {
		return err
	}
	return sentinelSwitches(ctx, l)
}

// sentinelFailovers affect a master with one replica.
func sentinelFailovers(ctx context.Context, l *lab) error {
	const replicas = 1
	w, err := startWatched(ctx, replicas)
	if err != nil {
		return err
	}
	defer w.stop()
	kill := func(ctx context.Context, r *round) error {
		master, err := w.master(ctx)
		if err != nil {
			return err
		}
		r.moment(ctx, time.Second)
		master.Kill()
		return w.replace(ctx, master, master.Run)
	}
	pause := func(ctx context.Context, r *round) error {
		master, err := w.master(ctx)
		if err != nil {
			return err
		}
		r.moment(ctx, time.Second)
		if err := master.Pause(); err != nil {
			return err
		}
		return w.replace(ctx, master, func() error {
			r.moment(ctx, 300*time.Millisecond)
			return master.Continue()
		})
	}
	const count = 4
	elsewhere, err := openInstances(ctx, w.config, count)
	if err != nil {
		return err
	}
	defer func() { _ = elsewhere.close() }()
	stopped := func(ctx context.Context, r *round) error {
		master, err := w.master(ctx)
		if err != nil {
			return err
		}
		replica, err := replicaOf(ctx, master, w.servers)
		if err != nil {
			return err
		}
		r.moment(ctx, 500*time.Millisecond)
		const cutting = true
		if err := r.standStill(ctx, master, replica, cutting); err != nil {
			return err
		}
		master.Kill()
		// It restarts with the role of its command line, not with the one it was given since.
		if err := errors.Join(reset(replica), follow(ctx, replica, master)); err != nil {
			return err
		}
		return w.replace(ctx, master, master.Run)
	}
	sentinel := func(name string, inject func(context.Context, *round) error) fault {
		return fault{
			name: "sentinel: " + name, rounds: 3, short: 1, load: 7 * time.Second, books: w.books, inject: inject,
			outageLimit: outageLimit, dirtyReads: true,
		}
	}
	list := []fault{
		sentinel("kill -9 of the master, failover", kill),
		sentinel("the master paused past its failover", pause),
		sentinel("kill -9 of the master whose replica is stopped, failover", stopped),
	}
	list[2].target, list[2].patience, list[2].refusals = elsewhere, repeating, true
	list[2].rounds, list[2].outageLimit = 2, standstillOutage
	return l.inflict(ctx, list...)
}
