package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Observer watches what a Conn does with Redis, while it does it. Its methods are
// called from many goroutines and must not wait. A call is the name of a script, or
// what is read without one ("read event"): there is a fixed number of them, so they
// can be labels.
type Observer interface {
	// Tried reports one try of a call; attempt is 1 for the first, more for those
	// that repeat it after an outage. The reason is a word of a fixed set that says
	// why there was no answer, empty if there was one, be it a refusal.
	Tried(call string, attempt int, took time.Duration, reason string)
	// Unanswered reports a call that ended as ErrUnavailable after its last try.
	Unanswered(call string)
	// Sent reports how many commands went to Redis in one pipeline.
	Sent(commands int)
}

// Stats is how busy the connections to Redis are, over all nodes.
type Stats struct {
	InFlight         map[Kind]int64 // calls under way, those that wait for their turn included
	Queued           int            // commands that wait for a place in a pipeline
	Connections      uint32         // open
	IdleConnections  uint32         // of these, not in use
	StaleConnections uint32         // closed because they had gone bad, since the start
	PoolTimeouts     uint32         // times that no connection came free in time, since the start
}

// Stats counts now.
func (c *Conn) Stats() Stats {
	pool := c.client.PoolStats()
	underWay := map[Kind]int64{}
	for _, kind := range Kinds() {
		underWay[kind] = c.inFlight.now(kind)
	}
	return Stats{
		InFlight:         underWay,
		Queued:           c.batches.queued(),
		Connections:      pool.TotalConns,
		IdleConnections:  pool.IdleConns,
		StaleConnections: pool.StaleConns,
		PoolTimeouts:     pool.Timeouts,
	}
}

func (b *batcher) queued() int {
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	var all int
	for _, queue := range b.queues {
		all += len(queue)
	}
	return all
}

// try runs one try of a call.
func (c *Conn) try(what string, attempt int, call func() error) error {
	if c.observer == nil {
		return call()
	}
	start := time.Now()
	err := call()
	c.observer.Tried(what, attempt, time.Since(start), reasonOf(err))
	return err
}

// unanswered is ErrUnavailable, observed.
func (c *Conn) unanswered(what string, cause error) error {
	if reasonOf(cause) == reasonUnacknowledged {
		c.refusals.see(Unacknowledged, "calls waited in vain for replicas or the disk to have a change: "+cause.Error())
	}
	if c.observer != nil {
		c.observer.Unanswered(what)
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, cause)
}

const (
	reasonTimeout        = "timeout"
	reasonUnacknowledged = "unacknowledged"
)

// reasonOf returns why there was no answer in one word of a fixed set, or nothing.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	if reply, ok := errors.AsType[redis.Error](err); ok {
		word, _, _ := strings.Cut(reply.Error(), " ")
		if _, known := refusalWords[word]; known {
			return word
		}
		return "error"
	}
	var network net.Error
	switch {
	case errors.Is(err, redis.ErrPoolTimeout):
		return "pool"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return reasonTimeout
	case errors.Is(err, errUnacknowledged) && !errors.As(err, &network) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return reasonUnacknowledged
	default:
		return "connection"
	}
}
