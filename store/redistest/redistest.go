// Package redistest starts real Redis servers and clusters for tests, on free
// loopback ports and in folders of their own, and stops them again.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTimeout bounds how long a server or a cluster may take to be ready.
const startTimeout = 30 * time.Second

// Server is one redis-server process.
type Server struct {
	Addr string

	dir     string
	command []string // what runs, with its arguments
	process *os.Process
	exited  chan struct{}
}

// Binary returns the path of the redis-server that is started: what REDIS_SERVER names,
// else the one on PATH. tools/redis-servers.sh fetches those that boxoffice supports.
func Binary() (string, error) {
	if named := os.Getenv("REDIS_SERVER"); named != "" {
		return exec.LookPath(named)
	}
	return exec.LookPath("redis-server")
}

// Path returns a PATH for shells that call redis-server, redis-cli and redis-check-aof by
// name: it begins with the folders given, and those beside Binary follow.
func Path(folders ...string) (string, error) {
	binary, err := Binary()
	folders = append(folders, filepath.Dir(binary), os.Getenv("PATH"))
	return strings.Join(folders, string(os.PathListSeparator)), err
}

// Version returns what a server says of itself, such as "Redis 8.0.2" or "Valkey 8.0.1".
func Version(ctx context.Context, client redis.UniversalClient) (string, error) {
	info, err := client.InfoMap(ctx, "server").Result()
	if err != nil {
		return "", err
	}
	if version := info["Server"]["valkey_version"]; version != "" {
		return "Valkey " + version, nil
	}
	return "Redis " + info["Server"]["redis_version"], nil
}

// Require skips the test where there is no redis-server, or fails it if REQUIRE_REDIS is
// set. EMBEDDED_ONLY skips all that needs one, for a quick run; the two exclude each other.
func Require(t testing.TB) {
	t.Helper()
	embeddedOnly, required := os.Getenv("EMBEDDED_ONLY") != "", os.Getenv("REQUIRE_REDIS") != ""
	_, err := Binary()
	switch {
	case embeddedOnly && required:
		t.Fatal("EMBEDDED_ONLY and REQUIRE_REDIS are both set, and exclude each other")
	case embeddedOnly:
		t.Skip("not run on a real Redis: EMBEDDED_ONLY is set")
	case err == nil:
	case required:
		t.Fatalf("REQUIRE_REDIS is set: %v", err)
	default:
		t.Skipf("not run on a real Redis: %v", err)
	}
}

// Start starts a server with AOF on and nothing evicted. More arguments are given
// to redis-server as they are, and come last, so that they win.
func Start(args ...string) (*Server, error) { return StartUnder(nil, args...) }

// StartUnder is Start, with redis-server given to another command that becomes it, as
// env or strace -D do.
func StartUnder(command []string, args ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "redistest-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", port), dir: dir}
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	s.command = slices.Concat(command, []string{
		binary,
		"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
		"--repl-diskless-sync-delay", "0", // a replica need not wait for others
		"--logfile", filepath.Join(dir, "redis.log"),
	}, args)
	if err := s.Run(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Run starts the process, again after Kill, and waits until it answers.
func (s *Server) Run() error {
	command := exec.Command(s.command[0], s.command[1:]...)
	dieWithParent(command)
	started := make(chan error)
	exited := make(chan struct{})
	go func() {
		// The signal for a dead parent is for a dead thread, so it must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait()
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.exited = command.Process, exited

	client := s.Client()
	defer func() { _ = client.Close() }()
	return poll(func(ctx context.Context) error {
		select {
		case <-exited:
			return fatal{fmt.Errorf("redis-server on %s ended: %s", s.Addr, s.log())}
		default:
			err := client.Ping(ctx).Err()
			if redis.IsAuthError(err) { // it is there, and asks for a password
				err = nil
			}
			return err
		}
	})
}

// Client returns a client of this server alone.
func (s *Server) Client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.Addr}) }

// Pid returns the process id, for signals.
func (s *Server) Pid() int { return s.process.Pid }

// Kill ends the process as a crash would, with no chance to save anything.
func (s *Server) Kill() {
	_ = s.process.Kill()
	<-s.exited
}

// Stop ends the process and removes its folder.
func (s *Server) Stop() {
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "redis.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Cluster is a Redis Cluster.
type Cluster struct{ Servers []*Server }

const slots = 16384

// StartCluster starts a cluster of masters that share the slots evenly. More
// arguments are given to each redis-server.
func StartCluster(masters int, args ...string) (*Cluster, error) {
	c := &Cluster{}
	for range masters {
		server, err := startNode(args...)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.Servers = append(c.Servers, server)
	}
	if err := c.join(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *Cluster) join() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for i, server := range c.Servers {
		client := server.Client()
		defer func() { _ = client.Close() }()
		first, last := slots*i/len(c.Servers), slots*(i+1)/len(c.Servers)-1
		if err := client.ClusterAddSlotsRange(ctx, first, last).Err(); err != nil {
			return err
		}
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return err
		}
		for _, other := range c.Servers[:i] {
			if err := meet(ctx, client, other); err != nil {
				return err
			}
		}
	}
	return c.WaitReady()
}

// AddMaster adds a master that has no slots yet.
func (c *Cluster) AddMaster(args ...string) error {
	node, err := startNode(args...)
	if err != nil {
		return err
	}
	first := c.Servers[0]
	c.Servers = append(c.Servers, node)
	if err := node.with(func(ctx context.Context, client *redis.Client) error { return meet(ctx, client, first) }); err != nil {
		return err
	}
	return c.WaitReady()
}

// startNode starts a node of a cluster that it has not met yet.
func startNode(args ...string) (*Server, error) {
	busPort, err := freePort()
	if err != nil {
		return nil, err
	}
	return Start(append([]string{
		"--cluster-enabled", "yes", "--cluster-port", busPort, "--cluster-node-timeout", "1500",
	}, args...)...)
}

func meet(ctx context.Context, client *redis.Client, other *Server) error {
	host, port, err := net.SplitHostPort(other.Addr)
	if err != nil {
		return err
	}
	return client.Do(ctx, "CLUSTER", "MEET", host, port, other.busPort()).Err()
}

func (s *Server) busPort() string {
	for i, arg := range s.command {
		if arg == "--cluster-port" {
			return s.command[i+1]
		}
	}
	return ""
}

// WaitReady waits until every node says that all slots are served.
func (c *Cluster) WaitReady() error {
	return poll(func(ctx context.Context) error {
		for _, server := range c.Servers {
			client := server.Client()
			info, err := client.ClusterInfo(ctx).Result()
			_ = client.Close()
			if err != nil {
				return err
			}
			if !strings.Contains(info, "cluster_state:ok") ||
				!strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(len(c.Servers))) {
				return fmt.Errorf("%s: %s", server.Addr, info)
			}
		}
		return nil
	})
}

// Addrs returns the addresses of all nodes.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, server := range c.Servers {
		addrs = append(addrs, server.Addr)
	}
	return addrs
}

// Stop ends all nodes and removes their folders.
func (c *Cluster) Stop() { _ = c.close() }

func (c *Cluster) close() error {
	for _, server := range c.Servers {
		server.Stop()
	}
	return nil
}

// WaitUntil returns when ready says so, and fails the test if that takes more than half a
// minute.
func WaitUntil(t testing.TB, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ready() {
		if time.Now().After(deadline) {
			t.Fatal("it never came to pass")
		}
		<-tick.C
	}
}

// fatal ends a poll at once.
type fatal struct{ error }

func poll(ready func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		var end fatal
		if err == nil || errors.As(err, &end) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}

// freePort returns a port that nothing listens on, and never the same twice: several servers start at
// the same moment. It is below those that a machine gives to connections, of which the tests make
// thousands: one of them could have it before the server does.
func freePort() (string, error) {
	const first, last = 12_000, 32_000
	for range 1000 {
		port := strconv.Itoa(first + rand.IntN(last-first))
		if _, given := givenPorts.LoadOrStore(port, true); given {
			continue
		}
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, listener.Close()
		}
	}
	return "", errors.New("no port is free")
}

var givenPorts sync.Map
