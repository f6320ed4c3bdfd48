package redistest

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// AddReplicas gives each master of a cluster one replica, and returns when all of them
// follow. Replicas are in the order of the masters, after them in c.Servers.
func (c *Cluster) AddReplicas(args ...string) error {
	masters := c.Servers
	for _, master := range masters {
		replica, err := startNode(append([]string{"--cluster-replica-validity-factor", "0"}, args...)...)
		if err != nil {
			return err
		}
		c.Servers = append(c.Servers, replica)
		if err := replica.with(func(ctx context.Context, client *redis.Client) error { return meet(ctx, client, master) }); err != nil {
			return err
		}
	}
	if err := c.WaitReady(); err != nil {
		return err
	}
	for i, master := range masters {
		var id string
		err := master.with(func(ctx context.Context, client *redis.Client) (err error) {
			id, err = client.ClusterMyID(ctx).Result()
			return err
		})
		if err != nil {
			return err
		}
		replica := c.Servers[len(masters)+i]
		err = replica.with(func(ctx context.Context, client *redis.Client) error { return client.ClusterReplicate(ctx, id).Err() })
		if err != nil {
			return err
		}
		if err := master.WaitOnline(1); err != nil {
			return err
		}
	}
	return nil
}

// WaitOnline waits until this many replicas follow the server: one that is still being
// copied to does not.
func (s *Server) WaitOnline(replicas int) error {
	client := s.Client()
	defer func() { _ = client.Close() }()
	return poll(func(ctx context.Context) error {
		count, err := client.Wait(ctx, replicas, time.Second).Result()
		if err == nil && count < int64(replicas) {
			err = fmt.Errorf("%d replicas follow %s", count, s.Addr)
		}
		return err
	})
}

// Pause stops the process as a frozen machine does: it keeps its connections, and does
// nothing until Continue.
func (s *Server) Pause() error { return s.process.Signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (s *Server) Continue() error { return s.process.Signal(syscall.SIGCONT) }

func (s *Server) with(do func(ctx context.Context, client *redis.Client) error) error {
	client := s.Client()
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return do(ctx, client)
}
