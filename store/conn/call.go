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
// Errors: ErrOverloaded, ErrStorageFull, ErrRefused, ErrUnavailable; another one if the script failed.
func (c *Conn) Call(ctx context.Context, call Call) (*Reply, error) {
	script, args := call.Script, call.Args
	at := lane{kind: script.Kind, unacknowledged: call.Unacknowledged}
	if script.TakesAcks {
		args = append([]any{c.batches.acks.flag(at)}, args...)
	}
	if len(call.Keys) != script.Keys || len(args) != script.Args || len(call.Item) != script.ItemArgs {
		return nil, fmt.Errorf("%s.lua takes %d keys, %d arguments and %d of an item, not %d, %d and %d",
			script.Name, script.Keys, script.Args, script.ItemArgs, len(call.Keys), len(args), len(call.Item))
	}
	if !call.Unbounded {
		permit, err := c.Acquire(ctx, script.Kind, call.Keys[0])
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

// Query is one reading without a script.
type Query struct {
	What      string // names it for observers and errors, one of a fixed set
	Unbounded bool   // as of a Call
}

// Query reads with one command from the master that has the key, and again after an outage
// until the context ends. Like a script that reads, it travels with others, and is bounded by
// Config.MaxInFlight.
//
// Errors: ErrOverloaded, ErrUnavailable; another one if Redis refused the command.
func (c *Conn) Query(ctx context.Context, q Query, command, key string, args ...any) (*redis.Cmd, error) {
	if !q.Unbounded {
		permit, err := c.Acquire(ctx, Read, key)
		if err != nil {
			return nil, err
		}
		defer permit.Release()
	}
	words := append([]any{command, key}, args...)
	var answer *redis.Cmd
	err := c.retry(ctx, q.What, func() error {
		return c.atMaster(ctx, lane{kind: Read}, key, func(at lane) error {
			answer = redis.NewCmd(ctx, words...) // a new one each time: the reply to one given up may be on the way
			return c.batches.do(ctx, at, answer)
		})
	})
	return answer, err
}

// QueryAll reads from several masters as it likes, and again after an outage until the
// context ends. What is bounded is a List, of which few at once get a connection.
//
// Errors: ErrOverloaded, ErrUnavailable; another one if Redis refused the command.
func (c *Conn) QueryAll(ctx context.Context, q Query, read func(context.Context, redis.UniversalClient) error) error {
	if q.Unbounded {
		return c.retry(ctx, q.What, func() error { return read(ctx, c.client) })
	}
	permit, err := c.inFlight.acquire(place{kind: List})
	if err != nil {
		return err
	}
	defer permit.Release()
	return c.retry(ctx, q.What, func() error {
		select {
		case c.turns <- struct{}{}:
			defer func() { <-c.turns }()
			return read(ctx, c.client)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// eval sends a script to the master that has its keys.
func (c *Conn) eval(ctx context.Context, at lane, script *Script, keys []string, args, item []any) (answer []any, err error) {
	err = c.atMaster(ctx, at, keys[0], func(at lane) (err error) {
		answer, err = c.evalAt(ctx, at, script, keys, args, item)
		return err
	})
	return answer, err
}

// atMaster sends something in a lane of the master that has the key, or, where the slot has
// moved or is moving, of the node that the master names.
func (c *Conn) atMaster(ctx context.Context, at lane, key string, send func(at lane) error) error {
	var err error
	if at.node, err = c.master(ctx, key); err != nil {
		return err
	}
	err = send(at)
	if addr, asking, redirected := redirection(err); redirected {
		if cluster, ok := c.client.(*redis.ClusterClient); ok && !asking {
			cluster.ReloadState(ctx)
		}
		at.node, at.asking = c.redirected.get(addr, c.config), asking
		err = send(at)
	}
	return err
}

// evalAt sends a script in a batch of the lane. A node that does not know the script is
// given its source first.
func (c *Conn) evalAt(ctx context.Context, at lane, script *Script, keys []string, args, item []any) ([]any, error) {
	answer, err := c.batches.call(ctx, at, script, keys, args, item)
	if !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return answer, err
	}
	if err := c.batches.do(ctx, lane{node: at.node, kind: Read}, script.load(ctx)); err != nil {
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
