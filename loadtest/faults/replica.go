package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// pair is a master and a replica behind one address, as where a provider does the
// failover. The replica gets its data through a proxy, so that it can be made to lag.
type pair struct {
	master, replica *redistest.Server
	address         *toxiproxy.Proxy // in front of the master
	replication     *toxiproxy.Proxy // between the two
}

func startPair(ctx context.Context) (p *pair, err error) {
	p = &pair{}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	for _, server := range []**redistest.Server{&p.master, &p.replica} {
		if *server, err = redistest.Start(append(fsyncAlways, syncAtOnce...)...); err != nil {
			return p, err
		}
	}
	for _, proxy := range []**toxiproxy.Proxy{&p.address, &p.replication} {
		if *proxy, err = startProxy(p.master.Addr); err != nil {
			return p, err
		}
	}
	return p, p.replicate(ctx)
}

func (p *pair) stop() {
	for _, server := range []*redistest.Server{p.master, p.replica} {
		if server != nil {
			server.Stop()
		}
	}
	for _, proxy := range []*toxiproxy.Proxy{p.address, p.replication} {
		if proxy != nil {
			proxy.Stop()
		}
	}
}

// replicate makes the replica one, and waits until it is in step.
func (p *pair) replicate(ctx context.Context) error {
	host, port, err := net.SplitHostPort(p.replication.Listen)
	if err != nil {
		return err
	}
	if err := ask(p.replica, func(client *redis.Client) error { return client.ReplicaOf(ctx, host, port).Err() }); err != nil {
		return err
	}
	return until(ctx, "a replica in step", func(ctx context.Context) error {
		const replicas = 1
		return errors.Join(replicates(ctx, p.master, replicas), replicates(ctx, p.replica, 0))
	})
}

// failOver ends the master, puts the replica in its place, and lets the old master come
// back as the replica.
func (p *pair) failOver(ctx context.Context) error {
	p.master.Kill()
	return p.takeOver(ctx)
}

// takeOver is failOver with a master that has ended.
func (p *pair) takeOver(ctx context.Context) error {
	p.master, p.replica = p.replica, p.master
	if err := ask(p.master, func(client *redis.Client) error { return client.ReplicaOf(ctx, "NO", "ONE").Err() }); err != nil {
		return err
	}
	if err := p.address.Update(&toxiproxy.Proxy{Listen: p.address.Listen, Upstream: p.master.Addr, Enabled: true}); err != nil {
		return err
	}
	p.replication.Stop() // a toxic is slow to go if its connections are gone
	var err error
	if p.replication, err = startProxy(p.master.Addr); err != nil {
		return err
	}
	if err := p.replica.Run(); err != nil {
		return err
	}
	return p.replicate(ctx)
}

// replicaFaults affect a master whose replica has not got everything: what was acknowledged
// and not replicated would be lost for sure.
func replicaFaults(ctx context.Context, l *lab) error {
	p, err := startPair(ctx)
	if err != nil {
		return err
	}
	defer p.stop()
	books, err := openStore(ctx, replicated(store.Config{Addrs: []string{p.address.Listen}}))
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	const count = 4
	elsewhere, err := openInstances(ctx, replicated(store.Config{Addrs: []string{p.address.Listen}}), count)
	if err != nil {
		return err
	}
	defer func() { _ = elsewhere.close() }()
	lagging := func(toxic string) func(ctx context.Context, r *round) error {
		return func(ctx context.Context, r *round) error {
			r.moment(ctx, 500*time.Millisecond)
			if _, err := p.replication.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				return err
			}
			r.moment(ctx, time.Second)
			return p.failOver(ctx)
		}
	}
	stopped := func(cutting bool) func(ctx context.Context, r *round) error {
		return func(ctx context.Context, r *round) error {
			r.moment(ctx, 500*time.Millisecond)
			if err := r.standStill(ctx, p.master, p.replica, cutting); err != nil {
				return err
			}
			p.master.Kill()
			return errors.Join(reset(p.replica), p.takeOver(ctx))
		}
	}
	replica := func(name string, inject func(context.Context, *round) error) fault {
		return fault{
			name: "replica: " + name, rounds: 6, short: 1, load: 3 * time.Second, books: books, inject: inject,
			outageLimit: outageLimit, dirtyReads: true,
		}
	}
	elsewhereToo := replica("stopped, requests repeated elsewhere", stopped(false))
	elsewhereToo.target, elsewhereToo.patience = elsewhere, repeating
	cut := replica("stopped, connections cut", stopped(true))
	for _, standstill := range []*fault{&elsewhereToo, &cut} {
		standstill.rounds, standstill.refusals = 4, true
	}
	return l.inflict(ctx,
		replica("100 ms behind, takes over", lagging(`{"type":"latency","attributes":{"latency":100}}`)),
		replica("cut off, takes over", lagging(`{"type":"timeout","attributes":{"timeout":0}}`)),
		elsewhereToo, cut)
}
