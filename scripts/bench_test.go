package scripts_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
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

var headerKey = regexp.MustCompile(`(?m)^-- KEYS\[\d+\]  (\w+)`)

// keys of the current event, by the names in the script's header.
func (s *shelf) keys(script scripts.Script) (keys []string) {
	for _, name := range headerKey.FindAllStringSubmatch(script.Source, -1) {
		keys = append(keys, fmt.Sprintf("%s:{%d}", name[1], s.events))
	}
	if len(keys) != script.Keys {
		s.b.Fatalf("%s.lua names the keys %q, and takes %d", script.Name, keys, script.Keys)
	}
	return keys
}

// run calls a script count times, in pipelines of 200, with the arguments that args returns.
func (s *shelf) run(script scripts.Script, count int, args func(i int) []any) {
	s.b.Helper()
	ctx := context.Background()
	loaded := redis.NewScript(script.Source)
	if err := loaded.Load(ctx, s.client).Err(); err != nil {
		s.b.Fatal(err)
	}
	keys := s.keys(script)
	for first := 0; first < count; first += 200 {
		replies, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i := first; i < min(first+200, count); i++ {
				given := args(i)
				if items := len(given) - script.Args; items != 0 && (script.ItemArgs == 0 || items%script.ItemArgs != 0) {
					s.b.Fatalf("%s.lua takes %d arguments and %d for an item, not %d", script.Name, script.Args, script.ItemArgs, len(given))
				}
				pipe.EvalSha(ctx, loaded.Hash(), keys, given...)
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
			if items, err := cmd.Slice(); err != nil || refused[fmt.Sprint(items[0])] {
				s.b.Fatalf("%s.lua answered %v, %v", script.Name, items, err)
			}
		}
	}
}

// refused are the answers that would make a benchmark one of something else.
var refused = map[string]bool{
	"no_event": true, "no_booking": true, "corrupt": true, "unknown_format": true, "due": true, "ask": true, "idle": true,
	"holds_off": true, "sold_out": true, "hold_expired": true, "hold_limit": true,
}

const settings = `{"name":"bench","state":"open","total":%d,"holdSeconds":600}`

// clock is what a script takes instead of the time, in milliseconds since 1970.
const clock = 1_800_000_000_000

func (s *shelf) newEvent(total int) {
	s.b.Helper()
	s.events++
	s.run(scripts.Initialize, 1, func(int) []any { return creation(total) })
}

func creation(total int) []any {
	return []any{0, clock, "00000000-0001-8850-bd94-5d60d3b0a36a", fmt.Sprintf(settings, total), ""}
}

func id(i int) string {
	hash := sha256.Sum256([]byte(strconv.Itoa(i)))
	return base64.RawURLEncoding.EncodeToString(hash[:10])
}

// bookings are those of one call, from the one at first on.
func bookings(first, count int) []any {
	args := []any{0, clock, 0, ""}
	for i := first; i < first+count; i++ {
		args = append(args, id(i), "u"+strconv.Itoa(i), 1, "", 1)
	}
	return args
}

func booking(i int) []any { return bookings(i, 1) }

func hold(i int) []any { return []any{0, clock, 0, "", id(i), "u" + strconv.Itoa(i), 1, 0, ""} }

func cancellation(i int) []any { return []any{0, clock, 0, "", id(i), "u" + strconv.Itoa(i), "", ""} }

func change(i int, total int) []any {
	return []any{0, clock, 0, "", id(i), "", "", fmt.Sprintf(`{"total":%d}`, total), ""}
}

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

	constant := scripts.Book
	constant.Source = "-- KEYS[1]  event\n-- KEYS[2]  log\n-- KEYS[3]  waitlist\nreturn {'confirmed', 1, 0, 0, 0}"
	booked := func(total, count int) {
		s.newEvent(total)
		s.run(scripts.Book, count, booking)
	}
	held := func(count int) {
		s.newEvent(count)
		s.run(scripts.Hold, count, hold)
	}
	for _, bench := range []struct {
		name    string
		script  scripts.Script
		prepare func(count int)
		args    func(i int) []any
	}{
		{"constant", constant, func(int) {}, booking},
		{"number", scripts.Number, func(int) {}, func(i int) []any { return []any{"", id(i), 0} }},
		{"complete", scripts.Complete, func(int) {}, func(i int) []any { return []any{0, id(i), i + 1} }},
		{"initialize again", scripts.Initialize, func(int) { s.newEvent(1) }, func(int) []any { return creation(1) }},
		{"update", scripts.Update, func(int) { s.newEvent(1) }, func(i int) []any { return change(i, 2+i) }},
		{"book", scripts.Book, func(count int) { s.newEvent(count) }, booking},
		{"book 64", scripts.Book, func(count int) { s.newEvent(64 * count) }, func(i int) []any { return bookings(64*i, 64) }},
		{"book, sold out", scripts.Book, func(int) { s.newEvent(1) }, booking},
		{"book again", scripts.Book, func(count int) { booked(count, count) }, booking},
		{"hold", scripts.Hold, func(count int) { s.newEvent(count) }, hold},
		{"confirm", scripts.Confirm, held, func(i int) []any { return []any{0, clock, 0, id(i), "u" + strconv.Itoa(i)} }},
		{"extend", scripts.Extend, held, func(i int) []any { return []any{0, clock, id(i), "u" + strconv.Itoa(i), 1200} }},
		{"expire 64", scripts.Expire, func(count int) { held(64 * count) }, func(int) []any {
			return []any{0, clock + 600_000, clock + 600_000}
		}},
		{"release", scripts.Cancel, held, cancellation},
		{"cancel", scripts.Cancel, func(count int) { booked(count, count) }, cancellation},
		{"cancel and promote", scripts.Cancel, func(count int) { booked(count, 2*count) }, cancellation},
		{"withdraw", scripts.Cancel, func(count int) { booked(1, count+2) }, func(i int) []any {
			return cancellation(i + 2) // not the head
		}},
		{"promote 250", scripts.Promote, func(count int) {
			booked(1, 1+scripts.LookLimit*min(count, 4000)) // a waiting list of at most a million; after it there is nothing to do
			s.run(scripts.Update, 1, func(int) []any { return change(0, 1_000_000_000) })
		}, func(int) []any { return []any{0, clock} }},
		{"list 50", scripts.List, func(int) { booked(1000, 1000) }, func(int) []any { return []any{"", 0, 50} }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s.b = b
			bench.prepare(b.N)
			if err := client.ConfigResetStat(context.Background()).Err(); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			s.run(bench.script, b.N, bench.args)
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
