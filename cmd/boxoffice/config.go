package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/joho/godotenv"
	"github.com/kelseyhightower/envconfig"
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

	RedisHost             string        `envconfig:"REDIS_HOST" desc:"host of a single Redis; if this and REDIS_ADDRS are empty, the embedded engine is used"`
	RedisPort             int           `envconfig:"REDIS_PORT" default:"6379" desc:"port of REDIS_HOST"`
	RedisAddrs            []string      `envconfig:"REDIS_ADDRS" desc:"host:port, comma-separated; one node of a cluster is enough; with REDIS_SENTINEL_MASTER, the sentinels"`
	RedisSentinelMaster   string        `envconfig:"REDIS_SENTINEL_MASTER" desc:"name of the master that the sentinels monitor"`
	RedisUsername         string        `envconfig:"REDIS_USERNAME" desc:"ACL user"`
	RedisPassword         string        `envconfig:"REDIS_PASSWORD" desc:"password of the ACL user, or the password of Redis"`
	RedisSentinelUsername string        `envconfig:"REDIS_SENTINEL_USERNAME" desc:"ACL user on the sentinels"`
	RedisSentinelPassword string        `envconfig:"REDIS_SENTINEL_PASSWORD" desc:"password on the sentinels"`
	RedisDB               int           `envconfig:"REDIS_DB" default:"0" desc:"database number; not available on a cluster"`
	RedisStoreID          string        `envconfig:"REDIS_STORE_ID" desc:"id that the data in Redis must have, else changes are refused; the log has it at start; empty: the data found at start is accepted"`
	RedisTLS              bool          `envconfig:"REDIS_TLS" default:"false" desc:"connect with TLS; true or false"`
	RedisTLSCA            string        `envconfig:"REDIS_TLS_CA" desc:"PEM file with the certificate authorities to trust; empty: the system's"`
	RedisPoolSize         int           `envconfig:"REDIS_POOL_SIZE" default:"64" desc:"maximum number of connections to each node"`
	RedisDialTimeout      time.Duration `envconfig:"REDIS_DIAL_TIMEOUT" default:"1s" desc:"time limit for opening a connection"`
	RedisReadTimeout      time.Duration `envconfig:"REDIS_READ_TIMEOUT" default:"2s" desc:"time limit for one reply; the script is then sent again until REQUEST_TIMEOUT"`
	RedisStartTimeout     time.Duration `envconfig:"REDIS_START_TIMEOUT" default:"0s" desc:"how long to wait for Redis at start before giving up; 0 = as long as it takes (verify: 30s)"`
	RedisCheckInterval    time.Duration `envconfig:"REDIS_CHECK_INTERVAL" default:"10s" desc:"how often to check whether Redis takes and keeps bookings"`

	Durability  string        `envconfig:"DURABILITY" default:"local" desc:"when a change is acknowledged: once Redis has it (local), once it is on Redis's disk (synced; Redis 8.0), or once replicas have it (replicated)"`
	AckReplicas int           `envconfig:"ACK_REPLICAS" default:"1" desc:"replicas that must have a change, with DURABILITY=replicated"`
	AckTimeout  time.Duration `envconfig:"ACK_TIMEOUT" default:"1500ms" desc:"time limit for replicas or the disk to get a change; it is then tried again until REQUEST_TIMEOUT"`
}

// readConfig reads the environment, and a file for what the environment does not set.
// The file may be missing.
func readConfig(dotenv string) (config, error) {
	if err := godotenv.Load(dotenv); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return config{}, fmt.Errorf("%s: %w", dotenv, err)
	}
	var c config
	if err := envconfig.Process("", &c); err != nil {
		if parse, ok := errors.AsType[*envconfig.ParseError](err); ok {
			return config{}, fmt.Errorf("setting %s: %q is not %s", parse.KeyName, parse.Value, kindOf(parse.TypeName))
		}
		return config{}, err
	}
	return c, c.check()
}

// kindOf names a Go type as -h and the README describe its values.
func kindOf(typeName string) string {
	switch typeName {
	case "bool":
		return "true or false"
	case "int":
		return "an integer"
	case "float64":
		return "a number"
	case "time.Duration":
		return "a time such as 500ms, 5s or 2m"
	default:
		return "a " + typeName
	}
}

func (c config) check() error {
	for _, check := range []func() error{
		c.checkListening, c.checkTimes, c.checkObserved, c.checkAccess, c.checkSecrets, c.checkRedis, c.checkDurability,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c config) checkListening() error {
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return fmt.Errorf("setting LOG_FORMAT: %q is not text or json", c.LogFormat)
	}
	if _, err := logrus.ParseLevel(c.LogLevel); err != nil {
		return fmt.Errorf("setting LOG_LEVEL: %w", err)
	}
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("setting PORT: %d is not a TCP port", c.Port)
	}
	if c.MaxInFlight < 0 {
		return fmt.Errorf("setting MAX_IN_FLIGHT: %d is negative", c.MaxInFlight)
	}
	return nil
}

func (c config) checkTimes() error {
	if c.DrainDelay < 0 {
		return fmt.Errorf("setting DRAIN_DELAY: %s is negative", c.DrainDelay)
	}
	if c.RedisStartTimeout < 0 {
		return fmt.Errorf("setting REDIS_START_TIMEOUT: %s is negative", c.RedisStartTimeout)
	}
	if c.RequestTimeout >= c.WriteTimeout {
		return fmt.Errorf("setting REQUEST_TIMEOUT: %s is not below WRITE_TIMEOUT (%s): responses would be cut off",
			c.RequestTimeout, c.WriteTimeout)
	}
	for name, value := range map[string]time.Duration{
		"REQUEST_TIMEOUT": c.RequestTimeout, "READY_TIMEOUT": c.ReadyTimeout, "SHUTDOWN_TIMEOUT": c.ShutdownTimeout,
		"READ_HEADER_TIMEOUT": c.ReadHeaderTimeout, "READ_TIMEOUT": c.ReadTimeout, "WRITE_TIMEOUT": c.WriteTimeout,
		"IDLE_TIMEOUT":         c.IdleTimeout,
		"REDIS_CHECK_INTERVAL": c.RedisCheckInterval, "REDIS_DIAL_TIMEOUT": c.RedisDialTimeout,
		"REDIS_READ_TIMEOUT": c.RedisReadTimeout, "ACK_TIMEOUT": c.AckTimeout,
	} {
		if value <= 0 {
			return fmt.Errorf("setting %s: %s is not a positive time", name, value)
		}
	}
	return nil
}

func (c config) checkRedis() error {
	if c.RedisPort < 1 || c.RedisPort > 65535 {
		return fmt.Errorf("setting REDIS_PORT: %d is not a TCP port", c.RedisPort)
	}
	if c.RedisPoolSize < 1 {
		return fmt.Errorf("setting REDIS_POOL_SIZE: %d is not a positive number", c.RedisPoolSize)
	}
	if c.RedisDB < 0 {
		return fmt.Errorf("setting REDIS_DB: %d is negative", c.RedisDB)
	}
	if c.RedisSentinelMaster != "" && len(c.RedisAddrs) == 0 {
		return errors.New("setting REDIS_SENTINEL_MASTER: needs the addresses of the sentinels in REDIS_ADDRS")
	}
	if c.RedisHost != "" && len(c.RedisAddrs) > 0 {
		return errors.New("settings REDIS_HOST and REDIS_ADDRS: only one of them can be set")
	}
	if c.RedisStoreID != "" && c.RedisHost == "" && len(c.RedisAddrs) == 0 {
		return errors.New("setting REDIS_STORE_ID: needs REDIS_HOST or REDIS_ADDRS: the embedded engine is a new store at each start")
	}
	for _, addr := range c.RedisAddrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return fmt.Errorf("setting REDIS_ADDRS: %w", err)
		}
	}
	return nil
}

// The values of DURABILITY.
const (
	durabilityLocal      = "local"
	durabilitySynced     = "synced"
	durabilityReplicated = "replicated"
)

func (c config) checkDurability() error {
	switch {
	case !slices.Contains([]string{durabilityLocal, durabilitySynced, durabilityReplicated}, c.Durability):
		return fmt.Errorf("setting DURABILITY: %q is not local, synced or replicated", c.Durability)
	case c.AckReplicas < 1:
		return fmt.Errorf("setting ACK_REPLICAS: %d is not a positive number", c.AckReplicas)
	case c.Durability == durabilityLocal:
		return nil
	case c.RedisHost == "" && len(c.RedisAddrs) == 0:
		return fmt.Errorf("setting DURABILITY: %s needs REDIS_HOST or REDIS_ADDRS: the embedded engine has neither replicas nor a disk",
			c.Durability)
	case c.AckTimeout < time.Millisecond || c.AckTimeout >= c.RedisReadTimeout:
		return fmt.Errorf("setting ACK_TIMEOUT: %s is not between 1ms and REDIS_READ_TIMEOUT (%s), after which the reply is no longer waited for",
			c.AckTimeout, c.RedisReadTimeout)
	default:
		return nil
	}
}

// redis returns the part of the settings that chooses the engine.
func (c config) redis() (store.Config, error) {
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

func (c config) tls() (*tls.Config, error) {
	if !c.RedisTLS {
		return nil, nil
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.RedisTLSCA == "" {
		return tlsConfig, nil
	}
	pem, err := os.ReadFile(c.RedisTLSCA)
	if err != nil {
		return nil, fmt.Errorf("setting REDIS_TLS_CA: %w", err)
	}
	tlsConfig.RootCAs = x509.NewCertPool()
	if !tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("setting REDIS_TLS_CA: no certificate in %s", c.RedisTLSCA)
	}
	return tlsConfig, nil
}

const usageFormat = `{{range .}}{{usage_key .}}	{{or (usage_default .) "-"}}	{{usage_description .}}
{{end}}`

// usage lists the settings.
func usage(w io.Writer) {
	fmt.Fprint(w, `boxoffice is an event-ticket booking service over HTTP, on Redis.

Usage: boxoffice                   serve
       boxoffice verify [EVENT]    check the data in Redis of one event, or of all events
       boxoffice key SCOPE [NAME]  make an API key, and its entry for API_KEYS
       boxoffice health            check whether the instance on this machine is alive

Settings are environment variables, or lines of a file .env in the working directory.
Times are written as 500ms, 5s or 2m.

SIGTERM and SIGINT end the service once it has answered what is under way, a second one ends
it at once. SIGHUP has API_KEYS_FILE read again.

`)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tDEFAULT\tMEANING")
	if err := envconfig.Usagef("", &config{}, table, usageFormat); err != nil {
		fmt.Fprintln(table, err)
	}
	_ = table.Flush()
}
