package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Health asks every master whether it takes changes, and for settings that lose them. A cluster
// is ready if one of its masters is: what is wrong with the others is a warning then.
func (c *Conn) Health(ctx context.Context) Health {
	var all Health
	if c.engine == EngineEmbedded {
		all.Add(Condition{Kind: InMemory, Detail: "the embedded engine keeps bookings in memory only: they are lost on exit"})
		if err := c.client.Ping(ctx).Err(); err != nil {
			all.Add(Condition{Unreachable, "the embedded engine " + silence(err), true})
		}
		return all
	}
	var mutex sync.Mutex
	able := false
	err := c.forEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		addr := node.Options().Addr
		if c.engine == EngineSentinel {
			addr = "the master" // its address is the client's secret
		}
		one := c.nodeHealth(ctx, node)
		mutex.Lock()
		defer mutex.Unlock()
		able = able || one.Ready()
		for _, condition := range one.Conditions {
			condition.Detail = addr + ": " + condition.Detail
			all.Add(condition)
		}
		return nil
	})
	if err != nil {
		all.Add(Condition{Unreachable, "the masters of the cluster cannot be listed: Redis " + silence(err), true})
	}
	if able {
		for i := range all.Conditions {
			all.Conditions[i].Blocks = false
		}
	}
	c.addSeenByCalls(&all)
	return all
}

// addSeenByCalls adds what calls met a moment ago and a check may be unable to see: a right that
// only some scripts need, a disk that is never flushed. They are warnings: an instance that gets
// no calls for it would not see that it is over.
func (c *Conn) addSeenByCalls(all *Health) {
	if !all.Has(ReadOnly) && !all.Has(Unreachable) {
		c.refusals.over(ReadOnly)
	}
	for _, kind := range []ConditionKind{RightsMissing, Unacknowledged} {
		if detail, found := c.refusals.recent(kind); found && !all.Has(kind) {
			all.Add(Condition{Kind: kind, Detail: detail})
		}
	}
}

func (c *Conn) nodeHealth(ctx context.Context, node *redis.Client) Health {
	pipe := node.Pipeline()
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

	var h Health
	if err := ping.Err(); err != nil && !runs(err) {
		kind := Unreachable
		if redis.IsAuthError(err) || isCertificateRefused(err) {
			kind = LoginRefused
		}
		h.Add(Condition{kind, "Redis " + silence(err), true})
		return h
	}
	if err := info.Err(); err != nil {
		h.Add(Condition{Kind: DurabilityUnknown, Detail: fmt.Sprintf("INFO failed, so it is unknown whether bookings are durable: %v", err)})
	} else {
		h = judge(fields(info.Val()), c.batches.acks)
	}
	if state != nil && state.Err() == nil && fields(state.Val())["cluster_state"] != "ok" {
		h.Add(Condition{ClusterDown, "the cluster is down: some slots are not served, or most masters cannot be reached", true})
	}
	if wait != nil && h.Ready() && wait.Err() != nil {
		kind := RightsMissing
		if !redis.IsPermissionError(wait.Err()) {
			kind = Unacknowledged
		}
		h.Add(Condition{kind, fmt.Sprintf("changes cannot be acknowledged: %v", wait.Err()), true})
	}
	c.probeNode(ctx, node, &h)
	return h
}

// runs reports whether an error of PING comes from a Redis that runs; INFO and the probe say more.
func runs(err error) bool {
	return redis.IsPermissionError(err) || redis.IsLoadingError(err) || redis.IsMasterDownError(err) ||
		redis.HasErrorPrefix(err, "MISCONF")
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
	case isCertificateRefused(err):
		return fmt.Sprintf("and the service do not agree on TLS: %v", err)
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

// MarkDegraded makes it time to ask for the health, for a reason that conn does not see.
func (c *Conn) MarkDegraded() { c.markDegraded() }

func (c *Conn) markDegraded() {
	select {
	case c.degraded <- struct{}{}:
	default:
	}
}
