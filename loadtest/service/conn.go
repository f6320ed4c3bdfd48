package service

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"strconv"
	"time"
)

// Conn is a kept-alive connection with one request at a time. It is written by hand
// because net/http's client was measured to cost several times as much CPU, and a
// generator must not measure itself.
type Conn struct {
	targets []Target // the one in use first; the others when it cannot be reached
	timeout time.Duration

	net     net.Conn
	reader  *bufio.Reader
	out     []byte // request
	json    []byte // its body
	in      []byte // body of the answer
	used    time.Time
	expires time.Time // deadline that is set on net
}

// NewConn makes a connection to the first of the targets, and to the others when it cannot
// be reached. timeout is that of an answer. It connects when it first needs to.
func NewConn(targets []Target, timeout time.Duration) *Conn {
	return &Conn{targets: targets, timeout: timeout}
}

// Do sends a request and returns what the client knows after it. now is the time, which
// the caller has read anyway.
func (c *Conn) Do(request *Request, now time.Time) Answer {
	if err := c.connect(now); err != nil {
		return Answer{Outcome: NotSent, Reason: reasonFor(err)}
	}
	c.build(request)
	code, replayed, err := c.roundTrip(now)
	if err != nil {
		c.Close()
		return Answer{Outcome: Unknown, Reason: reasonFor(err)}
	}
	answer := readBody(request.Kind, code, c.in)
	answer.Replayed = replayed
	return answer
}

// idleLimit is how long a connection may stay unused: the server closes it some time,
// and a request sent just then would have an unknown outcome for no good reason.
const idleLimit = 30 * time.Second

// errNotSent means that nothing of the request has left.
var errNotSent = errors.New("not sent")

// Close closes the connection. The next request opens it again.
func (c *Conn) Close() {
	if c.net != nil {
		_ = c.net.Close()
		c.net = nil
	}
}

// connect makes sure that there is a connection.
func (c *Conn) connect(now time.Time) error {
	if c.net != nil && now.Sub(c.used) > idleLimit {
		c.Close()
	}
	if c.net != nil {
		return nil
	}
	var failed error
	for range c.targets {
		opened, err := c.targets[0].dial(c.timeout)
		if err == nil {
			c.net, c.expires = opened, time.Time{}
			if c.reader == nil {
				c.reader = bufio.NewReaderSize(nil, 4096)
			}
			c.reader.Reset(opened)
			return nil
		}
		failed = err
		c.targets = append(c.targets[1:len(c.targets):len(c.targets)], c.targets[0])
	}
	return fmt.Errorf("%w: %w", errNotSent, failed)
}

// roundTrip sends c.out, and returns the answer's status and whether it is a replay.
// The body is in c.in until the next call.
func (c *Conn) roundTrip(now time.Time) (code int, replayed bool, err error) {
	c.used = now
	// A deadline for each request would cost a timer each; one that is up to a tenth
	// late does as well.
	if c.expires.Sub(now) < c.timeout {
		c.expires = now.Add(c.timeout + c.timeout/10)
		if err := c.net.SetDeadline(c.expires); err != nil {
			return 0, false, err
		}
	}
	if _, err := c.net.Write(c.out); err != nil {
		return 0, false, err
	}
	code, replayed, keep, err := c.readAnswer()
	if err != nil || !keep {
		c.Close()
	}
	return code, replayed, err
}

var errAnswer = errors.New("the answer is not HTTP/1.1 as this client knows it")

// maxAnswer bounds the body of an answer.
const maxAnswer = 1 << 20

//nolint:cyclop,funlen // one loop, without a call for each line: a generator must be lean
func (c *Conn) readAnswer() (code int, replayed, keep bool, err error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, false, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, false, false, errAnswer
	}
	if code, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, false, errAnswer
	}
	keep = line[7] == '1'
	length, chunked := -1, false
	for {
		line, err = c.reader.ReadSlice('\n')
		if err != nil {
			return 0, false, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			return 0, false, false, errAnswer
		}
		// Only these four matter; their lengths exclude most others at once.
		value := bytes.TrimSpace(line[colon+1:])
		switch {
		case colon == 14 && equalFold(line[:colon], "content-length"):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > maxAnswer {
				return 0, false, false, errAnswer
			}
		case colon == 10 && equalFold(line[:colon], "connection"):
			keep = keep && !equalFold(value, "close")
		case colon == 17 && equalFold(line[:colon], "transfer-encoding"):
			chunked = equalFold(value, "chunked")
		case colon == 19 && equalFold(line[:colon], "idempotent-replayed"):
			replayed = equalFold(value, "true")
		}
	}
	switch {
	case chunked:
		c.in, err = io.ReadAll(io.LimitReader(httputil.NewChunkedReader(c.reader), maxAnswer))
		if err == nil {
			_, err = c.reader.Discard(len("\r\n")) // the empty trailer
		}
	case length >= 0:
		if cap(c.in) < length {
			c.in = make([]byte, length)
		}
		c.in = c.in[:length]
		_, err = io.ReadFull(c.reader, c.in)
	default:
		err = errAnswer
	}
	return code, replayed, keep, err
}

// equalFold compares ASCII, and allocates nothing.
func equalFold(text []byte, lower string) bool {
	if len(text) != len(lower) {
		return false
	}
	for i, char := range text {
		if 'A' <= char && char <= 'Z' {
			char += 'a' - 'A'
		}
		if char != lower[i] {
			return false
		}
	}
	return true
}

// reasonFor names a failure of the connection.
func reasonFor(err error) Reason {
	switch {
	case errors.Is(err, errNotSent):
		return ReasonConnect
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ReasonTimeout
	case errors.Is(err, errAnswer):
		return ReasonMalformed
	default:
		return ReasonCut
	}
}
