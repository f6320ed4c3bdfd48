package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// sixNodes are three masters with a replica each. A master counts as gone after 1.5 s
// without a sign of life. A slot that nobody serves stops no other, which is not the
// default of Redis.
type sixNodes struct {
	*redistest.Cluster
	config store.Config
	books  *store.Store
}

// startSixNodes starts them, and opens a store on them.
func startSixNodes(ctx context.Context) (*sixNodes, error) {
	const masters = 3
	settings := slices.Concat(
		[]string{"--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no"}, syncAtOnce, fsyncAlways,
		[]string{"--cluster-replica-validity-factor", "0"}) // one that was reset has been without its master since ever
	cluster, err := redistest.StartCluster(masters, settings...)
	if err != nil {
		return nil, err
	}
	c := &sixNodes{Cluster: cluster}
	if err = c.AddReplicas(settings...); err == nil {
		err = c.waitHealthy(ctx)
	}
	if err == nil {
		c.config = replicated(store.Config{Addrs: c.Addrs()[:1]})
		c.books, err = openStore(ctx, c.config)
	}
	if err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *sixNodes) stop() {
	if c.books != nil {
		_ = c.books.Close()
	}
	c.Stop()
}

// ask asks one server.
func ask(server *redistest.Server, question func(*redis.Client) error) error {
	client := server.Client()
	defer func() { _ = client.Close() }()
	return question(client)
}

// replicates returns an error unless a server is a master with this many replicas in step, or a
// replica in step itself.
func replicates(ctx context.Context, server *redistest.Server, replicas int) error {
	return ask(server, func(client *redis.Client) error {
		info, err := client.Info(ctx, "replication").Result()
		if err != nil {
			return err
		}
		master := strings.Contains(info, "role:master") && strings.Count(info, "state=online") == replicas
		replica := strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up")
		if !master && !replica {
			return fmt.Errorf("%s is not in step: %s", server.Addr, info)
		}
		return nil
	})
}

// waitHealthy waits until all nodes agree who serves what and whose replica stands for it,
// and all replicas are in step. A master votes for no replica that it does not know yet.
func (c *sixNodes) waitHealthy(ctx context.Context) error {
	return until(ctx, "a healthy cluster", func(ctx context.Context) error {
		var agreed []string
		for _, server := range c.Servers {
			if err := replicates(ctx, server, 1); err != nil {
				return err
			}
			shards, err := shardsSeenBy(ctx, server)
			if err != nil {
				return err
			}
			if agreed == nil {
				agreed = shards
			}
			if !slices.Equal(agreed, shards) {
				return fmt.Errorf("%s sees %v, others %v", server.Addr, shards, agreed)
			}
		}
		return c.WaitReady()
	})
}

// slotsSeenBy returns who serves which slots; the first node of each range is its master.
func slotsSeenBy(ctx context.Context, server *redistest.Server) (ranges []redis.ClusterSlot, err error) {
	err = ask(server, func(client *redis.Client) (err error) {
		ranges, err = client.ClusterSlots(ctx).Result() //nolint:staticcheck // CLUSTER SHARDS says no more here
		return err
	})
	for _, one := range ranges {
		if len(one.Nodes) == 0 {
			return nil, fmt.Errorf("slots %d to %d have no master", one.Start, one.End)
		}
	}
	return ranges, err
}

// shardsSeenBy returns "first-last master replica" for each range of slots.
func shardsSeenBy(ctx context.Context, server *redistest.Server) (shards []string, err error) {
	const nodes = 2
	ranges, err := slotsSeenBy(ctx, server)
	for _, one := range ranges {
		if len(one.Nodes) != nodes {
			return nil, fmt.Errorf("%s sees %d nodes for slots %d to %d", server.Addr, len(one.Nodes), one.Start, one.End)
		}
		shards = append(shards, fmt.Sprintf("%d-%d %s %s", one.Start, one.End, one.Nodes[0].Addr, one.Nodes[1].Addr))
	}
	slices.Sort(shards)
	return shards, err
}

// slotOf returns the slot of an event.
func slotOf(ctx context.Context, server *redistest.Server, event uint64) (slot int, err error) {
	err = ask(server, func(client *redis.Client) error {
		answer, err := client.ClusterKeySlot(ctx, fmt.Sprintf("event:{%d}", event)).Result()
		slot = int(answer)
		return err
	})
	return slot, err
}

// masterAddr returns the address of a slot's master, as a server gives it.
func masterAddr(ctx context.Context, slot int, seenBy *redistest.Server) (string, error) {
	ranges, err := slotsSeenBy(ctx, seenBy)
	if err != nil {
		return "", err
	}
	for _, one := range ranges {
		if slot >= one.Start && slot <= one.End {
			return one.Nodes[0].Addr, nil
		}
	}
	return "", fmt.Errorf("slot %d has no master", slot)
}

// masterOf returns the master of a slot, as a server sees it.
func (c *sixNodes) masterOf(ctx context.Context, slot int, seenBy *redistest.Server) (*redistest.Server, error) {
	addr, err := masterAddr(ctx, slot, seenBy)
	if err != nil {
		return nil, err
	}
	for _, server := range c.Servers {
		if server.Addr == addr {
			return server, nil
		}
	}
	return nil, fmt.Errorf("slot %d is with %s, which is none of ours", slot, addr)
}

// masters returns the masters with their node ids.
func (c *sixNodes) masters(ctx context.Context) (masters []*redistest.Server, ids map[*redistest.Server]string, err error) {
	ids = map[*redistest.Server]string{}
	for _, server := range c.Servers {
		err := ask(server, func(client *redis.Client) error {
			info, err := client.Info(ctx, "replication").Result()
			if err != nil || !strings.Contains(info, "role:master") {
				return err
			}
			masters = append(masters, server)
			ids[server], err = client.ClusterMyID(ctx).Result()
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return masters, ids, nil
}

// victim chooses the master of one of the round's events, and notes which other events
// are on it. witness is a node that the fault spares.
func (c *sixNodes) victim(ctx context.Context, r *round) (victim, witness *redistest.Server, slot int, err error) {
	chosen := r.events[r.random.IntN(len(r.events))]
	if slot, err = slotOf(ctx, c.Servers[0], chosen.Event); err != nil {
		return nil, nil, 0, err
	}
	if victim, err = c.masterOf(ctx, slot, c.Servers[0]); err != nil {
		return nil, nil, 0, err
	}
	r.affected = map[uint64]bool{}
	for _, event := range r.events {
		other, err := slotOf(ctx, c.Servers[0], event.Event)
		if err != nil {
			return nil, nil, 0, err
		}
		master, err := c.masterOf(ctx, other, c.Servers[0])
		if err != nil {
			return nil, nil, 0, err
		}
		r.affected[event.Event] = master == victim
	}
	masters, _, err := c.masters(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	others := slices.DeleteFunc(masters, func(s *redistest.Server) bool { return s == victim })
	return victim, others[0], slot, nil
}

// waitPromoted waits until another node than the victim serves the slot.
func (c *sixNodes) waitPromoted(ctx context.Context, slot int, victim, witness *redistest.Server) error {
	return until(ctx, "a replica's promotion", func(ctx context.Context) error {
		master, err := c.masterOf(ctx, slot, witness)
		if err == nil && master == victim {
			err = errors.New("the old master is the master still")
		}
		return err
	})
}

// How long a slot stays half moved at most, for each of its keys, and how long the move
// of one key may take.
const (
	slotMoveStep    = 100 * time.Millisecond
	slotMoveTimeout = 5 * time.Second
)

// moveSlot moves a slot to another master while it is in use, key by key.
func (c *sixNodes) moveSlot(ctx context.Context, r *round, slot int) error {
	from, err := c.masterOf(ctx, slot, c.Servers[0])
	if err != nil {
		return err
	}
	masters, ids, err := c.masters(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(masters), func(s *redistest.Server) bool { return s == from })
	to := others[r.random.IntN(len(others))]
	setSlot := func(server *redistest.Server, args ...any) error {
		return ask(server, func(client *redis.Client) error {
			return client.Do(ctx, append([]any{"CLUSTER", "SETSLOT", slot}, args...)...).Err()
		})
	}
	if err := setSlot(to, "IMPORTING", ids[from]); err != nil {
		return err
	}
	if err := setSlot(from, "MIGRATING", ids[to]); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(to.Addr)
	if err != nil {
		return err
	}
	err = ask(from, func(client *redis.Client) error {
		for {
			r.moment(ctx, slotMoveStep)
			keys, err := client.ClusterGetKeysInSlot(ctx, slot, 1).Result()
			if err != nil || len(keys) == 0 {
				return err
			}
			if err := client.Migrate(ctx, host, port, keys[0], 0, slotMoveTimeout).Err(); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	for _, server := range append([]*redistest.Server{to, from}, masters...) {
		if err := setSlot(server, "NODE", ids[to]); err != nil {
			return err
		}
	}
	return nil
}
