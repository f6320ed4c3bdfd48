package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"boxoffice/store"
)

// replicated is the setting that a failover calls for: what is acknowledged, a replica has.
func replicated(config store.Config) store.Config {
	const replicas, ackTimeout = 1, 200 * time.Millisecond
	config.AckReplicas, config.AckTimeout, config.ReadTimeout = replicas, ackTimeout, 2*readTimeout
	return config
}

// clusterFaults affect one of three masters.
func clusterFaults(ctx context.Context, l *lab) error {
	c, err := startSixNodes(ctx)
	if err != nil {
		return err
	}
	defer c.stop()

	const count = 4
	elsewhere, err := openInstances(ctx, c.config, count)
	if err != nil {
		return err
	}
	defer func() { _ = elsewhere.close() }()

	stopped := func(ctx context.Context, r *round) error {
		victim, witness, slot, err := c.victim(ctx, r)
		if err != nil {
			return err
		}
		replica, err := replicaOf(ctx, victim, c.Servers)
		if err != nil {
			return err
		}
		r.moment(ctx, 500*time.Millisecond)
		const cutting = true
		if err := r.standStill(ctx, victim, replica, cutting); err != nil {
			return err
		}
		victim.Kill()
		failed := errors.Join(reset(replica), c.waitPromoted(ctx, slot, victim, witness))
		return errors.Join(failed, victim.Run(), c.waitHealthy(ctx))
	}
	killed := func(ctx context.Context, r *round) error {
		victim, witness, slot, err := c.victim(ctx, r)
		if err != nil {
			return err
		}
		r.moment(ctx, time.Second)
		victim.Kill()
		failed := c.waitPromoted(ctx, slot, victim, witness)
		return errors.Join(failed, victim.Run(), c.waitHealthy(ctx))
	}
	killedAndBack := func(ctx context.Context, r *round) error {
		victim, _, _, err := c.victim(ctx, r)
		if err != nil {
			return err
		}
		r.moment(ctx, time.Second)
		victim.Kill()
		r.moment(ctx, 500*time.Millisecond)
		return errors.Join(victim.Run(), c.waitHealthy(ctx))
	}
	paused := func(ctx context.Context, r *round) error {
		victim, witness, slot, err := c.victim(ctx, r)
		if err != nil {
			return err
		}
		r.moment(ctx, time.Second)
		if err := victim.Pause(); err != nil {
			return err
		}
		failed := c.waitPromoted(ctx, slot, victim, witness)
		r.moment(ctx, 300*time.Millisecond)
		return errors.Join(failed, victim.Continue(), c.waitHealthy(ctx))
	}
	switched := func(ctx context.Context, r *round) error {
		_, witness, slot, err := c.victim(ctx, r)
		if err != nil {
			return err
		}
		const thereAndBack = 2 // no node votes about the same master again within two node timeouts
		for range thereAndBack {
			r.moment(ctx, 500*time.Millisecond)
			if err := c.switchMaster(ctx, slot, witness); err != nil {
				return err
			}
		}
		return nil
	}
	cluster := func(name string, rounds int, load time.Duration, inject func(context.Context, *round) error) fault {
		return fault{
			name: "cluster: " + name, rounds: rounds, short: 1, load: load, events: 6,
			books: c.books, inject: inject,
		}
	}
	list := []fault{
		cluster("no fault", 2, 2*time.Second, nil),
		cluster("callers that give up", 3, 2*time.Second, nil),
		cluster("a slot moves", 6, 3*time.Second, c.reshard),
		cluster("kill -9 of a master, back at once", 4, 3*time.Second, killedAndBack),
		cluster("kill -9 of a master, failover", 5, 7*time.Second, killed),
		cluster("a master paused past its failover", 5, 7*time.Second, paused),
		cluster("a switch on request", 3, 4*time.Second, switched),
		cluster("kill -9 of a master whose replica is stopped, failover", 3, 7*time.Second, stopped),
	}
	list[1].patience = impatient
	last := &list[len(list)-1]
	last.target, last.patience, last.refusals = elsewhere, repeating, true
	for i := range list {
		list[i].outageLimit = outageLimit
		list[i].dirtyReads = strings.Contains(list[i].name, "failover")
	}
	last.outageLimit = standstillOutage
	return l.inflict(ctx, list...)
}

// reshard moves the slots of some events to other masters.
func (c *sixNodes) reshard(ctx context.Context, r *round) error {
	r.affected = map[uint64]bool{}
	for range 4 {
		event := r.events[r.random.IntN(len(r.events))].Event
		r.affected[event] = true
		slot, err := slotOf(ctx, c.Servers[0], event)
		if err != nil {
			return err
		}
		if err := c.moveSlot(ctx, r, slot); err != nil {
			return err
		}
		r.moment(ctx, 300*time.Millisecond)
	}
	return c.waitHealthy(ctx)
}
