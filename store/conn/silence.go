package conn

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// A firewall that forgets its connections, or a machine that loses its power, leaves a pool of
// connections that look open and are dead: nothing says so, and each costs a call its time-out
// to find out. So one time-out stands for all: every connection to the same address that has
// not been heard of since that request was sent is not used again. If Redis was only slow, this
// costs a few new connections.

// leastSilence is how long an answer must be missing to say something about a connection: a
// call may give up sooner, as its own deadline ends.
const leastSilence = 100 * time.Millisecond

const defaultDialTimeout = 5 * time.Second // the client's own

var errSilent = errors.New("nothing was heard on this connection since another one fell silent")

// silences dials, and knows since when each address has been silent.
type silences struct {
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	since sync.Map // address to *atomic.Int64, see watchedConn.since
}

func newSilences(config Config) *silences {
	return &silences{dial: redis.NewDialer(&redis.Options{
		DialTimeout: cmp.Or(config.DialTimeout, defaultDialTimeout), TLSConfig: config.TLS,
	})}
}

// Dial is the dialer of every client.
func (s *silences) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialed, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	since, _ := s.since.LoadOrStore(addr, new(atomic.Int64))
	c := &watchedConn{Conn: dialed, since: since.(*atomic.Int64)} //nolint:forcetypeassert // nothing else is put there
	c.heard.Store(elapsed())
	return c, nil
}

// watchedConn is a connection to Redis that knows when it was last used. Times are those of
// elapsed.
type watchedConn struct {
	net.Conn
	sent, heard atomic.Int64
	answered    atomic.Bool                  // something was ever read
	refused     atomic.Pointer[refusedError] // what was, if that was the end
	since       *atomic.Int64                // when the last request was sent to the same address that got no answer in time
}

func (c *watchedConn) Write(b []byte) (int, error) {
	c.sent.Store(elapsed())
	n, err := c.Conn.Write(b)
	if err != nil {
		err = c.whyClosed(err)
	}
	return n, err
}

// whyClosed returns what Redis said before it closed a new connection, as one does that has too many,
// or the error of who wrote to it. Whoever cannot write does not read; and the client takes the
// refusal for one of its greeting, and goes on to write.
func (c *watchedConn) whyClosed(err error) error {
	if refused := c.refused.Load(); refused != nil {
		return *refused
	}
	if c.answered.Load() || c.Conn.SetReadDeadline(time.Now().Add(leastSilence)) != nil {
		return err
	}
	_, _ = c.Read(make([]byte, 256)) // the error is known already
	if refused := c.refused.Load(); refused != nil {
		return *refused
	}
	return err
}

const tooManyClients = "ERR max number of clients" // which Redis goes on to word in several ways

// refusedError is what Redis answered before it was asked.
type refusedError string

func (w refusedError) Error() string { return string(w) }

// RedisError marks it as an answer, see redis.Error.
func (refusedError) RedisError() {}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(elapsed())
		if !c.answered.Swap(true) {
			c.hearRefusal(b[:min(n, 80)])
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.timedOut()
	}
	if refused := c.refused.Load(); n == 0 && err != nil && refused != nil {
		err = *refused // what the end of the connection was about
	}
	return n, err
}

// hearRefusal looks at the first thing that Redis said on a connection.
func (c *watchedConn) hearRefusal(said []byte) {
	line, _, _ := strings.Cut(string(said), "\r\n")
	if strings.HasPrefix(line, "-"+tooManyClients) {
		refused := refusedError(line[1:])
		c.refused.Store(&refused)
	}
}

func (c *watchedConn) timedOut() {
	sent := c.sent.Load()
	if c.heard.Load() > sent || elapsed()-sent < int64(leastSilence) {
		return
	}
	for {
		since := c.since.Load()
		if since >= sent || c.since.CompareAndSwap(since, sent) {
			return
		}
	}
}

// SyscallConn is what the client's pool asks for, to look whether a connection is still open
// before it is used again.
func (c *watchedConn) SyscallConn() (syscall.RawConn, error) {
	if c.heard.Load() < c.since.Load() {
		return nil, errSilent
	}
	if open, ok := c.Conn.(syscall.Conn); ok {
		return open.SyscallConn()
	}
	return unseen{}, nil
}

// unseen stands for a connection with TLS, which cannot be looked at: what has arrived may be
// about the encryption only.
type unseen struct{}

func (unseen) Control(func(fd uintptr)) error    { return nil }
func (unseen) Read(func(fd uintptr) bool) error  { return nil }
func (unseen) Write(func(fd uintptr) bool) error { return nil }

var processStart = time.Now()

// elapsed is the time since the process began, in nanoseconds, whatever is done to the clock.
func elapsed() int64 { return int64(time.Since(processStart)) }
