package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// A switch is a failover that an operator asks for. The sentinel makes a replica a master
// first and only notices it half a second later; until then clients go on with the old
// master, and with the replicas that still follow it. What one of those acknowledges, the
// new master never gets. So all replicas have to acknowledge (ACK_REPLICAS), or those that
// are not to be promoted have to be off, or it is the master that is asked: it and the
// replicas of a cluster wait until the new master has everything.

const (
	switchedReplicas = 2
	switchesPerRound = 3

	// switchedEvents make a load of some 500 bookings a second.
	switchedEvents = 8
)

// sentinelSwitches are switches among a master and two replicas.
func sentinelSwitches(ctx context.Context, l *lab) error {
	w, err := startWatched(ctx, switchedReplicas)
	if err != nil {
		return err
	}
	defer w.stop()
	config := w.config
	config.AckReplicas = switchedReplicas
	both, err := openStore(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = both.Close() }()

	switches := func(name string, books *store.Store, change func(context.Context) error) fault {
		return fault{
			name: "sentinel: a switch on request, " + name, rounds: 2, short: 1, load: 7 * time.Second,
			books: books, events: switchedEvents, outageLimit: outageLimit, dirtyReads: true,
			inject: func(ctx context.Context, r *round) error {
				for range switchesPerRound {
					r.moment(ctx, 500*time.Millisecond)
					if err := change(ctx); err != nil {
						return err
					}
				}
				return nil
			},
		}
	}
	return l.inflict(ctx,
		switches("two replicas acknowledge", both, w.switchMaster),
		switches("the other replica is off", w.books, w.switchMasterWithOneReplica),
		switches("FAILOVER of the master", w.books, w.handOver),
	)
}

// requestSwitch asks the sentinel for another master; it refuses until the last switch is
// over.
func (w *watched) requestSwitch(ctx context.Context) error {
	return until(ctx, "a sentinel that switches", func(ctx context.Context) error {
		return ask(w.sentinel, func(client *redis.Client) error {
			return client.Do(ctx, "SENTINEL", "FAILOVER", sentinelName).Err()
		})
	})
}

// replicasOf returns all servers but the master.
func (w *watched) replicasOf(master *redistest.Server) []*redistest.Server {
	return slices.DeleteFunc(slices.Clone(w.servers), func(s *redistest.Server) bool { return s == master })
}

// switchMaster switches to whatever replica the sentinel chooses.
func (w *watched) switchMaster(ctx context.Context) error {
	old, err := w.master(ctx)
	if err != nil {
		return err
	}
	if err := w.requestSwitch(ctx); err != nil {
		return err
	}
	return w.replace(ctx, old, func() error { return nil })
}

// switchMasterWithOneReplica ends all replicas but one first, and starts them again when
// the old master is a replica: before, they would acknowledge what it takes still.
func (w *watched) switchMasterWithOneReplica(ctx context.Context) error {
	old, err := w.master(ctx)
	if err != nil {
		return err
	}
	off := w.replicasOf(old)[1:]
	for _, server := range off {
		server.Kill()
	}
	if err := w.requestSwitch(ctx); err != nil {
		return err
	}
	master, err := w.waitReplaced(ctx, old)
	if err != nil {
		return err
	}
	err = follow(ctx, old, master)
	for _, server := range off {
		err = errors.Join(err, server.Run(), follow(ctx, server, master))
	}
	return errors.Join(err, w.waitHealthy(ctx))
}

// handOver lets the master hand over to a replica, and then makes the sentinel forget the
// old master: it would name it for half a minute more, and then replace the new one.
func (w *watched) handOver(ctx context.Context) error {
	old, err := w.master(ctx)
	if err != nil {
		return err
	}
	replicas := w.replicasOf(old)
	master := replicas[0]
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return err
	}
	if err := ask(old, func(client *redis.Client) error { return client.Do(ctx, "FAILOVER", "TO", host, port).Err() }); err != nil {
		return err
	}
	err = until(ctx, "a replica that is the master", func(ctx context.Context) error {
		return ask(master, func(client *redis.Client) error {
			role, err := client.Do(ctx, "ROLE").Slice()
			if err == nil && role[0] != "master" {
				err = fmt.Errorf("it is a %s", role[0])
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	err = ask(w.sentinel, func(client *redis.Client) error {
		return errors.Join(client.Do(ctx, "SENTINEL", "REMOVE", sentinelName).Err(),
			client.Do(ctx, "SENTINEL", "MONITOR", sentinelName, host, port, 1).Err(),
			client.Do(ctx, "SENTINEL", "SET", sentinelName, "down-after-milliseconds", downAfter).Err())
	})
	for _, other := range replicas[1:] { // it follows the old master, which is a replica now
		err = errors.Join(err, follow(ctx, other, master))
	}
	return errors.Join(err, w.waitHealthy(ctx))
}

// switchMaster lets the replica of a slot's master take over, and waits until it has.
func (c *sixNodes) switchMaster(ctx context.Context, slot int, witness *redistest.Server) error {
	master, err := c.masterOf(ctx, slot, witness)
	if err != nil {
		return err
	}
	replica, err := replicaOf(ctx, master, c.Servers)
	if err != nil {
		return err
	}
	err = ask(replica, func(client *redis.Client) error { return client.ClusterFailover(ctx).Err() })
	return errors.Join(err, c.waitPromoted(ctx, slot, master, witness), c.waitHealthy(ctx))
}
