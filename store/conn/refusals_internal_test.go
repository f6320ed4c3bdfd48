package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// answered calls until there is a result, with these errors for the first tries and success then.
func answered(t *testing.T, c *Conn, tries ...error) (made int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = c.retry(ctx, "x", func() error {
		made++
		if made > len(tries) {
			return nil
		}
		return tries[made-1]
	})
	return made, err
}

// What an operator has to end fails at once, as not carried out if no earlier try may have been;
// what passes is tried again.
func TestLastingRefusalsFailAtOnce(t *testing.T) {
	timeout := context.DeadlineExceeded
	for _, test := range []struct {
		tries []error
		want  error
		made  int
	}{
		{[]error{redisError("MISCONF Errors writing to the AOF file")}, ErrRefused, 1},
		{[]error{redisError("NOREPLICAS Not enough good replicas to write. script: 37, on @user_script:1.")}, ErrRefused, 1},
		{[]error{redisError("NOPERM User x has no permissions to run the 'evalsha' command")}, ErrRefused, 1},
		{[]error{redisError("WRONGPASS invalid username-password pair")}, ErrRefused, 1},
		{[]error{redisError("NOAUTH Authentication required.")}, ErrRefused, 1},
		{[]error{redisError("ERR Protocol error: unauthenticated multibulk length")}, ErrRefused, 1},
		{[]error{redisError("OOM command not allowed")}, ErrStorageFull, 1},

		{[]error{redisError("LOADING x"), redisError("NOPERM x")}, ErrRefused, 2},
		{[]error{timeout, redisError("OOM x")}, ErrUnavailable, 2},
		{[]error{timeout, redisError("MISCONF x")}, ErrUnavailable, 2},
		{[]error{fmt.Errorf("%w: 0 of 1", errUnacknowledged), redisError("LOADING x"), redisError("NOREPLICAS x")}, ErrUnavailable, 3},
		{[]error{fmt.Errorf("%w: wait: %w", errUnacknowledged, redisError("NOPERM x"))}, ErrUnavailable, 1},
		{[]error{redisError("ERR ACL failure in script: User x has no permissions to run the 'rpush' command")}, ErrUnavailable, 1},
		{[]error{redisError("ERR The user executing the script can't run this command or subcommand")}, ErrUnavailable, 1},

		{[]error{redisError("LOADING x"), redisError("MASTERDOWN x"), redisError("CLUSTERDOWN x")}, nil, 4},
		{[]error{redisError("READONLY x"), redisError("READONLY x"), redisError("TRYAGAIN x")}, nil, 4},
		{[]error{redisError("MOVED 1 a:1"), redisError("ERR max number of clients reached"), timeout}, nil, 4},
	} {
		made, err := answered(t, &Conn{}, test.tries...)
		if !errors.Is(err, test.want) || made != test.made {
			t.Errorf("%v: %v after %d tries, want %v after %d", test.tries, err, made, test.want, test.made)
		}
		for _, other := range []error{ErrRefused, ErrStorageFull, ErrUnavailable} {
			if !errors.Is(test.want, other) && errors.Is(err, other) {
				t.Errorf("%v: %v is also %v", test.tries, err, other)
			}
		}
	}
}

// A replica in place of a master passes in a failover, and lasts if it is there after the longest
// one; whatever finds a master begins it anew, so that a few failovers in a row pass, too.
func TestReadOnlyPassesAndLasts(t *testing.T) {
	now := time.Now()
	c := &Conn{batches: newBatcher(), refusals: refusals{clock: func() time.Time { return now }}}
	node := redis.NewClient(&redis.Options{})
	defer func() { _ = node.Close() }()
	readOnly := redisError("READONLY You can't write against a read only replica.")
	passes := func() {
		t.Helper()
		if made, err := answered(t, c, readOnly); err != nil || made != 2 {
			t.Errorf("%v after %d tries", err, made)
		}
	}
	passes()
	for range 3 {
		now = now.Add(longestFailover - 1)
		passes()
		c.hasContact(node)
		now = now.Add(1)
		passes()
	}
	now = now.Add(longestFailover)
	if made, err := answered(t, c, readOnly); !errors.Is(err, ErrRefused) || made != 1 {
		t.Errorf("after the longest failover: %v after %d tries", err, made)
	}
	c.addSeenByCalls(&Health{})
	passes()
	now = now.Add(seenByCalls) // a failover long ago says nothing of this one
	passes()
}

// What only calls can see is a warning for a while, however the check ends.
func TestConditionsThatCallsSee(t *testing.T) {
	now := time.Now()
	c := &Conn{refusals: refusals{clock: func() time.Time { return now }}}
	_, _ = answered(t, c, redisError("ERR ACL failure in script: User x may not rpush script: 1e31, on @user_script:1."))
	ended, cancel := context.WithCancel(t.Context())
	_ = c.retry(ended, "x", func() error { cancel(); return fmt.Errorf("%w: 0 of 1 replicas have it", errUnacknowledged) })
	var h Health
	c.addSeenByCalls(&h)
	if !h.Ready() || !h.Has(RightsMissing) || !h.Has(Unacknowledged) || len(h.Conditions) != 2 {
		t.Errorf("%+v", h)
	}
	_, _ = answered(t, c, redisError("ERR ACL failure in script: User x may not zadd script: 1e31, on @user_script:1."))
	h = Health{}
	if c.addSeenByCalls(&h); !strings.Contains(strings.Join(h.Warnings(), "\n"), "zadd") {
		t.Errorf("the text is of an earlier call: %+v", h)
	}
	now = now.Add(seenByCalls)
	h = Health{}
	if c.addSeenByCalls(&h); len(h.Conditions) != 0 {
		t.Errorf("later: %+v", h)
	}
}
