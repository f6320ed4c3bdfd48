package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Engine is a kind of Redis.
type Engine string

// The engines. The same scripts run on all of them.
const (
	EngineEmbedded Engine = "embedded"      // miniredis in this process; gone on exit
	EngineSingle   Engine = "single node"   // one Redis or Valkey
	EngineSentinel Engine = "sentinel"      // one master at a time, found through sentinels
	EngineCluster  Engine = "redis cluster" // keys spread over shards
)

// connect makes the client of the Redis, Sentinel or cluster that the config names, or
// starts the embedded engine.
func (c *Conn) connect(ctx context.Context) error {
	if len(c.config.Addrs) == 0 {
		return c.embed()
	}
	if err := c.dial(ctx); err != nil {
		return err
	}
	c.close = []func() error{c.batches.close, c.redirected.close, c.client.Close}
	return nil
}

func (c *Conn) embed() error {
	embedded, err := miniredis.Run()
	if err != nil {
		return fmt.Errorf("start the embedded engine: %w", err)
	}
	c.engine = EngineEmbedded
	c.client = redis.NewClient(c.config.node(embedded.Addr()))
	c.close = []func() error{c.batches.close, c.client.Close, func() error { embedded.Close(); return nil }}
	return nil
}

func (c *Conn) dial(ctx context.Context) error {
	config := c.config
	if config.SentinelMaster != "" {
		c.engine = EngineSentinel
		c.client = redis.NewFailoverClient(config.options().Failover())
		return nil
	}
	cluster, err := config.isCluster(ctx)
	if err != nil {
		return err
	}
	switch {
	case cluster:
		c.engine = EngineCluster
		c.client = redis.NewClusterClient(config.cluster())
	case len(config.Addrs) > 1:
		return fmt.Errorf("%d addresses are given, but %s is neither part of a cluster nor is a sentinel master named",
			len(config.Addrs), config.Addrs[0])
	default:
		c.engine = EngineSingle
		c.client = redis.NewClient(config.options().Simple())
	}
	return nil
}

// prepare waits for Redis, and makes it ready for calls.
func (c *Conn) prepare(ctx context.Context) error {
	if c.engine == EngineEmbedded {
		return c.loadScripts(ctx)
	}
	err := c.retry(ctx, "connect to redis", func() error {
		err := c.client.Ping(ctx).Err()
		if redis.HasErrorPrefix(err, "MISCONF") { // it is there, reads work, and Health tells the rest
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.batches.acks.synced {
		if err := c.checkSync(ctx); err != nil {
			return err
		}
	}
	return c.loadScripts(ctx)
}

// checkSync returns ErrCannotSync if a master cannot tell when a change is on its disk.
// That is a verdict and no outage, so it is not for retry to return.
func (c *Conn) checkSync(ctx context.Context) error {
	var mutex sync.Mutex // the masters are asked at once
	var verdict error
	err := c.retry(ctx, "ask for the version", func() error {
		return c.forEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			info, err := node.Info(ctx, "server").Result()
			if err != nil {
				return err
			}
			if server, syncs := syncs(fields(info)); !syncs {
				mutex.Lock()
				defer mutex.Unlock()
				verdict = fmt.Errorf("%s is %s: %w", node.Options().Addr, server, ErrCannotSync)
			}
			return nil
		})
	})
	return errors.Join(err, verdict)
}

// isCluster asks the first address that answers. Where a provider forbids the
// question, several addresses mean a cluster.
func (c Config) isCluster(ctx context.Context) (bool, error) {
	var answer string
	one := c
	one.DB = 0
	err := new(Conn).retry(ctx, "connect to redis", func() error {
		var failed error
		for _, addr := range c.Addrs {
			client := redis.NewClient(one.node(addr))
			info, err := client.Info(ctx, "cluster").Result()
			_ = client.Close()
			if err == nil {
				answer = info
				return nil
			}
			failed = errors.Join(failed, fmt.Errorf("%s: %w", addr, err))
		}
		return failed
	})
	switch {
	case err == nil:
		return strings.Contains(answer, "cluster_enabled:1"), nil
	case redis.IsPermissionError(err):
		return len(c.Addrs) > 1, nil
	default:
		return false, err
	}
}
