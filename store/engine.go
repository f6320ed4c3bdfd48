package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Engine is a kind of Redis.
type Engine string

// The engines. The same scripts run on all of them.
const (
	EngineEmbedded Engine = "embedded"      // miniredis in this process; gone on exit
	EngineSingle   Engine = "single node"   // one Redis or Valkey
	EngineSentinel Engine = "sentinel"      // one master at a time, found through sentinels
	EngineCluster  Engine = "redis cluster" // events spread over shards
)

// Config says which Redis to use. The zero value is the embedded engine.
type Config struct {
	Addrs            []string // host:port; of a cluster one is enough; with SentinelMaster, of the sentinels
	SentinelMaster   string   // name of the master that the sentinels watch
	Username         string
	Password         string
	SentinelUsername string
	SentinelPassword string
	DB               int // not on a cluster
	TLS              *tls.Config
	PoolSize         int           // connections for each node, 0 = the client's default
	DialTimeout      time.Duration // 0 = the client's default, here and below
	ReadTimeout      time.Duration // of one reply, if the request's deadline is not sooner
	Observer         Observer      // told of every call; nil: nothing is measured

	// What must be known of a change before it is answered, beyond the master's answer:
	// AckReplicas replicas have it, or the disk of the master has it (AckSynced, which needs
	// Redis 8.0), or neither. AckTimeout is how long one try waits for that, in
	// whole milliseconds, and must be below ReadTimeout.
	AckReplicas int
	AckSynced   bool
	AckTimeout  time.Duration

	// MaxInFlight bounds the calls under way to each master, changes and reads apart from
	// one another; more are ErrOverloaded. 0 = no bound.
	MaxInFlight int
}

// clusterReload bounds how long a client can go on asking a master that is gone:
// the client's own default of a minute was measured as an outage of a minute.
const clusterReload = time.Second

// Open connects to the engine of the config, waiting for it as long as the context
// allows. Errors: ErrUnavailable, ErrCannotSync.
func Open(ctx context.Context, config Config) (*Store, error) {
	if err := config.checkAcks(); err != nil {
		return nil, err
	}
	s := &Store{
		config: config, now: time.Now, batches: newBatcher(),
		degraded: make(chan struct{}, 1), observer: config.Observer,
		backgroundPromoter: backgroundPromoter{running: map[uint64]bool{}},
	}
	if s.observer != nil {
		s.batches.sent = s.observer.Sent
	}
	s.batches.acks = acks{config.AckReplicas, config.AckSynced, config.AckTimeout}
	s.inFlight.most = int64(config.MaxInFlight)
	lifetime, end := context.WithCancel(context.Background())
	s.lifetime = lifetime
	endPromotions := func() error {
		end()
		s.backgroundPromoter.group.Wait()
		return nil
	}
	if len(config.Addrs) == 0 {
		embedded, err := miniredis.Run()
		if err != nil {
			return nil, fmt.Errorf("start the embedded engine: %w", err)
		}
		config.Addrs = []string{embedded.Addr()}
		s.engine = EngineEmbedded
		s.client = redis.NewClient(config.single())
		s.close = []func() error{endPromotions, s.batches.close, s.client.Close, func() error { embedded.Close(); return nil }}
		return s, s.loadScripts(ctx)
	}

	if err := s.connect(ctx, config); err != nil {
		return nil, err
	}
	s.close = []func() error{endPromotions, s.batches.close, s.redirected.close, s.client.Close}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes the client of the Redis, Sentinel or cluster that the config names.
func (s *Store) connect(ctx context.Context, config Config) error {
	if config.SentinelMaster != "" {
		s.engine = EngineSentinel
		s.client = redis.NewFailoverClient(config.failover())
		return nil
	}
	cluster, err := config.isCluster(ctx)
	if err != nil {
		return err
	}
	switch {
	case cluster:
		s.engine = EngineCluster
		s.client = redis.NewClusterClient(config.cluster())
	case len(config.Addrs) > 1:
		return fmt.Errorf("%d addresses are given, but %s is neither part of a cluster nor is a sentinel master named",
			len(config.Addrs), config.Addrs[0])
	default:
		s.engine = EngineSingle
		s.client = redis.NewClient(config.single())
	}
	return nil
}

// prepare waits for Redis, and makes it ready for calls.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.retry(ctx, "connect to redis", func() error { return s.client.Ping(ctx).Err() }); err != nil {
		return err
	}
	if s.batches.acks.synced {
		if err := s.checkSync(ctx); err != nil {
			return err
		}
	}
	return s.loadScripts(ctx)
}

// checkSync returns ErrCannotSync if a master cannot tell when a change is on its disk.
// That is a verdict and no outage, so it is not for retry to return.
func (s *Store) checkSync(ctx context.Context) error {
	var mutex sync.Mutex // the masters are asked at once
	var verdict error
	err := s.retry(ctx, "ask for the version", func() error {
		return s.forEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
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

func (c Config) checkAcks() error {
	wanted := acks{c.AckReplicas, c.AckSynced, c.AckTimeout}
	switch {
	case c.AckReplicas < 0:
		return fmt.Errorf("%d replicas cannot be waited for", c.AckReplicas)
	case !wanted.wanted():
		return nil
	case c.AckReplicas > 0 && c.AckSynced:
		return errors.New("a change waits for replicas or for the disk, not for both")
	case len(c.Addrs) == 0:
		return errors.New("the embedded engine has neither replicas nor a disk to wait for")
	case c.AckTimeout < time.Millisecond: // to WAIT, 0 is for ever
		return fmt.Errorf("%s is too short to wait for replicas or the disk", c.AckTimeout)
	case c.ReadTimeout > 0 && c.AckTimeout >= c.ReadTimeout:
		return fmt.Errorf("waiting for replicas or the disk up to %s needs more than %s for a reply", c.AckTimeout, c.ReadTimeout)
	default:
		return nil
	}
}

// The clients' own retries are off where they can be: Store.retry is jittered and
// bounded by the request's deadline, theirs are neither. To connect, the client may try five
// times, 100 ms apart, as is its default: with one try, so many fail that its pool gives up
// and looks once a second only, and what a kill -9 stops goes on after 1.2 s instead of 0.6.
const noRetries = -1

// The client would tell Redis 7.2 and later its own name and version (CLIENT SETINFO): a
// right that Redis 7.0 does not know, so one line of an ACL file could not serve both.
const noIdentity = true

func (c Config) single() *redis.Options {
	return &redis.Options{
		Addr:                     c.Addrs[0],
		Username:                 c.Username,
		Password:                 c.Password,
		DB:                       c.DB,
		TLSConfig:                c.TLS,
		PoolSize:                 c.PoolSize,
		DialTimeout:              c.DialTimeout,
		ReadTimeout:              c.ReadTimeout,
		ContextTimeoutEnabled:    true,
		MaxRetries:               noRetries,
		DisableIdentity:          noIdentity,
		MaintNotificationsConfig: noMaintNotifications(),
	}
}

func (c Config) failover() *redis.FailoverOptions {
	return &redis.FailoverOptions{
		MasterName:            c.SentinelMaster,
		SentinelAddrs:         c.Addrs,
		SentinelUsername:      c.SentinelUsername,
		SentinelPassword:      c.SentinelPassword,
		Username:              c.Username,
		Password:              c.Password,
		DB:                    c.DB,
		TLSConfig:             c.TLS,
		PoolSize:              c.PoolSize,
		DialTimeout:           c.DialTimeout,
		ReadTimeout:           c.ReadTimeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            noRetries,
		DisableIdentity:       noIdentity,
	}
}

func (c Config) cluster() *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs:                      c.Addrs,
		Username:                   c.Username,
		Password:                   c.Password,
		TLSConfig:                  c.TLS,
		PoolSize:                   c.PoolSize,
		DialTimeout:                c.DialTimeout,
		ReadTimeout:                c.ReadTimeout,
		ContextTimeoutEnabled:      true,
		ClusterStateReloadInterval: clusterReload,
		DisableIdentity:            noIdentity,
		MaintNotificationsConfig:   noMaintNotifications(),
	}
}

// A managed service's notices of maintenance are not used, so connections need not
// ask for them.
func noMaintNotifications() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// isCluster asks the first address that answers. Where a provider forbids the
// question, several addresses mean a cluster.
func (c Config) isCluster(ctx context.Context) (bool, error) {
	var answer string
	asker := &Store{now: time.Now}
	err := asker.retry(ctx, "connect to redis", func() error {
		var failed error
		for _, addr := range c.Addrs {
			one := c
			one.Addrs = []string{addr}
			one.DB = 0
			client := redis.NewClient(one.single())
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
