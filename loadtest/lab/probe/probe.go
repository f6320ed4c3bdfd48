package probe

import (
	"context"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/loadtest/service"
)

// Probe remembers where the counters stood.
type Probe struct {
	redis    []*redis.Options
	services map[int]time.Duration // CPU, by process
	self     time.Duration
	nodes    []Node
}

// Use is what was used since the probe started. Zero means that it could not be seen.
type Use struct {
	Generator time.Duration
	Service   time.Duration // of all instances on this machine
	Redis     time.Duration // of all nodes
	Complete  bool          // false: a Redis node restarted or went away, and took its count with it
}

// ParseRedis reads addresses (host:port) or URLs (redis://user:password@host:port).
func ParseRedis(list string) (options []*redis.Options, err error) {
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		if !strings.Contains(text, "://") {
			text = "redis://" + text
		}
		o, err := redis.ParseURL(text)
		if err != nil {
			return nil, err
		}
		options = append(options, o)
	}
	return options, nil
}

// Start notes where the counters stand now.
func Start(ctx context.Context, targets []service.Target, options []*redis.Options) (*Probe, error) {
	p := &Probe{redis: options, services: make(map[int]time.Duration)}
	for _, target := range targets {
		if pid := localProcess(target); pid != 0 {
			if cpu, err := cpuOf(pid); err == nil {
				p.services[pid] = cpu
			}
		}
	}
	var err error
	if len(options) > 0 {
		p.nodes, err = Topology(ctx, options)
	}
	p.self = Self() // last: looking around has its price too
	return p, err
}

// localProcess finds the process that serves a loopback target; 0 if it is this very
// process, as in tests, whose CPU is not to be separated from the generator's.
func localProcess(target service.Target) int {
	u, err := url.Parse(target.URL)
	if err != nil || (u.Hostname() != "localhost" && u.Hostname() != "::1" && !strings.HasPrefix(u.Hostname(), "127.")) {
		return 0
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return 0
	}
	if pid := listenerOn(port); pid != os.Getpid() {
		return pid
	}
	return 0
}

// Nodes returns the topology at the start.
func (p *Probe) Nodes() []Node { return p.nodes }

// Use returns what was used since the start, and the topology now.
func (p *Probe) Use(ctx context.Context) (Use, []Node) {
	use := Use{Generator: Self() - p.self, Complete: true}
	for pid, before := range p.services {
		if now, err := cpuOf(pid); err == nil {
			use.Service += now - before
		}
	}
	if len(p.nodes) == 0 {
		return use, nil
	}
	now, err := Topology(ctx, p.redis)
	if err != nil {
		use.Complete = false
		return use, nil
	}
	before := make(map[string]Node)
	for _, node := range p.nodes {
		before[node.Addr] = node
	}
	for _, node := range now {
		if was, known := before[node.Addr]; known && was.run == node.run {
			use.Redis += node.cpu - was.cpu
			delete(before, node.Addr)
			continue
		}
		use.Redis += node.cpu // of the process that is new
	}
	use.Complete = len(before) == 0
	return use, now
}
