package conn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis answers before its replicas have a change, and before its disk has it unless
// appendfsync is always. A failover or a power cut may then lose what was acknowledged.
// Where that must not be, every pipeline of changes ends with a WAIT or a WAITAOF, and
// none of its answers counts unless that says enough.
//
// Replays and refusals are waited for too: what they rest on may be a change that only
// this master has. Since Redis 7.2, WAIT and WAITAOF cover the last write of their own
// connection, so a script that changes nothing writes a mark (unchanged.lua): the last
// command of a pipeline that rests on anything is a write.

// acks says what must be known of a change before it is answered. With the zero value the
// master's answer is enough.
type acks struct {
	replicas int           // that have it
	synced   bool          // the master's append-only file was flushed to the disk
	timeout  time.Duration // how long a pipeline waits for that; at least a millisecond
}

func (a acks) wanted() bool { return a.replicas > 0 || a.synced }

// syncs names a server by its INFO, and reports whether its WAITAOF can be relied on. Redis
// 7.0 has none. Redis 7.4.0 and Valkey (8.0.1 and 8.1.1 were seen to) answer at once with
// appendfsync everysec, though nothing was flushed: https://github.com/redis/redis/pull/13793.
// No version of Redis before 8.0 was tried, so none is relied on.
func syncs(info map[string]string) (server string, yes bool) {
	if version := info["valkey_version"]; version != "" {
		return "Valkey " + version, false
	}
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(major)
	return "Redis " + version, err == nil && number >= 8
}

// flag is the argument acks of a script that is called in a lane.
func (a acks) flag(at lane) string {
	if a.wanted() && at.waits() {
		return "1"
	}
	return "0"
}

// errUnacknowledged means that the change was made, and may be lost by a failover or a
// power cut.
var errUnacknowledged = errors.New("not acknowledged")

// command waits for every earlier write of its connection. Its reply is for check.
func (a acks) command(ctx context.Context) *redis.Cmd {
	if a.synced {
		return redis.NewCmd(ctx, "waitaof", 1, 0, a.timeout.Milliseconds())
	}
	return redis.NewCmd(ctx, "wait", a.replicas, a.timeout.Milliseconds())
}

// probe asks whether the command is known and allowed. It waits for nothing.
func (a acks) probe(ctx context.Context, on interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}) *redis.Cmd {
	var probe *redis.Cmd
	if a.synced {
		probe = redis.NewCmd(ctx, "waitaof", 0, 0, 1)
	} else {
		probe = redis.NewCmd(ctx, "wait", 0, 1)
	}
	_ = on.Process(ctx, probe)
	return probe
}

// check reads the reply of the command. Whatever is not a count, and high enough, is an
// error.
func (a acks) check(wait *redis.Cmd) error {
	reply, err := wait.Result()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnacknowledged, wait.Name(), err)
	}
	if a.synced { // [flushes of the master, replicas that have flushed]
		counts, ok := reply.([]any)
		if !ok || len(counts) != 2 {
			return fmt.Errorf("%w: waitaof answered a %T", errUnacknowledged, reply)
		}
		if counts[0] != int64(1) {
			return fmt.Errorf("%w: the append-only file was not flushed within %s", errUnacknowledged, a.timeout)
		}
		return nil
	}
	count, ok := reply.(int64)
	if !ok {
		return fmt.Errorf("%w: wait answered a %T", errUnacknowledged, reply)
	}
	if count < int64(a.replicas) {
		return fmt.Errorf("%w: %d of %d replicas have it after %s", errUnacknowledged, count, a.replicas, a.timeout)
	}
	return nil
}
