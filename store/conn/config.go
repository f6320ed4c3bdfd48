package conn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config says which Redis to use. The zero value is the embedded engine.
type Config struct {
	Addrs            []string // host:port; of a cluster one is enough; with SentinelMaster, of the sentinels
	SentinelMaster   string   // name of the master that the sentinels watch
	Username         string
	Password         string
	SentinelUsername string
	SentinelPassword string
	DB               int    // not on a cluster
	KeyPrefix        string // stands before every key that a caller names; conn itself names none
	TLS              *tls.Config
	PoolSize         int           // connections for each node, 0 = the client's default
	DialTimeout      time.Duration // 0 = the client's default, here and below
	ReadTimeout      time.Duration // of one reply, if the request's deadline is not sooner
	Observer         Observer      // nil disables observation

	// What must be known of a change before it is answered, beyond the master's answer:
	// AckReplicas replicas have it, or the disk of the master has it (AckSynced, which needs
	// Redis 8.0), or neither. AckTimeout is how long one try waits for that, in
	// whole milliseconds, and must be below ReadTimeout.
	AckReplicas int
	AckSynced   bool
	AckTimeout  time.Duration

	// MaxInFlight bounds the changes under way to each master, and as many reads, and a
	// sixteenth as many lists; more are ErrOverloaded. 0 = no bound.
	MaxInFlight int

	silences *silences // nil: connections are not watched
}

func (c Config) checkAcks() error {
	switch {
	case c.AckReplicas < 0:
		return fmt.Errorf("%d replicas cannot be waited for", c.AckReplicas)
	case !c.acks().wanted():
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

func (c Config) acks() acks { return acks{c.AckReplicas, c.AckSynced, c.AckTimeout} }

// The clients' own retries are off where they can be: Conn.retry is jittered and
// bounded by the request's deadline, theirs are neither. To connect, the client may try five
// times, 100 ms apart, as is its default: with one try, so many fail that its pool gives up
// and looks once a second only, and what a kill -9 stops goes on after 1.2 s instead of 0.6.
const noRetries = -1

// The client would tell Redis 7.2 and later its own name and version (CLIENT SETINFO): a
// right that Redis 7.0 does not know, so one line of an ACL file could not serve both.
const noIdentity = true

// clusterReload bounds how long a client can go on asking a master that is gone:
// the client's own default of a minute was measured as an outage of a minute.
const clusterReload = time.Second

// options are those of each kind of client.
func (c Config) options() *redis.UniversalOptions {
	options := &redis.UniversalOptions{
		Addrs:                 slices.Clone(c.Addrs), // to which a cluster's client appends what it learns
		MasterName:            c.SentinelMaster,
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
		// A managed service's notices of maintenance are not used, so connections need not
		// ask for them.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.silences != nil {
		options.Dialer = c.silences.Dial
	}
	return options
}

// node returns the options of the client of one node.
func (c Config) node(addr string) *redis.Options {
	c.Addrs = []string{addr}
	return c.options().Simple()
}

func (c Config) cluster() *redis.ClusterOptions {
	options := c.options().Cluster()
	options.ClusterStateReloadInterval = clusterReload
	return options
}
