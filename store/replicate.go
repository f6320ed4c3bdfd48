package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis answers before its replicas have a change, so a failover may lose what was
// acknowledged. Where that must not be, every pipeline of changes ends with a WAIT,
// and none of its answers counts unless enough replicas have got all of it. Refusals
// and replays wait too: what they go by may be a change that only this master knows.
// (WAIT covers whatever the master had written by then, on any connection.)

// acks says how many replicas must have a change before it is answered. The zero
// value: none, the master's answer is enough.
type acks struct {
	replicas int
	timeout  time.Duration // how long a pipeline waits for them; at least a millisecond
}

func (a acks) wanted() bool { return a.replicas > 0 }

// errTooFewReplicas means that the change was made, and may be lost by a failover.
var errTooFewReplicas = errors.New("too few replicas have got it")

// append makes a WAIT the last command of a pipeline. Its reply is for check.
func (a acks) append(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	wait := redis.NewCmd(ctx, "wait", a.replicas, a.timeout.Milliseconds())
	_ = pipe.Process(ctx, wait)
	return wait
}

// check reads the reply of a WAIT. Whatever is not a count, and high enough, is an
// error.
func (a acks) check(wait *redis.Cmd) error {
	reply, err := wait.Result()
	if err != nil {
		return fmt.Errorf("%w: WAIT: %w", errTooFewReplicas, err)
	}
	count, ok := reply.(int64)
	if !ok {
		return fmt.Errorf("%w: WAIT answered a %T", errTooFewReplicas, reply)
	}
	if count < int64(a.replicas) {
		return fmt.Errorf("%w: %d of %d within %s", errTooFewReplicas, count, a.replicas, a.timeout)
	}
	return nil
}

// evalReplicated is the way of a script that the node did not run because it does not
// know it, or because the slot moves: alone, with its source, to the node that the
// refusal names, and with a WAIT of its own.
func (s *Store) evalReplicated(ctx context.Context, sc script, keys []string, args []any, refusal error) ([]any, error) {
	node, err := s.nodeAfter(ctx, keys[0], refusal)
	if err != nil {
		return nil, err
	}
	pipe := node.Pipeline()
	if _, asked := redis.IsAskError(refusal); asked {
		_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
	}
	cmd := pipe.Eval(ctx, sc.Source, keys, args...)
	wait := s.batches.acks.append(ctx, pipe)
	exec(ctx, pipe)
	items, err := cmd.Slice()
	if err != nil {
		return nil, err
	}
	return items, s.batches.acks.check(wait)
}

// nodeAfter returns the node to turn to after a refusal, which is returned if that
// node is not known yet: then it is for a further try.
func (s *Store) nodeAfter(ctx context.Context, key string, refusal error) (*redis.Client, error) {
	addr, named := redis.IsMovedError(refusal)
	if !named {
		addr, named = redis.IsAskError(refusal)
	}
	cluster, ok := s.client.(*redis.ClusterClient)
	if !named || !ok {
		return s.master(ctx, key)
	}
	found := make(chan *redis.Client, 1)
	// The client first asks any node for the topology, maybe one that hangs; what it
	// knew before does if there is no answer soon.
	soon, cancel := context.WithTimeout(ctx, lastPause)
	defer cancel()
	err := cluster.ForEachMaster(soon, func(_ context.Context, node *redis.Client) error {
		if node.Options().Addr == addr {
			select {
			case found <- node:
			default:
			}
		}
		return nil
	})
	select {
	case node := <-found:
		return node, nil
	default:
		return nil, errors.Join(refusal, err)
	}
}
