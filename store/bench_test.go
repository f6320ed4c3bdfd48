package store_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// BenchmarkBook is a booking of a new user on a real Redis, with as many callers as
// share pipelines well.
func BenchmarkBook(b *testing.B) {
	redistest.Require(b)
	s := open(b, store.Config{Addrs: []string{startServer(b, redistest.Start).Addr}})
	created, err := s.Initialize(ctx, tickets(1_000_000_000))
	if err != nil {
		b.Fatal(err)
	}
	event := store.EventUUID(created.Event.UUID)
	var users atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			user := "u" + strconv.FormatInt(users.Add(1), 10)
			if _, err := s.Book(ctx, store.BookRequest{Event: event, User: user, Quantity: 1}); err != nil {
				b.Error(err)
			}
		}
	})
}
