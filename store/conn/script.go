package conn

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Script is a script and how it is called. Make one with NewScript.
type Script struct {
	Name      string // of its calls, for observers and errors
	Source    string
	Keys      int  // number of KEYS that it takes
	Args      int  // number of ARGV that it takes
	Kind      Kind // of its calls; Read and List change nothing
	TakesAcks bool // its first argument is 1 if its answer waits for replicas or the disk, else 0

	// A script that does several things in one call takes ItemArgs further arguments for each
	// of them, up to Items, and answers ItemAnswers items for each. Other scripts have 0 here.
	Items, ItemArgs, ItemAnswers int

	sha string
}

// NewScript returns a script that can be called.
func NewScript(s Script) *Script {
	s.sha = redis.NewScript(s.Source).Hash()
	return &s
}

// load makes the script known to a node, for good: Redis 7.4 and later, and Valkey 8,
// forget those that EVAL brought, but not these. A restart and SCRIPT FLUSH end that.
func (s *Script) load(ctx context.Context) *redis.StringCmd {
	return redis.NewStringCmd(ctx, "script", "load", s.Source)
}

// command calls the script. A script that reads is called in such a way that Redis runs it
// while writes are paused (CLIENT PAUSE … WRITE, as some failovers do).
func (s *Script) command(ctx context.Context, keys []string, args []any) *redis.Cmd {
	words := make([]any, 0, 3+len(keys)+len(args))
	if s.Kind != Change {
		words = append(words, "evalsha_ro")
	} else {
		words = append(words, "evalsha")
	}
	words = append(words, s.sha, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	return redis.NewCmd(ctx, append(words, args...)...)
}

// loadScripts makes every script known to every master. One that does not answer now is
// given a script when it says that it does not know it, so only a lack of rights is an
// error.
func (c *Conn) loadScripts(ctx context.Context) error {
	err := c.forEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		pipe := node.Pipeline()
		for _, one := range c.scripts {
			_ = pipe.Process(ctx, one.load(ctx))
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if redis.IsPermissionError(err) {
		return fmt.Errorf("load the scripts: %w", err)
	}
	return nil
}
