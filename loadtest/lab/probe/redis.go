package probe

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net"
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
	Master  string `json:"master,omitempty"` // address of the one that a replica follows
	Slots   string `json:"slots,omitempty"`  // that it serves, as it says itself
	Version string `json:"version,omitempty"`
	AOF     bool   `json:"aof"`

	run string // of the process
	cpu time.Duration
}

// look asks one server what it is, and for the addresses of the others of its cluster.
func look(ctx context.Context, options *redis.Options) (Node, []string, error) {
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
	if info["master_port"] != "" {
		node.Master = net.JoinHostPort(info["master_host"], info["master_port"])
	}
	if info["cluster_enabled"] != "1" {
		return node, nil, nil
	}
	text, err = client.ClusterNodes(ctx).Result()
	slots, others := parseNodes(text)
	node.Slots = slots
	return node, others, err
}

// parseNodes reads CLUSTER NODES: id, address, flags, master, ping, pong, epoch, link, slots.
// It returns the slots of the node that was asked, and the addresses of those that are there
// beside it.
func parseNodes(text string) (slots string, others []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		addr, _, _ := strings.Cut(fields[1], "@")
		flags := strings.Split(fields[2], ",")
		switch {
		case slices.Contains(flags, "myself"):
			own := slices.DeleteFunc(fields[8:], func(slot string) bool { return strings.HasPrefix(slot, "[") }) // on the move
			slots = strings.Join(own, " ")
		case !slices.Contains(flags, "fail") && !slices.Contains(flags, "noaddr"):
			others = append(others, addr)
		}
	}
	return slots, others
}

// Topology asks a Redis, and all other nodes of its cluster if it is of one. Masters come in
// order of their slots, each with its replicas behind it.
func Topology(ctx context.Context, options []*redis.Options) ([]Node, error) {
	var nodes []Node
	var failed error
	seen := make(map[string]bool) // addresses, and runs: a node may have several names
	add := func(o *redis.Options) []string {
		if seen[o.Addr] {
			return nil
		}
		seen[o.Addr] = true
		node, others, err := look(ctx, o)
		switch {
		case err != nil:
			failed = fmt.Errorf("%s: %w", o.Addr, err)
			return nil
		case !seen[node.run]:
			seen[node.run] = true
			nodes = append(nodes, node)
		}
		return others
	}
	for _, o := range options {
		for _, other := range add(o) {
			next := *o
			next.Addr = other
			add(&next)
		}
	}
	if len(nodes) > 0 {
		return inOrder(nodes), nil // one that is away just now does not hide the rest
	}
	return nil, failed
}

func inOrder(nodes []Node) []Node {
	lead := func(n Node) (slot int, master string) {
		for _, one := range nodes {
			if one.Addr == n.Master {
				n = one
			}
		}
		slot = math.MaxInt // of one that has none
		_, _ = fmt.Sscanf(n.Slots, "%d", &slot)
		return slot, n.Addr
	}
	slices.SortFunc(nodes, func(a, b Node) int {
		slotA, masterA := lead(a)
		slotB, masterB := lead(b)
		return cmp.Or(cmp.Compare(slotA, slotB), cmp.Compare(masterA, masterB), cmp.Compare(a.Master, b.Master), cmp.Compare(a.Addr, b.Addr))
	})
	return nodes
}
