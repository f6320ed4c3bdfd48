package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/store"
)

// config is every setting: its environment variable, default and meaning.
type config struct {
	Host        string  `envconfig:"HOST" default:"127.0.0.1" desc:"address to listen on; 0.0.0.0 listens on all"`
	Port        int     `envconfig:"PORT" default:"3000" desc:"TCP port to listen on; 0 picks a free one"`
	LogLevel    string  `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat   string  `envconfig:"LOG_FORMAT" default:"text" desc:"text or json"`
	AccessLog   bool    `envconfig:"ACCESS_LOG" default:"true" desc:"log one line for each request; true or false"`
	LogUserSalt string  `envconfig:"LOG_USER_SALT" desc:"key for hashing user ids in the log, at least 16 characters, the same on all instances; empty: a random key at each start"`
	LogSaltFile string  `envconfig:"LOG_USER_SALT_FILE" desc:"file that LOG_USER_SALT is read from"`
	Metrics     string  `envconfig:"METRICS" default:"true" desc:"GET /metrics for Prometheus: true, false, or the host:port of a separate listener"`
	RateLimit   float64 `envconfig:"RATE_LIMIT" default:"0" desc:"requests per second for each client; 0 = no limit; programs on this machine are never limited"`

	Auth           string   `envconfig:"AUTH" default:"auto" desc:"auto: require an API key if any is configured, otherwise serve programs on this machine only; on: always require one; off: never"`
	APIKeys        []string `envconfig:"API_KEYS" desc:"scope:hash or scope:hash:name, comma-separated; scopes organizer, booking and metrics, joined by +; boxoffice key makes one"`
	APIKeysFile    string   `envconfig:"API_KEYS_FILE" desc:"file with API keys in the same form, one a line; # begins a comment; read again when it changes, and on SIGHUP"`
	TrustedProxies []string `envconfig:"TRUSTED_PROXIES" desc:"addresses or networks (10.0.0.0/8), comma-separated, whose X-Forwarded-For names the client that RATE_LIMIT counts"`
	CORSOrigins    []string `envconfig:"CORS_ORIGINS" desc:"origins whose pages may call the API, such as https://shop.example, comma-separated; https://*.shop.example for subdomains, * for all; empty: no CORS"`

	MaxInFlight int `envconfig:"MAX_IN_FLIGHT" default:"4096" desc:"changes in flight at once for each Redis master, as many reads, and a sixteenth as many lists; further requests get 503 at once; 0 = no limit"`

	RequestTimeout    time.Duration `envconfig:"REQUEST_TIMEOUT" default:"5s" desc:"time limit for one request, retries included"`
	ReadyTimeout      time.Duration `envconfig:"READY_TIMEOUT" default:"500ms" desc:"time limit for the check of Redis behind GET /readyz"`
	ShutdownTimeout   time.Duration `envconfig:"SHUTDOWN_TIMEOUT" default:"15s" desc:"time limit for requests in flight to finish after SIGTERM and DRAIN_DELAY"`
	DrainDelay        time.Duration `envconfig:"DRAIN_DELAY" default:"0s" desc:"how long to keep serving after SIGTERM, while GET /readyz answers 503 and every answer closes its connection"`
	ReadHeaderTimeout time.Duration `envconfig:"READ_HEADER_TIMEOUT" default:"5s" desc:"time limit for a client to send the headers of a request"`
	ReadTimeout       time.Duration `envconfig:"READ_TIMEOUT" default:"10s" desc:"time limit for a client to send a whole request"`
	WriteTimeout      time.Duration `envconfig:"WRITE_TIMEOUT" default:"20s" desc:"time limit from the end of the request headers to the end of the response"`
	IdleTimeout       time.Duration `envconfig:"IDLE_TIMEOUT" default:"2m" desc:"how long a kept-alive connection may stay unused"`

	RedisURL              string        `envconfig:"REDIS_URL" desc:"redis://user:password@host:port/db, or rediss:// for TLS; without it, REDIS_HOST and REDIS_ADDRS, the embedded engine is used"`
	RedisURLFile          string        `envconfig:"REDIS_URL_FILE" desc:"file that REDIS_URL is read from"`
	RedisHost             string        `envconfig:"REDIS_HOST" desc:"host of a single Redis, or of any node of a cluster"`
	RedisPort             int           `envconfig:"REDIS_PORT" default:"6379" desc:"port of REDIS_HOST"`
	RedisAddrs            []string      `envconfig:"REDIS_ADDRS" desc:"host:port, comma-separated; one node of a cluster is enough; with REDIS_SENTINEL_MASTER, the sentinels"`
	RedisSentinelMaster   string        `envconfig:"REDIS_SENTINEL_MASTER" desc:"name of the master that the sentinels monitor"`
	RedisUsername         string        `envconfig:"REDIS_USERNAME" desc:"ACL user"`
	RedisPassword         string        `envconfig:"REDIS_PASSWORD" desc:"password of the ACL user, or the password of Redis"`
	RedisPasswordFile     string        `envconfig:"REDIS_PASSWORD_FILE" desc:"file that REDIS_PASSWORD is read from"`
	RedisSentinelUsername string        `envconfig:"REDIS_SENTINEL_USERNAME" desc:"ACL user on the sentinels"`
	RedisSentinelPassword string        `envconfig:"REDIS_SENTINEL_PASSWORD" desc:"password on the sentinels"`
	RedisSentinelPassFile string        `envconfig:"REDIS_SENTINEL_PASSWORD_FILE" desc:"file that REDIS_SENTINEL_PASSWORD is read from"`
	RedisDB               int           `envconfig:"REDIS_DB" default:"0" desc:"database number; not available on a cluster"`
	RedisKeyPrefix        string        `envconfig:"REDIS_KEY_PREFIX" desc:"stands before every key, such as tickets: in a Redis that others use too; the same on all instances"`
	RedisStoreID          string        `envconfig:"REDIS_STORE_ID" desc:"id that the data in Redis must have, else changes are refused; the log has it at start; empty: the data found at start is accepted"`
	RedisTLS              bool          `envconfig:"REDIS_TLS" default:"false" desc:"connect with TLS; true or false"`
	RedisTLSCA            string        `envconfig:"REDIS_TLS_CA" desc:"PEM file with the certificate authorities to trust; empty: the system's"`
	RedisTLSCert          string        `envconfig:"REDIS_TLS_CERT" desc:"PEM file with the certificate that Redis asks its clients for"`
	RedisTLSKey           string        `envconfig:"REDIS_TLS_KEY" desc:"PEM file with the private key of REDIS_TLS_CERT"`
	RedisTLSServerName    string        `envconfig:"REDIS_TLS_SERVER_NAME" desc:"name that the certificate of Redis must have; empty: the host's"`
	RedisPoolSize         int           `envconfig:"REDIS_POOL_SIZE" default:"64" desc:"maximum number of connections to each node"`
	RedisDialTimeout      time.Duration `envconfig:"REDIS_DIAL_TIMEOUT" default:"1s" desc:"time limit for opening a connection"`
	RedisReadTimeout      time.Duration `envconfig:"REDIS_READ_TIMEOUT" default:"2s" desc:"time limit for one reply; the script is then sent again until REQUEST_TIMEOUT"`
	RedisStartTimeout     time.Duration `envconfig:"REDIS_START_TIMEOUT" default:"0s" desc:"how long to wait for Redis at start before giving up; 0 = as long as it takes (verify: 30s)"`
	RedisCheckInterval    time.Duration `envconfig:"REDIS_CHECK_INTERVAL" default:"10s" desc:"how often to check whether Redis takes and keeps bookings"`

	ExpiryGrace time.Duration `envconfig:"EXPIRY_GRACE" default:"1m" desc:"how long holds and offers do not expire after Redis was away, so that customers who paid meanwhile come first"`

	Durability  string        `envconfig:"DURABILITY" default:"local" desc:"when a change is acknowledged: once Redis has it (local), once it is on Redis's disk (synced; Redis 8.0), or once replicas have it (replicated)"`
	AckReplicas int           `envconfig:"ACK_REPLICAS" default:"1" desc:"replicas that must have a change, with DURABILITY=replicated"`
	AckTimeout  time.Duration `envconfig:"ACK_TIMEOUT" default:"1500ms" desc:"time limit for replicas or the disk to get a change; it is then tried again until REQUEST_TIMEOUT"`
}

// check adds what is wrong with the settings by themselves and with each other.
func (c *config) check(p *problems) {
	c.checkListening(p)
	c.checkTimes(p)
	c.checkObserved(p)
	c.checkAccess(p)
	c.checkSecrets(p)
	c.checkRedis(p)
	c.checkDurability(p)
}

func (c *config) checkListening(p *problems) {
	p.requiref(c.LogFormat == "text" || c.LogFormat == "json", "LOG_FORMAT", "not text or json")
	_, err := logrus.ParseLevel(c.LogLevel)
	p.requiref(err == nil, "LOG_LEVEL", "not debug, info, warn or error")
	p.requiref(c.Port >= 0 && c.Port <= maxPort, "PORT", "not a TCP port")
	p.requiref(c.MaxInFlight >= 0, "MAX_IN_FLIGHT", "negative")
}

func (c *config) checkTimes(p *problems) {
	for _, one := range []struct {
		setting string
		value   time.Duration
	}{
		{"REQUEST_TIMEOUT", c.RequestTimeout}, {"READY_TIMEOUT", c.ReadyTimeout}, {"SHUTDOWN_TIMEOUT", c.ShutdownTimeout},
		{"READ_HEADER_TIMEOUT", c.ReadHeaderTimeout}, {"READ_TIMEOUT", c.ReadTimeout}, {"WRITE_TIMEOUT", c.WriteTimeout},
		{"IDLE_TIMEOUT", c.IdleTimeout}, {"REDIS_CHECK_INTERVAL", c.RedisCheckInterval},
		{"REDIS_DIAL_TIMEOUT", c.RedisDialTimeout}, {"REDIS_READ_TIMEOUT", c.RedisReadTimeout}, {"ACK_TIMEOUT", c.AckTimeout},
	} {
		p.requiref(one.value > 0, one.setting, "not a positive time")
	}
	p.requiref(c.DrainDelay >= 0, "DRAIN_DELAY", "negative")
	p.requiref(c.ExpiryGrace >= 0, "EXPIRY_GRACE", "negative")
	p.requiref(c.RedisStartTimeout >= 0, "REDIS_START_TIMEOUT", "negative")
	p.requiref(c.RequestTimeout < c.WriteTimeout, "REQUEST_TIMEOUT", "not below WRITE_TIMEOUT: responses would be cut off")
}

func (c *config) checkRedis(p *problems) {
	p.requiref(c.RedisPort >= 1 && c.RedisPort <= maxPort, "REDIS_PORT", "not a TCP port")
	p.requiref(!strings.Contains(c.RedisHost, "/") && (!strings.Contains(c.RedisHost, ":") || net.ParseIP(c.RedisHost) != nil),
		"REDIS_HOST", "not the name or the address of a host; its port is REDIS_PORT")
	p.requiref(c.RedisPoolSize >= 1, "REDIS_POOL_SIZE", "not a positive number")
	p.requiref(c.RedisDB >= 0, "REDIS_DB", "negative")
	p.requiref(c.RedisHost == "" || len(c.RedisAddrs) == 0, "REDIS_HOST", "REDIS_ADDRS is set too; only one of them can be")
	p.requiref(c.RedisSentinelMaster == "" || len(c.RedisAddrs) > 0, "REDIS_SENTINEL_MASTER",
		"needs the addresses of the sentinels in REDIS_ADDRS")
	for i, addr := range c.RedisAddrs {
		host, port, err := net.SplitHostPort(addr)
		number, notNumber := strconv.ParseUint(port, 10, 16)
		p.requiref(err == nil && notNumber == nil && host != "" && number > 0, "REDIS_ADDRS", "entry %d is not host:port", i+1)
	}
	if err := store.CheckKeyPrefix(c.RedisKeyPrefix); err != nil {
		p.addf("REDIS_KEY_PREFIX", "%v", err)
	}
	if _, err := c.tls(); err != nil {
		p.list = append(p.list, err)
	}
}

const maxPort = 65535

// isEmbedded reports whether no Redis is configured.
func (c *config) isEmbedded() bool { return c.RedisHost == "" && len(c.RedisAddrs) == 0 }

// The values of DURABILITY.
const (
	durabilityLocal      = "local"
	durabilitySynced     = "synced"
	durabilityReplicated = "replicated"
)

func (c *config) checkDurability(p *problems) {
	p.requiref(c.AckReplicas >= 1, "ACK_REPLICAS", "not a positive number")
	switch {
	case !slices.Contains([]string{durabilityLocal, durabilitySynced, durabilityReplicated}, c.Durability):
		p.addf("DURABILITY", "not local, synced or replicated")
	case c.Durability == durabilityLocal:
	case c.isEmbedded():
		p.addf("DURABILITY", "synced and replicated need %s: the embedded engine has neither replicas nor a disk", redisSettings)
	case c.AckTimeout < time.Millisecond || c.AckTimeout >= c.RedisReadTimeout:
		p.addf("ACK_TIMEOUT", "not between 1ms and REDIS_READ_TIMEOUT, after which the reply is no longer waited for")
	}
}

// redisSettings name what configures a Redis.
const redisSettings = "REDIS_URL, REDIS_HOST or REDIS_ADDRS"

// redis returns the part of the settings that chooses the engine.
func (c *config) redis() (store.Config, error) {
	addrs := c.RedisAddrs
	if c.RedisHost != "" {
		addrs = []string{net.JoinHostPort(c.RedisHost, strconv.Itoa(c.RedisPort))}
	}
	tlsConfig, err := c.tls()
	ackReplicas := 0
	if c.Durability == durabilityReplicated {
		ackReplicas = c.AckReplicas
	}
	return store.Config{
		Addrs:            addrs,
		SentinelMaster:   c.RedisSentinelMaster,
		Username:         c.RedisUsername,
		Password:         c.RedisPassword,
		SentinelUsername: c.RedisSentinelUsername,
		SentinelPassword: c.RedisSentinelPassword,
		DB:               c.RedisDB,
		KeyPrefix:        c.RedisKeyPrefix,
		TLS:              tlsConfig,
		PoolSize:         c.RedisPoolSize,
		DialTimeout:      c.RedisDialTimeout,
		ReadTimeout:      c.RedisReadTimeout,
		AckReplicas:      ackReplicas,
		AckSynced:        c.Durability == durabilitySynced,
		MaxInFlight:      c.MaxInFlight,
		AckTimeout:       c.AckTimeout,
	}, err
}

// tls returns how to speak TLS to Redis, or nil for no TLS.
func (c *config) tls() (*tls.Config, error) {
	if !c.RedisTLS {
		return nil, nil
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.RedisTLSServerName}
	if c.RedisTLSCA != "" {
		pem, err := os.ReadFile(c.RedisTLSCA)
		if err != nil {
			return nil, fmt.Errorf("setting REDIS_TLS_CA: %w", pathless(err))
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("setting REDIS_TLS_CA: there is no certificate in the file")
		}
	}
	switch hasCert, hasKey := c.RedisTLSCert != "", c.RedisTLSKey != ""; {
	case hasCert != hasKey:
		return nil, errors.New("settings REDIS_TLS_CERT and REDIS_TLS_KEY: only one of them is set, and each needs the other")
	case hasCert:
		pair, err := tls.LoadX509KeyPair(c.RedisTLSCert, c.RedisTLSKey)
		if err != nil {
			return nil, fmt.Errorf("settings REDIS_TLS_CERT and REDIS_TLS_KEY: %w", pathless(err))
		}
		tlsConfig.Certificates = []tls.Certificate{pair}
	}
	return tlsConfig, nil
}

// usage lists the settings.
func usage(w io.Writer) {
	fmt.Fprint(w, `boxoffice is an event-ticket booking service over HTTP, on Redis.

Usage: boxoffice                   serve
       boxoffice verify [EVENT]    check the data in Redis of one event, or of all events
       boxoffice key SCOPE [NAME]  make an API key, and its entry for API_KEYS
       boxoffice health            check whether the instance on this machine is alive

Settings are environment variables, or lines of a file .env in the working directory. An empty
one counts as not set. Times are written as 500ms, 5s or 2m.

SIGTERM and SIGINT end the service once it has answered what is under way, a second one ends
it at once. SIGHUP has API_KEYS_FILE read again.

`)
	row(w, "SETTING", "DEFAULT", "MEANING")
	for field := range reflect.TypeFor[config]().Fields() {
		row(w, field.Tag.Get("envconfig"), cmp.Or(field.Tag.Get("default"), "-"), field.Tag.Get("desc"))
	}
}

// row writes a line of the table of settings, and more lines for a long meaning. It is at most
// 100 columns wide.
func row(w io.Writer, setting, initial, meaning string) {
	const width = 59
	for meaning != "" {
		line := meaning
		if len(line) > width {
			if end := strings.LastIndexByte(line[:width+1], ' '); end > 0 {
				line = line[:end]
			}
		}
		fmt.Fprintf(w, "%-28s  %-9s  %s\n", setting, initial, line)
		setting, initial, meaning = "", "", strings.TrimPrefix(meaning[len(line):], " ")
	}
}
