// Package conn is the way to Redis: engines, pipelines, acknowledgements, retries, the bound
// on calls in flight, redirects, health and observation. Its heart is Conn.Call, which does
// all that to one call of a script, so that a verb of package store only has to derive the
// id, call, and decode the reply. It knows no booking, no event and no refusal.
package conn

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Conn is safe for concurrent use. Make one with Open.
type Conn struct {
	config     Config
	scripts    []*Script // that are loaded into every master at start
	client     redis.UniversalClient
	redirected redirected
	batches    *batcher
	engine     Engine
	observer   Observer      // nil disables observation
	degraded   chan struct{} // has room for one
	inFlight   inFlight
	probe      Probe
	refusals   refusals
	turns      chan struct{} // one for each QueryAll that has a connection
	close      []func() error
	closing    sync.Once
}

// Open connects to the engine of the config, waiting for it as long as the context
// allows, and makes the scripts known to it. Errors: ErrUnavailable, ErrRefused, ErrCannotSync.
func Open(ctx context.Context, config Config, probe Probe, scripts ...*Script) (*Conn, error) {
	if err := config.checkAcks(); err != nil {
		return nil, err
	}
	c := newConn(config, probe, scripts)
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func newConn(config Config, probe Probe, scripts []*Script) *Conn {
	config.silences = newSilences(config)
	c := &Conn{
		config: config, scripts: append([]*Script{probe.Script}, scripts...), batches: newBatcher(),
		degraded: make(chan struct{}, 1), observer: config.Observer, turns: make(chan struct{}, lanesPerNode),
		probe: probe,
	}
	if c.observer != nil {
		c.batches.sent = c.observer.Sent
	}
	c.batches.acks = config.acks()
	c.inFlight.most = int64(config.MaxInFlight)
	return c
}

// Beside returns a second connection to the same Redis, as a second instance of the service
// has, without an observer and without a bound. It is for tests; nothing is asked of Redis.
func (c *Conn) Beside() *Conn {
	config := c.config
	config.Observer, config.MaxInFlight = nil, 0
	second := newConn(config, c.probe, c.scripts)
	second.engine = c.engine
	switch client := c.client.(type) {
	case *redis.ClusterClient:
		second.client = redis.NewClusterClient(client.Options())
	case *redis.Client:
		second.client = redis.NewClient(client.Options())
	}
	second.close = []func() error{second.batches.close, second.redirected.close, second.client.Close}
	return second
}

// Close closes the connections, and ends the embedded engine with its data.
func (c *Conn) Close() error {
	var first error
	c.closing.Do(func() {
		for _, closeOne := range c.close {
			if err := closeOne(); err != nil && first == nil {
				first = err
			}
		}
	})
	return first
}

// Engine returns what Redis is here.
func (c *Conn) Engine() Engine { return c.engine }

// Acknowledges reports whether a change is answered only once replicas or the disk have it.
func (c *Conn) Acknowledges() bool { return c.batches.acks.wanted() }

// Client returns the client of Redis itself, for tests: what is asked through it is not
// bounded, not retried and not observed.
func (c *Conn) Client() redis.UniversalClient { return c.client } //nolint:ireturn // of one of two types
