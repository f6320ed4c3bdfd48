package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// startProxy starts a proxy on a free port.
func startProxy(upstream string) (*toxiproxy.Proxy, error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // some toxics log past the logger that they are given
	proxy := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()),
		upstream, "127.0.0.1:0", upstream)
	return proxy, proxy.Start()
}

// networkFaults affect the way between the service and Redis.
func networkFaults(ctx context.Context, l *lab) error {
	if err := singleNetworkFaults(ctx, l); err != nil {
		return err
	}
	return clusterNetworkFaults(ctx, l)
}

// singleNetworkFaults affect the way to a single Redis. The books are read past it.
func singleNetworkFaults(ctx context.Context, l *lab) error {
	server, err := redistest.Start(fsyncAlways...)
	if err != nil {
		return err
	}
	defer server.Stop()
	proxy, err := startProxy(server.Addr)
	if err != nil {
		return err
	}
	defer proxy.Stop()
	books, err := openStore(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	far, err := openStore(ctx, store.Config{Addrs: []string{proxy.Listen}, ReadTimeout: readTimeout})
	if err != nil {
		return err
	}
	defer func() { _ = far.Close() }()

	list := networkFaultsOn(func(context.Context, *round) (*toxiproxy.Proxy, error) { return proxy, nil })
	for i := range list {
		list[i].name = "network: " + list[i].name
		list[i].rounds, list[i].short = 3, 1
		list[i].books, list[i].target = books, directly{far}
	}
	return l.inflict(ctx, list...)
}

// clusterNetworkFaults affect the ways to three masters, one at a time.
func clusterNetworkFaults(ctx context.Context, l *lab) error {
	c, err := startDistant(ctx)
	if err != nil {
		return err
	}
	defer c.stop()
	books, err := openStore(ctx, store.Config{Addrs: []string{c.ways[0].Listen}, ReadTimeout: readTimeout})
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()

	list := networkFaultsOn(c.victim)
	for i := range list {
		list[i].name = "network of a cluster: " + list[i].name
		list[i].rounds, list[i].short = 2, i%2 // of the short run, every other one
		list[i].books, list[i].events = books, 6
	}
	return l.inflict(ctx, list...)
}

// networkFaultsOn returns the faults, each on a way that is chosen once a round.
func networkFaultsOn(choose func(context.Context, *round) (*toxiproxy.Proxy, error)) []fault {
	inject := func(name string, do func(context.Context, *round, *toxiproxy.Proxy) error) fault {
		return fault{name: name, load: 2 * time.Second, inject: func(ctx context.Context, r *round) error {
			way, err := choose(ctx, r)
			if err != nil {
				return err
			}
			return do(ctx, r, way)
		}}
	}
	// spells puts toxics on the way, and takes them away again, several times.
	spells := func(name string, times int, longest time.Duration, toxic func(r *round) string) fault {
		return inject(name, func(ctx context.Context, r *round, way *toxiproxy.Proxy) error {
			for range times {
				r.moment(ctx, 300*time.Millisecond)
				if _, err := way.Toxics.AddToxicJson(strings.NewReader(toxic(r))); err != nil {
					return err
				}
				r.moment(ctx, longest)
				way.Toxics.ResetToxics(ctx)
			}
			return nil
		})
	}
	cut := func(ctx context.Context, r *round, way *toxiproxy.Proxy) error {
		for range 5 {
			r.moment(ctx, 300*time.Millisecond)
			way.Stop()
			r.moment(ctx, 200*time.Millisecond)
			if err := way.Start(); err != nil {
				return err
			}
		}
		return nil
	}
	toxic := func(kind, attributes string) func(*round) string {
		return func(*round) string { return fmt.Sprintf(`{"type":%q,"attributes":{%s}}`, kind, attributes) }
	}
	cutShort := func(r *round) string { // after so many bytes of answers, often in the middle of one
		return toxic("limit_data", fmt.Sprintf(`"bytes":%d`, r.random.IntN(1000)))(r)
	}
	return []fault{
		spells("latency", 2, 2*time.Second, toxic("latency", `"latency":40,"jitter":40`)),
		inject("connections cut", cut),
		spells("connections reset", 5, 300*time.Millisecond, toxic("reset_peer", `"timeout":0`)),
		spells("replies lost, the connection is closed", 5, 400*time.Millisecond, toxic("timeout", `"timeout":50`)),
		spells("replies lost, the connection stays open", 3, 800*time.Millisecond, toxic("timeout", `"timeout":0`)),
		spells("replies cut off halfway", 6, 400*time.Millisecond, cutShort),
		spells("slow replies, byte by byte", 2, time.Second, toxic("slicer", `"average_size":5,"size_variation":3,"delay":2000`)),
		spells("slow replies, 1 kB/s", 2, time.Second, toxic("bandwidth", `"rate":1`)),
		spells("connections slow to close", 3, 500*time.Millisecond, toxic("slow_close", `"delay":300`)),
	}
}
