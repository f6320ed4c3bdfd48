package probe

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Node is a Redis server.
type Node struct {
	Addr    string `json:"addr"`
	Role    string `json:"role"`
	Slots   string `json:"slots,omitempty"`
	Version string `json:"version,omitempty"`
	AOF     bool   `json:"aof"`

	run string // of the process
	cpu time.Duration
}

// look asks one server.
func look(ctx context.Context, options *redis.Options) (Node, []Node, error) {
	asked := *options
	asked.MaxRetries = -1
	asked.DialTimeout, asked.ReadTimeout = time.Second, time.Second
	client := redis.NewClient(&asked)
	defer func() { _ = client.Close() }()
	text, err := client.Info(ctx).Result()
	if err != nil {
		return Node{}, nil, err
	}
	info := make(map[string]string)
	for line := range strings.SplitSeq(text, "\r\n") {
		if name, value, found := strings.Cut(line, ":"); found {
			info[name] = value
		}
	}
	seconds := func(name string) time.Duration {
		value, _ := strconv.ParseFloat(info[name], 64)
		return time.Duration(value * float64(time.Second))
	}
	node := Node{
		Addr: options.Addr, Role: info["role"], Version: info["redis_version"], AOF: info["aof_enabled"] == "1",
		run: info["run_id"], cpu: seconds("used_cpu_user") + seconds("used_cpu_sys"),
	}
	if info["cluster_enabled"] != "1" {
		return node, nil, nil
	}
	text, err = client.ClusterNodes(ctx).Result()
	return node, parseNodes(text), err
}

// parseNodes reads CLUSTER NODES: id, address, flags, master, ping, pong, epoch, link,
// slots.
func parseNodes(text string) (nodes []Node) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		addr, _, _ := strings.Cut(fields[1], "@")
		role := "slave"
		if strings.Contains(fields[2], "master") {
			role = "master"
		}
		if strings.Contains(fields[2], "fail") || strings.Contains(fields[2], "noaddr") {
			role = "gone"
		}
		var slots []string
		for _, slot := range fields[8:] {
			if !strings.HasPrefix(slot, "[") {
				slots = append(slots, slot)
			}
		}
		nodes = append(nodes, Node{Addr: addr, Role: role, Slots: strings.Join(slots, " ")})
	}
	return nodes
}

// Topology asks a Redis, and all other nodes of its cluster if it is of one.
func Topology(ctx context.Context, options []*redis.Options) ([]Node, error) {
	var nodes []Node
	var failed error
	seen := make(map[string]bool)
	add := func(o *redis.Options, slots string) []Node {
		if seen[o.Addr] {
			return nil
		}
		seen[o.Addr] = true
		node, others, err := look(ctx, o)
		if err != nil {
			failed = fmt.Errorf("%s: %w", o.Addr, err)
			return nil
		}
		node.Slots = slots
		nodes = append(nodes, node)
		return others
	}
	for _, o := range options {
		for _, other := range add(o, "") {
			if other.Addr == o.Addr {
				nodes[len(nodes)-1].Slots = other.Slots
			}
			if other.Role == "gone" {
				continue
			}
			next := *o
			next.Addr = other.Addr
			add(&next, other.Slots)
		}
	}
	if len(nodes) > 0 {
		slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Addr, b.Addr) })
		return nodes, nil // one that is away just now does not hide the rest
	}
	return nil, failed
}
