package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"
)

// master returns the client of the node that has the key.
func (s *Store) master(ctx context.Context, key string) (*redis.Client, error) {
	switch client := s.client.(type) {
	case *redis.Client:
		return client, nil
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	default:
		return nil, fmt.Errorf("a client of the unknown type %T", client) // Open makes no other
	}
}

// forEachMaster calls for all masters at once, and joins what they come to. Of a cluster
// the client first asks any node for the topology, maybe one that hangs: it gets half of
// the time that ctx has left, after which the topology known before does.
func (s *Store) forEachMaster(ctx context.Context, call func(ctx context.Context, node *redis.Client) error) error {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return call(ctx, s.client.(*redis.Client)) //nolint:forcetypeassert // Open makes no other
	}
	topology, cancel := half(ctx)
	defer cancel()
	return cluster.ForEachMaster(topology, func(_ context.Context, node *redis.Client) error { return call(ctx, node) })
}

// node returns the client of the cluster's node at an address. A master that has no slot
// yet is in no topology, though a slot on its way there is asked for at it: such a node
// gets a client of the store's own.
func (s *Store) node(ctx context.Context, addr string) (*redis.Client, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return nil, errors.New("redirected, though this is no cluster")
	}
	found := make(chan *redis.Client, 1)
	soon, cancel := context.WithTimeout(ctx, lastPause)
	defer cancel()
	_ = cluster.ForEachMaster(soon, func(_ context.Context, node *redis.Client) error {
		if node.Options().Addr == addr {
			select {
			case found <- node:
			default:
			}
		}
		return nil
	})
	select {
	case node := <-found:
		return node, nil
	default:
		return s.strangers.get(addr, s.config), nil
	}
}

// strangers are clients of nodes that the cluster's topology does not have.
type strangers struct {
	mutex sync.Mutex
	nodes map[string]*redis.Client
}

func (st *strangers) get(addr string, config Config) *redis.Client {
	st.mutex.Lock()
	defer st.mutex.Unlock()
	if node := st.nodes[addr]; node != nil {
		return node
	}
	config.Addrs, config.DB = []string{addr}, 0
	node := redis.NewClient(config.single())
	if st.nodes == nil {
		st.nodes = map[string]*redis.Client{}
	}
	st.nodes[addr] = node
	return node
}

func (st *strangers) close() error {
	st.mutex.Lock()
	defer st.mutex.Unlock()
	var failed error
	for _, node := range st.nodes {
		failed = errors.Join(failed, node.Close())
	}
	return failed
}
