package main

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// A switch is a failover that an operator asks for. The sentinel makes a replica a master
// first and only notices it half a second later; until then clients go on with the old
// master, and with the replicas that still follow it. What one of those acknowledges, the
// new master never gets. So either all replicas have to acknowledge (ACK_REPLICAS), or
// those that are not to be promoted have to be off. A cluster's replica, asked for the
// same, waits until it has all that its master had.

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
	config := replicated(store.Config{Addrs: []string{w.sentinel.Addr}, SentinelMaster: sentinelName})
	one, err := openStore(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = one.Close() }()
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
			strike: func(ctx context.Context, r *round) error {
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
		switches("the other replica is off", one, w.switchMasterWithOneReplica),
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
	var off []*redistest.Server
	for _, server := range w.servers {
		if server != old {
			off = append(off, server)
		}
	}
	off = off[1:]
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
