package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// blackHole passes connections on to a Redis until it swallows what all that are open send and
// receive: they stay open, and nothing says that they are dead. New ones are passed on.
type blackHole struct {
	addr   string
	dialed atomic.Int64
	mutex  sync.Mutex
	open   []*atomic.Bool
}

func newBlackHole(t *testing.T, redisAddr string) *blackHole {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &blackHole{addr: listener.Addr().String()}
	var passing sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		passing.Wait()
	})
	passing.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := new(net.Dialer).DialContext(context.Background(), "tcp", redisAddr)
			if err != nil {
				_ = client.Close()
				continue
			}
			h.dialed.Add(1)
			dead := new(atomic.Bool)
			h.mutex.Lock()
			h.open = append(h.open, dead)
			h.mutex.Unlock()
			passing.Go(func() { pass(server, client, dead); _ = server.Close() })
			passing.Go(func() { pass(client, server, dead); _ = client.Close() })
		}
	})
	return h
}

func pass(to io.Writer, from io.Reader, dead *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !dead.Load() {
			_, _ = to.Write(buffer[:n])
		}
	}
}

func (h *blackHole) swallow() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, dead := range h.open {
		dead.Store(true)
	}
	h.open = nil
}

// throughHole returns a client with so many connections that lie idle.
func throughHole(t *testing.T, connections int, options *redis.UniversalOptions, h *blackHole) *redis.Client {
	t.Helper()
	options.Addrs, options.PoolSize = []string{h.addr}, connections
	client := redis.NewClient(options.Simple())
	t.Cleanup(func() { _ = client.Close() })
	var held []*redis.Conn
	for range connections {
		one := client.Conn()
		if err := one.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		held = append(held, one)
	}
	for _, one := range held {
		_ = one.Close()
	}
	if idle := client.PoolStats().IdleConns; int(idle) != connections {
		t.Fatalf("%d connections are idle, want %d", idle, connections)
	}
	return client
}

// The first time-out tells of all connections that have been silent since: no other call pays
// for one of them.
func TestOneTimeoutStandsForAllSilentConnections(t *testing.T) {
	hole := newBlackHole(t, miniredis.RunT(t).Addr())
	config := Config{ReadTimeout: 2 * leastSilence}
	config.silences = newSilences(config)
	const connections = 20
	client := throughHole(t, connections, config.options(), hole)
	hole.swallow()
	failed := 0
	for range 3 * connections {
		if err := client.Ping(t.Context()).Err(); err != nil {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d calls failed, want the first", failed)
	}
	if dialed := hole.dialed.Load(); dialed > connections+2 {
		t.Errorf("%d connections were opened after the first %d", dialed-connections, connections)
	}
}

// mostTries observes the most tries that a call took.
type mostTries struct{ most atomic.Int64 }

func (m *mostTries) Tried(_ string, attempt int, _ time.Duration, _ string) {
	m.most.Store(max(m.most.Load(), int64(attempt)))
}
func (*mostTries) Unanswered(string) {}
func (*mostTries) Sent(int)          {}

// The same of a whole Conn: who has time for a second try does not notice.
func TestSilentConnectionsAreNotNoticed(t *testing.T) {
	hole := newBlackHole(t, miniredis.RunT(t).Addr())
	script := NewScript(Script{Name: "x", Source: "return {'x'}", Keys: 1, Kind: Read})
	tries := &mostTries{}
	c := newConn(Config{ReadTimeout: 2 * leastSilence, PoolSize: 64, Observer: tries}, Probe{Script: script}, nil)
	client := redis.NewClient(c.config.node(hole.addr))
	c.client, c.close = client, []func() error{c.batches.close, client.Close}
	defer func() { _ = c.Close() }()
	call := func(times int) {
		var callers sync.WaitGroup
		for range times {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := c.Call(ctx, Call{Script: script, Keys: []string{"x"}}); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
	}
	call(200)
	if hole.dialed.Load() < 2 {
		t.Fatal("only one connection was used")
	}
	hole.swallow()
	call(1)
	if tries.most.Load() > 2 {
		t.Errorf("a call found one dead connection after the other: it took %d tries", tries.most.Load())
	}
	dialed := hole.dialed.Load()
	for range 20 {
		call(1)
	}
	if again := hole.dialed.Load() - dialed; again != 0 {
		t.Errorf("one connection after the other was found dead: %d", again)
	}
}

// A connection that was heard of since the unanswered request was sent is used on, as is one to
// another address; and a call that gives up at once says nothing.
func TestOnlySilentConnectionsAreCondemned(t *testing.T) {
	var config Config
	s := newSilences(config)
	first, second := miniredis.RunT(t).Addr(), miniredis.RunT(t).Addr()
	dial := func(addr string) *watchedConn {
		t.Helper()
		c, err := s.Dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c.(*watchedConn) //nolint:forcetypeassert // it is
	}
	usable := func(c *watchedConn) bool { _, err := c.SyscallConn(); return err == nil }
	exchange := func(c *watchedConn) {
		t.Helper()
		if _, err := c.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 64)); err != nil {
			t.Fatal(err)
		}
	}
	timeOut := func(c *watchedConn, part string, after time.Duration) { // part of a command is never answered
		t.Helper()
		if _, err := c.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(after))
		if _, err := c.Read(make([]byte, 64)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	silent, heard, other, failed := dial(first), dial(first), dial(second), dial(first)
	timeOut(failed, "*1\r\n", time.Millisecond)
	if !usable(silent) || !usable(failed) {
		t.Error("a call that gave up after a millisecond condemned connections")
	}
	timeOut(failed, "$4\r\n", 2*leastSilence)
	exchange(heard)
	if usable(silent) || usable(failed) {
		t.Error("a silent connection is used on")
	}
	if !usable(heard) || !usable(other) || !usable(dial(first)) {
		t.Error("a connection that is not known to be silent is not used")
	}
}

// With TLS, the state of the socket cannot be looked at, and the time of the last answer can.
func TestSilenceWithTLS(t *testing.T) {
	plain, far := net.Pipe()
	defer func() { _ = far.Close() }()
	c := &watchedConn{Conn: tls.Client(plain, &tls.Config{MinVersion: tls.VersionTLS12}), since: new(atomic.Int64)}
	defer func() { _ = plain.Close() }()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Read(func(uintptr) bool { t.Error("the socket was looked at"); return true }); err != nil {
		t.Error(err)
	}
	c.since.Store(1)
	if _, err := c.SyscallConn(); !errors.Is(err, errSilent) {
		t.Errorf("a silent connection is used on: %v", err)
	}
}
