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

// networkFaults befall the way between the service and a single Redis.
func networkFaults(ctx context.Context, l *lab) error {
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

	// spells puts toxics on the way, and takes them away again, several times.
	spells := func(times int, longest time.Duration, toxic func(r *round) string) func(context.Context, *round) error {
		return func(ctx context.Context, r *round) error {
			for range times {
				r.moment(ctx, 300*time.Millisecond)
				if _, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic(r))); err != nil {
					return err
				}
				r.moment(ctx, longest)
				proxy.Toxics.ResetToxics(ctx)
			}
			return nil
		}
	}
	cut := func(ctx context.Context, r *round) error {
		for range 5 {
			r.moment(ctx, 300*time.Millisecond)
			proxy.Stop()
			r.moment(ctx, 200*time.Millisecond)
			if err := proxy.Start(); err != nil {
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
	network := func(name string, strike func(context.Context, *round) error) fault {
		return fault{
			name: "network: " + name, rounds: 4, short: 1, load: 2 * time.Second,
			books: books, target: directly{far}, strike: strike,
		}
	}
	return l.inflict(ctx,
		network("latency", spells(2, 2*time.Second, toxic("latency", `"latency":40,"jitter":40`))),
		network("connections cut", cut),
		network("connections reset", spells(5, 300*time.Millisecond, toxic("reset_peer", `"timeout":0`))),
		network("answers swallowed", spells(5, 400*time.Millisecond, toxic("timeout", `"timeout":50`))),
		network("answers swallowed, silence", spells(3, 800*time.Millisecond, toxic("timeout", `"timeout":0`))),
		network("answers cut short", spells(6, 400*time.Millisecond, cutShort)),
		network("slow reads, bytes apart", spells(2, time.Second, toxic("slicer", `"average_size":5,"size_variation":3,"delay":2000`))),
		network("slow reads, 10 kB/s", spells(2, time.Second, toxic("bandwidth", `"rate":10`))),
		network("slow closing", spells(3, 500*time.Millisecond, toxic("slow_close", `"delay":300`))),
	)
}
