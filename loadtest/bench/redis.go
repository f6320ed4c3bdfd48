package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// rig is a Redis with a store on it.
type rig struct {
	*store.Store
	server *redistest.Server
	client *redis.Client
	users  atomic.Int64
}

func startRig(ctx context.Context) (*rig, error) {
	// A rewrite of the append-only file would start at some size, and slow down what is
	// measured just then.
	server, err := redistest.Start("--auto-aof-rewrite-percentage", "0") //nolint:contextcheck // it takes none: stop() ends the server
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}, PoolSize: 64})
	if err != nil {
		server.Stop()
		return nil, err
	}
	return &rig{Store: s, server: server, client: server.Client()}, nil
}

func (r *rig) stop() {
	_ = r.client.Close()
	_ = r.Close()
	r.server.Stop()
}

// callers is how many calls are under way at once: enough to fill pipelines.
const callers = 256

// parallel calls do(0) ... do(count-1), and returns the first error.
func parallel(count int, do func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range min(callers, count) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < count && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// cost is the time that Redis spent in scripts while do made so many operations, in
// microseconds an operation. Several operations may travel in one call.
func (r *rig) cost(ctx context.Context, operations int, do func() error) (float64, error) {
	if err := r.client.ConfigResetStat(ctx).Err(); err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	info, err := r.client.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	spent := 0.0
	for line := range strings.Lines(info) {
		if !strings.HasPrefix(line, "cmdstat_evalsha") { // evalsha_ro is of the scripts that only read
			continue
		}
		_, rest, _ := strings.Cut(line, "usec=")
		text, _, _ := strings.Cut(rest, ",")
		usec, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, err
		}
		spent += usec
	}
	if spent == 0 {
		return 0, errors.New("no script ran")
	}
	return spent / float64(operations), nil
}

func (r *rig) event(ctx context.Context, total int) (store.EventRef, uint64, error) {
	result, err := r.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{
		Name: "bench", TotalTickets: int64(total), HoldSeconds: 3600,
	}})
	return store.EventUUID(result.Event.UUID), result.Event.Number, err
}

// user returns a user who has not booked yet.
func (r *rig) user() string { return "u" + strconv.FormatInt(r.users.Add(1), 10) }

// booked is a booking and its user.
type booked struct {
	id   uuid.UUID
	user string
}

// fill books for count new users, and returns the bookings in the order of the event.
func (r *rig) fill(ctx context.Context, event store.EventRef, count int) ([]booked, error) {
	type versioned struct {
		booked
		version int64
	}
	all := make([]versioned, count)
	err := parallel(count, func(i int) error {
		user := r.user()
		result, err := r.Book(ctx, store.BookRequest{Event: event, User: user, Quantity: 1})
		all[i] = versioned{booked{result.Booking, user}, result.Version}
		return err
	})
	slices.SortFunc(all, func(a, b versioned) int { return int(a.version - b.version) })
	bookings := make([]booked, count)
	for i, one := range all {
		bookings[i] = one.booked
	}
	return bookings, err
}

func (r *rig) cancel(ctx context.Context, one booked) error {
	_, err := r.Cancel(ctx, store.CancelRequest{Booking: one.id, User: one.user})
	return err
}

// depth is how many calls go to Redis in one pipeline where a script's cost is
// measured. That way the limit and the scripts run under the same conditions, and
// nothing else of the service shares the processor with them.
const depth = 200

// pipelined runs a script count times, each time with the keys and arguments that
// call returns, and returns what Redis spent on one, in microseconds.
func (r *rig) pipelined(ctx context.Context, script scripts.Script, number uint64, count int, args func(i int) []any) (float64, error) {
	return r.cost(ctx, count, func() error { return r.send(ctx, script, number, count, depth, args) })
}

// send runs a script on an event count times, so many calls in a pipeline. What it answers has to be
// the word of success of some script: else something else is measured.
func (r *rig) send(ctx context.Context, script scripts.Script, number uint64, count, depth int, args func(i int) []any) error {
	loaded := redis.NewScript(script.Source)
	if err := loaded.Load(ctx, r.client).Err(); err != nil {
		return err
	}
	keys := eventKeys(number, script)
	for first := 0; first < count; first += depth {
		replies, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i := first; i < min(first+depth, count); i++ {
				given := args(i)
				if items := len(given) - script.Args; items != 0 && (script.ItemArgs == 0 || items%script.ItemArgs != 0) {
					return fmt.Errorf("%s.lua takes %d arguments and %d for an item, not %d", script.Name, script.Args, script.ItemArgs, len(given))
				}
				pipe.EvalSha(ctx, loaded.Hash(), keys, given...)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s.lua: %w", script.Name, err)
		}
		for _, reply := range replies {
			items, err := reply.(*redis.Cmd).Slice() //nolint:forcetypeassert // EvalSha makes no other
			if err != nil || len(items) == 0 || !succeeded[fmt.Sprint(items[0])] {
				return fmt.Errorf("%s.lua answered %v: %w", script.Name, items, err)
			}
		}
	}
	return nil
}

var succeeded = map[string]bool{
	"confirmed": true, "waiting": true, "held": true, "extended": true, "cancelled": true, "expired": true,
}

// mainThread is the processor time of Redis's main thread during do, in microseconds: what
// bounds a shard. Besides the scripts it is the reading of calls, the replies, and what is
// written to the append-only file.
func (r *rig) mainThread(ctx context.Context, do func() error) (float64, error) {
	before, err := r.mainThreadTime(ctx)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := r.mainThreadTime(ctx)
	return after - before, err
}

func (r *rig) mainThreadTime(ctx context.Context) (microseconds float64, err error) {
	info, err := r.client.Info(ctx, "cpu").Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "used_cpu_sys_main_thread" && name != "used_cpu_user_main_thread" {
			continue
		}
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		microseconds += seconds * 1e6
	}
	return microseconds, nil
}

// constant is the limit of Redis (L2): a script that takes what book.lua takes, and
// answers in the same shape, and does nothing.
var constant = func() scripts.Script {
	script := scripts.Book
	script.Name, script.Source = "constant", `return {'confirmed', 1, 0, 0, 0}`
	return script
}()

// constantCost is L2.
func (r *rig) constantCost(ctx context.Context, calls int) (float64, error) {
	return r.pipelined(ctx, constant, 1, calls, bookArguments)
}

// eventKeys are those that a script takes, as the store hands them over.
func eventKeys(number uint64, script scripts.Script) []string {
	if script.Name == scripts.Hold.Name || script.Name == scripts.Confirm.Name || script.Name == scripts.Extend.Name {
		return []string{layout.Keys{}.Event(number), layout.Keys{}.Log(number), layout.Keys{}.Deadlines(number)}
	}
	return layout.Keys{}.OfEvent(number)[:script.Keys]
}

// The arguments of scripts, as the store hands them over, about the i-th booking of an event, of a
// user of its own.

func bookArguments(i int) []any { return bookTogether(i, 1) }

func holdArguments(i int) []any {
	return []any{"0", "", 0, "", shortID(i), "u" + strconv.Itoa(i), 1, 0, ""}
}

func confirmArguments(i int) []any {
	return []any{"0", "", 0, shortID(i), "u" + strconv.Itoa(i)}
}

func cancelArguments(i int) []any {
	return []any{"0", "", 0, "", shortID(i), "u" + strconv.Itoa(i), "", ""}
}

// bookTogether are those of count bookings in one call.
func bookTogether(first, count int) []any {
	args := []any{"0", "", 0, ""}
	for i := first; i < first+count; i++ {
		args = append(args, shortID(i), "u"+strconv.Itoa(i), 1, "", 1)
	}
	return args
}

// shortID returns the short id of an event's i-th booking.
func shortID(i int) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	return base64.RawURLEncoding.EncodeToString(sum[:10])
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// rounds measures several things in turn, so that a busy moment of the machine hits
// all of them, and returns the median of each.
func rounds(count int, measure ...func() (float64, error)) ([]float64, error) {
	values := make([][]float64, len(measure))
	for range count {
		for i, one := range measure {
			value, err := one()
			if err != nil {
				return nil, err
			}
			values[i] = append(values[i], value)
		}
	}
	medians := make([]float64, len(measure))
	for i := range values {
		medians[i] = median(values[i])
	}
	return medians, nil
}
