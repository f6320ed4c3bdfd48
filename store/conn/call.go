package conn

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Call is one call of a script.
type Call struct {
	Script *Script
	Keys   []string // at least one; all of the same slot
	Args   []any    // without the acks of Script.TakesAcks, which is added

	// Item are the arguments of one item, of a script that takes several. Calls with the same
	// script, keys and Args that wait together travel as one; each keeps its own context,
	// reply and error.
	Item []any

	// Unbounded calls are never refused with ErrOverloaded: they are steps of a verb that has
	// acquired a Permit, or that has made a change already, or run in the background.
	Unbounded bool
	// Unacknowledged calls do not wait for replicas or the disk: no answer rests on them
	// before a later change of the same master is acknowledged.
	Unacknowledged bool
}

// Call calls a script once, and again after an outage until the context ends: its id has
// to make that safe. It waits for the acknowledgement that the config asks for, and is
// bounded by Config.MaxInFlight.
//
// Errors: ErrOverloaded, ErrStorageFull, ErrUnavailable; another one if the script failed.
func (c *Conn) Call(ctx context.Context, call Call) (*Reply, error) {
	script, args := call.Script, call.Args
	at := lane{reads: script.ReadOnly, unacknowledged: call.Unacknowledged}
	if script.TakesAcks {
		args = append([]any{c.batches.acks.flag(at)}, args...)
	}
	if len(call.Keys) != script.Keys || len(args) != script.Args || len(call.Item) != script.ItemArgs {
		return nil, fmt.Errorf("%s.lua takes %d keys, %d arguments and %d of an item, not %d, %d and %d",
			script.Name, script.Keys, script.Args, script.ItemArgs, len(call.Keys), len(args), len(call.Item))
	}
	if !call.Unbounded {
		acquire := c.Acquire
		if script.ReadOnly {
			acquire = c.acquireRead
		}
		permit, err := acquire(ctx, call.Keys[0])
		if err != nil {
			return nil, err
		}
		defer permit.Release()
	}
	var items []any
	err := c.retry(ctx, script.Name, func() (err error) {
		items, err = c.eval(ctx, at, script, call.Keys, args, call.Item)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newReply(script.Name, items)
}

// Read is one reading without a script.
type Read struct {
	What      string // names it for observers and errors, one of a fixed set
	Key       string // from the master that has it; empty: from several, which have a bound of their own
	Unbounded bool   // as of a Call
}

// Read reads without a script, and again after an outage until the context ends. It is
// bounded by Config.MaxInFlight, apart from calls that change something.
//
// Errors: ErrOverloaded, ErrUnavailable; another one if Redis refused the command.
func (c *Conn) Read(ctx context.Context, r Read, read func(context.Context, redis.UniversalClient) error) error {
	if !r.Unbounded {
		permit, err := c.acquireRead(ctx, r.Key)
		if err != nil {
			return err
		}
		defer permit.Release()
	}
	return c.retry(ctx, r.What, func() error { return read(ctx, c.client) })
}

// eval sends a script to the master that has its keys, or, where the slot has moved or is
// moving, to the node that the master names.
func (c *Conn) eval(ctx context.Context, at lane, script *Script, keys []string, args, item []any) ([]any, error) {
	var err error
	if at.node, err = c.master(ctx, keys[0]); err != nil {
		return nil, err
	}
	answer, err := c.evalAt(ctx, at, script, keys, args, item)
	if addr, asking, redirected := redirection(err); redirected {
		if cluster, ok := c.client.(*redis.ClusterClient); ok && !asking {
			cluster.ReloadState(ctx)
		}
		at.node, at.asking = c.redirected.get(addr, c.config), asking
		answer, err = c.evalAt(ctx, at, script, keys, args, item)
	}
	return answer, err
}

// evalAt sends a script in a batch of the lane. A node that does not know the script is
// given its source first.
func (c *Conn) evalAt(ctx context.Context, at lane, script *Script, keys []string, args, item []any) ([]any, error) {
	answer, err := c.batches.call(ctx, at, script, keys, args, item)
	if !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return answer, err
	}
	if err := c.batches.do(ctx, lane{node: at.node, reads: true}, script.load(ctx)); err != nil {
		return nil, err
	}
	return c.batches.call(ctx, at, script, keys, args, item)
}

// redirection returns the node that a cluster's refusal names.
func redirection(err error) (addr string, asking, redirected bool) {
	if addr, redirected = redis.IsMovedError(err); redirected {
		return addr, false, true
	}
	addr, redirected = redis.IsAskError(err)
	return addr, redirected, redirected
}
