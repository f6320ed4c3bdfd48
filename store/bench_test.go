package store_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

// BenchmarkBook is a booking of a new user on a real Redis and a cluster, with 256
// callers: through the store, and, to compare its batches with, the same script through
// go-redis's own AutoPipeline and with a round trip for each call.
func BenchmarkBook(b *testing.B) {
	const callers, events = 256, 12 // events spread over the shards
	for engine, open := range map[string]func(testing.TB) *store.Store{"redis": openRedis, "cluster": openCluster} {
		s := open(b)
		var refs []store.EventRef
		for range events {
			created, err := s.Initialize(ctx, tickets(1_000_000_000))
			if err != nil {
				b.Fatal(err)
			}
			refs = append(refs, store.EventNumber(created.Event.Number))
		}
		client := admin(b, s)
		sha, err := client.ScriptLoad(ctx, scripts.Book.Source).Result()
		if err != nil {
			b.Fatal(err)
		}
		var automatic interface {
			EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd
			Close() error
		}
		switch client := client.(type) {
		case *redis.Client:
			automatic, err = client.AutoPipeline()
		case *redis.ClusterClient:
			automatic, err = client.AutoPipeline()
		}
		if err != nil {
			b.Fatal(err)
		}
		var users atomic.Int64
		id := func(i int64) string { return strconv.FormatInt(100_000_000_000_00+i, 10) } // 14 characters, as ids are
		for way, book := range map[string]func(i int64) error{
			"store": func(i int64) error {
				_, err := s.Book(ctx, store.BookRequest{Event: refs[i%events], User: "u" + id(i), Quantity: 1})
				return err
			},
			"AutoPipeline": func(i int64) error {
				return automatic.EvalSha(ctx, sha, layout.Keys{}.OfEvent(uint64(i%events + 1))[:3], "0", "", "", id(i), "u"+id(i), 1).Err()
			},
			"one by one": func(i int64) error {
				return client.EvalSha(ctx, sha, layout.Keys{}.OfEvent(uint64(i%events + 1))[:3], "0", "", "", id(i), "u"+id(i), 1).Err()
			},
		} {
			b.Run(engine+"/"+way, func(b *testing.B) {
				b.SetParallelism(callers / 2)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := book(users.Add(1)); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
		if err := automatic.Close(); err != nil {
			b.Error(err)
		}
	}
}
