package scripts_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store/redistest"
)

// shelf is a Redis on which one event after the other is made for a benchmark.
type shelf struct {
	b      *testing.B
	client *redis.Client
	events int
}

// run calls a script count times, in pipelines of 200, with the arguments that args
// returns, and all keys of the current event.
func (s *shelf) run(source string, keys, count int, args func(i int) []any) {
	s.b.Helper()
	ctx := context.Background()
	script := redis.NewScript(source)
	if err := script.Load(ctx, s.client).Err(); err != nil {
		s.b.Fatal(err)
	}
	names := s.keys()[:keys]
	for first := 0; first < count; first += 200 {
		replies, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i := first; i < min(first+200, count); i++ {
				pipe.EvalSha(ctx, script.Hash(), names, args(i)...)
			}
			return nil
		})
		if err != nil {
			s.b.Fatal(err)
		}
		for _, reply := range replies {
			cmd, ok := reply.(*redis.Cmd)
			if !ok {
				s.b.Fatalf("answered a %T", reply)
			}
			if items, err := cmd.Slice(); err != nil || strings.HasPrefix(fmt.Sprint(items[0]), "no_") {
				s.b.Fatalf("answered %v, %v", items, err)
			}
		}
	}
}

func (s *shelf) keys() []string {
	tag := fmt.Sprintf(":{%d}", s.events)
	return []string{"event" + tag, "log" + tag, "waitlist" + tag, "withdrawn" + tag}
}

const settings = `{"name":"bench","state":"open","total":%d}`

func (s *shelf) newEvent(total int) {
	s.b.Helper()
	s.events++
	s.run(scripts.Initialize.Source, 4, 1, func(int) []any {
		return []any{0, "", "00000000-0001-8850-bd94-5d60d3b0a36a", fmt.Sprintf(settings, total), ""}
	})
}

func id(i int) string {
	hash := sha256.Sum256([]byte(strconv.Itoa(i)))
	return base64.RawURLEncoding.EncodeToString(hash[:10])
}

// bookings are those of one call, from the one at first on.
func bookings(first, count int) []any {
	args := []any{0, "", ""}
	for i := first; i < first+count; i++ {
		args = append(args, id(i), "u"+strconv.Itoa(i), 1)
	}
	return args
}

func booking(i int) []any { return bookings(i, 1) }

func cancellation(i int) []any { return []any{0, "", "", id(i), "u" + strconv.Itoa(i), ""} }

// BenchmarkScripts is each script on a real Redis. redis-µs/op is what Redis says that
// it spent on a call; the rest of ns/op is the way there and back.
func BenchmarkScripts(b *testing.B) {
	redistest.Require(b)
	server, err := redistest.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	s := &shelf{client: client}

	book := func(count int) { s.run(scripts.Book.Source, 3, count, booking) }
	for _, bench := range []struct {
		name    string
		source  string
		keys    int
		prepare func(count int)
		args    func(i int) []any
	}{
		{"constant", `return {'confirmed', 1, 0, 0, 0}`, 3, func(int) {}, booking},
		{"number", scripts.Number.Source, 1, func(int) {}, func(i int) []any { return []any{id(i)} }},
		{"complete", scripts.Complete.Source, 1, func(int) {}, func(i int) []any { return []any{0, id(i), i + 1} }},
		{"initialize again", scripts.Initialize.Source, 4, func(int) { s.newEvent(1) }, func(int) []any {
			return []any{0, "", "00000000-0001-8850-bd94-5d60d3b0a36a", fmt.Sprintf(settings, 1), ""}
		}},
		{"update", scripts.Update.Source, 2, func(int) { s.newEvent(1) }, func(i int) []any {
			return []any{0, "", "", id(i), fmt.Sprintf(`{"total":%d}`, 2+i), ""}
		}},
		{"book", scripts.Book.Source, 3, func(count int) { s.newEvent(count) }, booking},
		{"book 64", scripts.Book.Source, 3, func(count int) { s.newEvent(64 * count) }, func(i int) []any { return bookings(64*i, 64) }},
		{"book, sold out", scripts.Book.Source, 3, func(int) { s.newEvent(1) }, booking},
		{"book again", scripts.Book.Source, 3, func(count int) { s.newEvent(count); book(count) }, booking},
		{"cancel", scripts.Cancel.Source, 4, func(count int) { s.newEvent(count); book(count) }, cancellation},
		{"cancel and promote", scripts.Cancel.Source, 4, func(count int) { s.newEvent(count); book(2 * count) }, cancellation},
		{"withdraw", scripts.Cancel.Source, 4, func(count int) { s.newEvent(1); book(count + 2) }, func(i int) []any {
			return cancellation(i + 2) // not the head
		}},
		{"promote 250", scripts.Promote.Source, 4, func(count int) {
			s.newEvent(1)
			book(1 + scripts.LookLimit*min(count, 4000)) // a waiting list of at most a million; after it there is nothing to do
			s.run(scripts.Update.Source, 2, 1, func(int) []any { return []any{0, "", "", id(0), `{"total":1000000000}`, ""} })
		}, func(int) []any { return []any{0, ""} }},
		{"list 50", scripts.List.Source, 3, func(int) { s.newEvent(1000); book(1000) }, func(int) []any { return []any{"", 0, 50} }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s.b = b
			bench.prepare(b.N)
			if err := client.ConfigResetStat(context.Background()).Err(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			s.run(bench.source, bench.keys, b.N, bench.args)
			b.StopTimer()
			b.ReportMetric(spent(b, client), "redis-µs/op")
		})
	}
}

// spent is Redis's time for a script call since the last reset, in microseconds.
func spent(b *testing.B, client *redis.Client) float64 {
	b.Helper()
	info, err := client.Info(context.Background(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, line, _ := strings.Cut(info, "cmdstat_evalsha:")
	_, rest, _ := strings.Cut(line, "usec_per_call=")
	text, _, _ := strings.Cut(rest, ",")
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		b.Fatal(err)
	}
	return value
}
