package conn

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Probe asks a node whether it would accept changes, without a change.
type Probe struct {
	Script *Script                      // answers {word, refusals}; it takes no arguments
	Keys   func(number uint64) []string // for the script; each number has a slot of its own
}

// probeTries is how many numbers are tried to find keys of a master. One that has hardly any
// slots may be left out: hardly any event is there.
const probeTries = 1000

// probeKeys returns keys for the probe that the node has, or nothing.
func (c *Conn) probeKeys(ctx context.Context, node *redis.Client) []string {
	if c.engine != EngineCluster {
		return c.probe.Keys(1)
	}
	for number := range uint64(probeTries) {
		keys := c.probe.Keys(number + 1)
		owner, err := c.master(ctx, keys[0])
		if err != nil {
			return nil
		}
		if owner == node {
			return keys
		}
	}
	return nil
}

// probeNode adds what the node would refuse a change for, unless INFO has told it already.
func (c *Conn) probeNode(ctx context.Context, node *redis.Client, h *Health) {
	keys := c.probeKeys(ctx, node)
	if keys == nil || h.Has(Loading) {
		return
	}
	answers, err := c.runProbe(ctx, node, keys, func(cmd redis.Cmder) error { return node.Process(ctx, cmd) })
	if err != nil {
		kind, detail := Unreachable, "Redis "+silence(err)
		if reasonOf(err) == reasonTimeout {
			kind, detail = WritesPaused, "Redis answers, but not to changes: they are held back, as by CLIENT PAUSE or a manual failover"
		}
		h.Add(Condition{kind, detail, true})
		return
	}
	for _, text := range answers {
		found, known := refusalOf(text)
		if !known || found.kind == "" || h.Has(found.kind) {
			continue
		}
		h.Add(Condition{found.kind, refusalDetail(found.kind, text), found.kind != StorageFull})
	}
}

// runProbe returns what the node would refuse a change for, also if it refuses the probe as a whole.
func (c *Conn) runProbe(ctx context.Context, node *redis.Client, keys []string, process func(redis.Cmder) error) ([]string, error) {
	send := func() (*redis.Cmd, error) {
		cmd := c.probe.Script.command(ctx, keys, nil)
		return cmd, process(cmd)
	}
	cmd, err := send()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err = node.ScriptLoad(ctx, c.probe.Script.Source).Err(); err == nil {
			cmd, err = send()
		}
	}
	if reply, ok := errors.AsType[redis.Error](err); ok {
		return []string{reply.Error()}, nil
	}
	if err != nil {
		return nil, err
	}
	items, err := cmd.Slice()
	if err != nil {
		return nil, err
	}
	reply, err := newReply(c.probe.Script.Name, items)
	if err != nil {
		return nil, err
	}
	var answers []string
	for list := reply.List(); list.More(); {
		answers = append(answers, list.Text())
	}
	return answers, reply.End("tried")
}

func refusalDetail(kind ConditionKind, text string) string {
	if kind == StorageFull {
		return "Redis is full (used_memory exceeds maxmemory): bookings are refused; cancellations, pausing and closing still work"
	}
	return "Redis refuses changes: " + withoutScript(text)
}
