package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// StartSentinel starts a sentinel that watches a master by this name, and fails over
// to a replica half a second after it is gone.
func StartSentinel(master *Server, name string) (*Server, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	masterHost, masterPort, err := net.SplitHostPort(master.Addr)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "sentinel.conf") // sentinel writes what it finds out into it
	text := fmt.Sprintf("port %[1]s\nbind 127.0.0.1\ndir %[2]s\nlogfile %[2]s/redis.log\n"+
		"sentinel monitor %[3]s %[4]s %[5]s 1\nsentinel down-after-milliseconds %[3]s 500\n"+
		"sentinel failover-timeout %[3]s 3000\n", port, dir, name, masterHost, masterPort)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), dir: dir, command: []string{binary, file, "--sentinel"}}
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// ReplicaOf returns the arguments that make a server a replica of another.
func ReplicaOf(master *Server) []string {
	host, port, _ := net.SplitHostPort(master.Addr)
	return []string{"--replicaof", host + " " + port}
}

// WaitReplicas waits until a sentinel knows this many replicas of the master: those
// that it does not know it cannot promote.
func (s *Server) WaitReplicas(name string, count int) error {
	client := s.Client()
	defer func() { _ = client.Close() }()
	return poll(func(ctx context.Context) error {
		known, err := client.Do(ctx, "SENTINEL", "REPLICAS", name).Slice()
		if err == nil && len(known) < count {
			err = fmt.Errorf("the sentinel knows %d replicas", len(known))
		}
		return err
	})
}
