package conn

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Some work has to wait after Redis was away. To see that, all masters are asked twice a second
// whether they would accept a change. Whatever is answered after a longer silence is the first to
// learn of it, before its caller sees the answer: a call that an outage held back may be answered
// before the question is.

const (
	contactInterval = 500 * time.Millisecond
	contactTime     = time.Second // for one answer
	contactLost     = 2 * time.Second
)

// contacts knows when each master was last able to accept changes.
type contacts struct {
	last  sync.Map               // address to *atomic.Int64, a time of elapsed
	found atomic.Pointer[func()] // is called after an outage; nil: nobody wants to know
}

// WatchOutages calls found whenever a master has come back that accepted no change for two seconds,
// and for a master that is new, which may stand for one that is gone. It is called before any answer
// of a change from there is seen. WatchOutages returns when ctx ends; one runs at a time.
func (c *Conn) WatchOutages(ctx context.Context, found func()) {
	if c.engine == EngineEmbedded {
		return
	}
	_ = c.forEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		c.batches.contacts.at(node).Store(elapsed()) // a start is no outage
		return nil
	})
	c.batches.contacts.found.Store(&found)
	defer c.batches.contacts.found.Store(nil)
	var asking sync.WaitGroup
	defer asking.Wait()
	ticker := time.NewTicker(contactInterval)
	defer ticker.Stop()
	for {
		asking.Go(func() { c.askForContact(ctx) })
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// askForContact asks every master once. It waits for none of them to ask the next.
func (c *Conn) askForContact(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, contactTime)
	defer cancel()
	_ = c.forEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		if c.acceptsChanges(ctx, node) {
			c.hasContact(node)
		}
		return nil
	})
}

// hasContact notes that a node accepts changes: no failover is under way there.
func (c *Conn) hasContact(node *redis.Client) {
	c.batches.contacts.made(node)
	c.refusals.over(ReadOnly)
}

// acceptsChanges reports whether a node would accept a change, if need be one that takes no memory.
// Of a master with hardly any slots, which has no keys for the probe, it is enough that it answers.
func (c *Conn) acceptsChanges(ctx context.Context, node *redis.Client) bool {
	keys := c.probeKeys(ctx, node)
	if keys == nil {
		return node.Ping(ctx).Err() == nil
	}
	answers, err := c.runProbe(ctx, node, keys, func(cmd redis.Cmder) error {
		return c.batches.do(ctx, lane{node: node, kind: Change, unacknowledged: true}, cmd)
	})
	return err == nil && !slices.ContainsFunc(answers, func(text string) bool {
		found, known := refusalOf(text)
		return known && found.kind != "" && found.kind != StorageFull
	})
}

func (c *contacts) at(node *redis.Client) *atomic.Int64 {
	last, found := c.last.Load(node.Options().Addr)
	if !found {
		last, _ = c.last.LoadOrStore(node.Options().Addr, new(atomic.Int64))
	}
	return last.(*atomic.Int64) //nolint:forcetypeassert // nothing else is put there
}

// answered notes an answer, be it that of a change or of a question.
func (c *contacts) answered(node *redis.Client) {
	if found := c.found.Load(); found != nil && c.at(node).Load() < elapsed()-int64(contactLost) {
		(*found)()
	}
}

// made notes that a master is able to accept changes.
func (c *contacts) made(node *redis.Client) {
	c.answered(node)
	c.at(node).Store(elapsed())
}
