package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

// master returns the client of the node that has the key.
func (c *Conn) master(ctx context.Context, key string) (*redis.Client, error) {
	switch client := c.client.(type) {
	case *redis.Client:
		return client, nil
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	default:
		return nil, fmt.Errorf("a client of the unknown type %T", client) // Open makes no other
	}
}

// forEachMaster calls for all masters at once, and joins their errors. Of a cluster
// the client first asks any node for the topology, maybe one that hangs: it gets half of
// the time that ctx has left, after which the topology known before does.
func (c *Conn) forEachMaster(ctx context.Context, call func(ctx context.Context, node *redis.Client) error) error {
	cluster, ok := c.client.(*redis.ClusterClient)
	if !ok {
		return call(ctx, c.client.(*redis.Client)) //nolint:forcetypeassert // Open makes no other
	}
	topology, cancel := half(ctx)
	defer cancel()
	return cluster.ForEachMaster(topology, func(_ context.Context, node *redis.Client) error { return call(ctx, node) })
}

// redirected are clients of the nodes that a cluster's refusals named, by address. They
// are apart from the cluster's own: a master that has no slot yet, and gets one, is in no
// topology, and to ask for the topology at each redirection would cost more than the call.
type redirected struct {
	mutex sync.Mutex
	nodes map[string]*redis.Client
}

func (r *redirected) get(addr string, config Config) *redis.Client {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if node := r.nodes[addr]; node != nil {
		return node
	}
	config.DB = 0
	node := redis.NewClient(config.node(addr))
	if r.nodes == nil {
		r.nodes = map[string]*redis.Client{}
	}
	r.nodes[addr] = node
	return node
}

func (r *redirected) close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var failed error
	for _, node := range r.nodes {
		failed = errors.Join(failed, node.Close())
	}
	return failed
}
