package probe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/loadtest/lab/probe"
	"boxoffice/store/redistest"
)

// Slots stand with the masters that serve them, and replicas behind theirs: whichever node
// is asked first, and after a failover too.
func TestTopologyOfACluster(t *testing.T) {
	redistest.Require(t)
	const masters = 3
	cluster, err := redistest.StartCluster(masters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	if err := cluster.AddReplicas(); err != nil {
		t.Fatal(err)
	}
	follows := make(map[string]string) // replica's address to master's
	for i := range masters {
		follows[cluster.Servers[masters+i].Addr] = cluster.Servers[i].Addr
	}
	check := func() {
		t.Helper()
		for _, asked := range cluster.Servers {
			redistest.WaitUntil(t, func() bool { return known(t, asked.Addr, 2*masters) })
			nodes := topology(t, asked.Addr, strings.Replace(asked.Addr, "127.0.0.1", "localhost", 1))
			if len(nodes) != 2*masters {
				t.Fatalf("%d nodes: %+v", len(nodes), nodes)
			}
			for i := 0; i < len(nodes); i += 2 {
				master, replica := nodes[i], nodes[i+1]
				if master.Role != "master" || master.Slots == "" || master.Master != "" {
					t.Errorf("asked %s: node %d should be a master with slots: %+v", asked.Addr, i, master)
				}
				if replica.Role != "slave" || replica.Slots != "" || replica.Master != master.Addr || follows[replica.Addr] != master.Addr {
					t.Errorf("asked %s: node %d should be a replica of %s: %+v", asked.Addr, i+1, master.Addr, replica)
				}
			}
			if !strings.HasPrefix(nodes[0].Slots, "0-") || !strings.HasSuffix(nodes[2*masters-2].Slots, "-16383") {
				t.Errorf("asked %s: not in order of the slots: %+v", asked.Addr, nodes)
			}
		}
	}
	check()

	replica, master := cluster.Servers[masters], cluster.Servers[0]
	client := replica.Client()
	defer func() { _ = client.Close() }()
	if err := client.Do(context.Background(), "CLUSTER", "FAILOVER", "TAKEOVER").Err(); err != nil {
		t.Fatal(err)
	}
	delete(follows, replica.Addr)
	follows[master.Addr] = replica.Addr
	redistest.WaitUntil(t, func() bool {
		for _, node := range topology(t, master.Addr) {
			if node.Addr == master.Addr {
				return node.Role == "slave" && node.Slots == ""
			}
		}
		return false
	})
	check()
}

func topology(t *testing.T, addrs ...string) []probe.Node {
	t.Helper()
	var options []*redis.Options
	for _, addr := range addrs {
		options = append(options, &redis.Options{Addr: addr})
	}
	nodes, err := probe.Topology(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// known reports whether a node has heard of this many, its own included.
func known(t *testing.T, addr string, nodes int) bool {
	t.Helper()
	return len(topology(t, addr)) == nodes
}
