package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Health is what the masters reported of themselves at one moment, as sorted sentences for
// people. The same state gives the same sentences.
type Health struct {
	Problems []string // why no event can be booked; empty if one can
	Warnings []string // what may lose bookings, or keeps some events from being booked
}

// Ready reports whether bookings can be made.
func (h Health) Ready() bool { return len(h.Problems) == 0 }

// Health asks every master whether bookings can be made, and for settings that lose
// them. A cluster is ready if one of its masters takes bookings: what is wrong with the
// others is a warning then. Where the provider forbids INFO, a warning says that the
// answer is unknown.
func (c *Conn) Health(ctx context.Context) Health {
	if c.engine == EngineEmbedded {
		h := Health{Warnings: []string{"the embedded engine keeps bookings in memory only: they are lost on exit"}}
		if err := c.client.Ping(ctx).Err(); err != nil {
			h.Problems = []string{"the embedded engine " + silence(err)}
		}
		return h
	}
	var mutex sync.Mutex
	var all Health
	able := 0
	check := func(client *redis.Client) {
		addr := client.Options().Addr
		if c.engine == EngineSentinel {
			addr = "the master" // its address is the client's secret
		}
		one := c.nodeHealth(ctx, client)
		mutex.Lock()
		defer mutex.Unlock()
		if one.Ready() {
			able++
		}
		for _, problem := range one.Problems {
			all.Problems = append(all.Problems, addr+": "+problem)
		}
		for _, warning := range one.Warnings {
			all.Warnings = append(all.Warnings, addr+": "+warning)
		}
	}
	err := c.forEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		check(node)
		return nil
	})
	if err != nil {
		all.Problems = append(all.Problems, "the masters of the cluster cannot be listed: Redis "+silence(err))
	}
	if able > 0 {
		all.Warnings = append(all.Warnings, all.Problems...)
		all.Problems = nil
	}
	slices.Sort(all.Problems)
	slices.Sort(all.Warnings)
	return all
}

func (c *Conn) nodeHealth(ctx context.Context, client *redis.Client) Health {
	pipe := client.Pipeline()
	ping, info := pipe.Ping(ctx), pipe.Info(ctx)
	var state *redis.StringCmd
	if c.engine == EngineCluster {
		state = pipe.ClusterInfo(ctx)
	}
	var wait *redis.Cmd
	if c.batches.acks.wanted() {
		wait = c.batches.acks.probe(ctx, pipe)
	}
	exec(ctx, pipe)

	switch err := ping.Err(); {
	case err == nil, redis.IsPermissionError(err), redis.IsLoadingError(err), redis.IsMasterDownError(err):
		// it runs; INFO says more
	default:
		return Health{Problems: []string{"Redis " + silence(err)}}
	}
	if err := info.Err(); err != nil {
		return Health{Warnings: []string{fmt.Sprintf("INFO failed, so it is unknown whether bookings are durable: %v", err)}}
	}
	h := judge(fields(info.Val()), c.batches.acks)
	if state != nil && state.Err() == nil && fields(state.Val())["cluster_state"] != "ok" {
		h.Problems = append(h.Problems, "the cluster is down: some slots are not served, or most masters cannot be reached")
	}
	if wait != nil && h.Ready() && wait.Err() != nil {
		h.Problems = append(h.Problems, fmt.Sprintf("changes cannot be acknowledged: %v", wait.Err()))
	}
	return h
}

// judge says what a node's INFO means for bookings.
func judge(info map[string]string, acks acks) Health {
	var h Health
	problem := func(text string, args ...any) { h.Problems = append(h.Problems, fmt.Sprintf(text, args...)) }
	warning := func(text string, args ...any) { h.Warnings = append(h.Warnings, fmt.Sprintf(text, args...)) }
	number := func(name string) int64 {
		value, _ := strconv.ParseInt(info[name], 10, 64)
		return value
	}
	for _, name := range []string{"role", "aof_enabled", "maxmemory_policy"} {
		if info[name] == "" {
			warning("INFO does not report %s, so it is unknown whether bookings are durable", name)
		}
	}
	if role := info["role"]; role != "" && role != "master" {
		problem("the node is a replica (role:%s), not a master: it accepts no changes", role)
	}
	if info["loading"] == "1" {
		problem("Redis is loading its data")
	}
	if info["aof_enabled"] == "0" {
		warning("the append-only file is off (aof_enabled:0): bookings are lost when Redis restarts")
	}
	if info["aof_last_write_status"] == "err" {
		problem("the append-only file cannot be written (aof_last_write_status:err): Redis refuses changes")
	}
	if policy := info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		warning("maxmemory-policy is %s, not noeviction: Redis may evict events when it is full", policy)
	}
	if isFull(info["maxmemory_policy"], number("maxmemory"), number("used_memory")-number("mem_not_counted_for_evict")) {
		problem("Redis is full (used_memory exceeds maxmemory): bookings are refused, cancellations still work")
	}
	if acks.synced {
		judgeSync(info, problem)
	}
	if acks.replicas > 0 && info["role"] == "master" {
		judgeReplicas(replicasOnline(info), acks.replicas, problem, warning)
	}
	return h
}

// judgeSync says whether the disk can be waited for.
func judgeSync(info map[string]string, problem func(text string, args ...any)) {
	if info["aof_enabled"] == "0" {
		problem("DURABILITY=synced needs the append-only file, which is off: changes cannot be acknowledged")
	}
	if server, syncs := syncs(info); !syncs {
		problem("the server is %s: %v", server, ErrCannotSync)
	}
}

// judgeReplicas says what the number of connected replicas means where some must have a change.
func judgeReplicas(online, wanted int, problem, warning func(text string, args ...any)) {
	switch {
	case online < wanted:
		problem("%d of the %d replicas that must have a change are connected: changes cannot be acknowledged", online, wanted)
	case online > wanted:
		// Neither sentinels nor a cluster know which replica acknowledged what.
		warning("%d replicas are connected, and only %d must have a change: a failover to another one loses "+
			"acknowledged bookings", online, wanted)
	}
}

// isFull reports whether Redis refuses what needs memory. A policy of volatile-… does so too:
// it evicts only keys that expire, and no event does.
func isFull(policy string, limit, used int64) bool {
	return limit > 0 && used > limit && !strings.HasPrefix(policy, "allkeys-")
}

// replicasOnline counts the replicas that follow, without those that are still being
// copied to.
func replicasOnline(info map[string]string) int {
	count := 0
	for name, value := range info {
		if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
			count++
		}
	}
	return count
}

// fields reads what INFO and CLUSTER INFO answer.
func fields(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	return values
}

// half returns a context with half of the time that ctx has left.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// silence says why there is no answer, without what differs each time, such as the
// port of a connection.
func silence(err error) string {
	var timeout net.Error
	var network *net.OpError
	switch {
	case redis.IsAuthError(err):
		return fmt.Sprintf("rejects the user or the password: %v", err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "does not answer in time"
	case errors.As(err, &network):
		return fmt.Sprintf("cannot be reached: %v", network.Err)
	default:
		return fmt.Sprintf("does not answer: %v", err)
	}
}

// Degraded has something to receive after calls found Redis away, or otherwise unable:
// it is time to ask for its health.
func (c *Conn) Degraded() <-chan struct{} { return c.degraded }

func (c *Conn) markDegraded() {
	select {
	case c.degraded <- struct{}{}:
	default:
	}
}
