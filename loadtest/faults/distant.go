package main

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// distant is a cluster of three masters with a proxy on the way to each.
type distant struct {
	*redistest.Cluster
	ways []*toxiproxy.Proxy // to Servers, in their order
}

// startDistant starts one whose nodes give the proxies' addresses as theirs.
func startDistant(ctx context.Context) (c *distant, err error) {
	const masters = 3
	cluster, err := redistest.StartCluster(masters, slices.Concat([]string{"--cluster-require-full-coverage", "no"}, fsyncAlways)...)
	if err != nil {
		return nil, err
	}
	c = &distant{Cluster: cluster}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	var addresses []string
	for _, server := range c.Servers {
		way, err := startProxy(server.Addr)
		if err != nil {
			return c, err
		}
		c.ways = append(c.ways, way)
		addresses = append(addresses, way.Listen)
		_, port, err := net.SplitHostPort(way.Listen)
		if err != nil {
			return c, err
		}
		err = ask(server, func(client *redis.Client) error {
			return client.ConfigSet(ctx, "cluster-announce-port", port).Err()
		})
		if err != nil {
			return c, err
		}
	}
	return c, until(ctx, "all nodes to give the proxies' addresses", func(ctx context.Context) error {
		for _, server := range c.Servers {
			ranges, err := slotsSeenBy(ctx, server)
			if err != nil {
				return err
			}
			for _, one := range ranges {
				if !slices.Contains(addresses, one.Nodes[0].Addr) {
					return fmt.Errorf("%s names %s", server.Addr, one.Nodes[0].Addr)
				}
			}
		}
		return nil
	})
}

func (c *distant) stop() {
	c.Stop()
	for _, way := range c.ways {
		way.Stop()
	}
}

// wayTo returns the way to the master of an event.
func (c *distant) wayTo(ctx context.Context, event uint64) (*toxiproxy.Proxy, error) {
	slot, err := slotOf(ctx, c.Servers[0], event)
	if err != nil {
		return nil, err
	}
	addr, err := masterAddr(ctx, slot, c.Servers[0])
	if err != nil {
		return nil, err
	}
	for _, way := range c.ways {
		if way.Listen == addr {
			return way, nil
		}
	}
	return nil, fmt.Errorf("slot %d is with %s, to which there is no way", slot, addr)
}

// victim chooses the way to one of the round's events, and notes which events are there.
func (c *distant) victim(ctx context.Context, r *round) (*toxiproxy.Proxy, error) {
	chosen, err := c.wayTo(ctx, r.events[r.random.IntN(len(r.events))].Event)
	if err != nil {
		return nil, err
	}
	r.affected = map[uint64]bool{}
	for _, event := range r.events {
		way, err := c.wayTo(ctx, event.Event)
		if err != nil {
			return nil, err
		}
		r.affected[event.Event] = way == chosen
	}
	return chosen, nil
}
