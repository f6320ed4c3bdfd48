package conn

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

// Whatever is not a count that is high enough is no acknowledgement.
func TestWaitRepliesAreReadStrictly(t *testing.T) {
	wanted := acks{replicas: 2, timeout: time.Second}
	for name, reply := range map[string]any{
		"none": int64(0), "too few": int64(1), "text": "2", "nothing": nil, "list": []any{int64(2)}, "float": 2.0, "bool": true,
	} {
		wait := redis.NewCmd(context.Background(), "wait")
		wait.SetVal(reply)
		if err := wanted.check(wait); !errors.Is(err, errUnacknowledged) || !isOutage(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, cause := range []error{redisError("ERR unknown command"), redisError("UNBLOCKED x"), context.DeadlineExceeded} {
		wait := redis.NewCmd(context.Background(), "wait")
		wait.SetErr(cause)
		if err := wanted.check(wait); !errors.Is(err, errUnacknowledged) || !errors.Is(err, cause) || !isOutage(err) {
			t.Errorf("%v: %v", cause, err)
		}
	}
	for _, enough := range []int64{2, 3} {
		wait := redis.NewCmd(context.Background(), "wait")
		wait.SetVal(enough)
		if err := wanted.check(wait); err != nil {
			t.Errorf("%d: %v", enough, err)
		}
	}
}

// answers is a hook that stands for Redis: it holds pipelines back, counts the WAITs
// in them, and answers.
type answers struct {
	arrived chan []redis.Cmder
	count   chan any // what the next WAIT answers
}

func (a *answers) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (a *answers) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (a *answers) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		a.arrived <- cmds
		count := <-a.count
		for _, cmd := range cmds {
			switch cmd := cmd.(type) {
			case *redis.StringCmd:
				cmd.SetVal("ran")
			case *redis.Cmd:
				cmd.SetVal(count)
			}
		}
		return nil
	}
}

// A batch has one WAIT, its last command, and what it answers holds for each command
// of the batch and for no other batch.
func TestOneWaitForABatch(t *testing.T) {
	hook := &answers{arrived: make(chan []redis.Cmder), count: make(chan any)}
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), PoolSize: laneShare * syncedLanesPerNode})
	client.AddHook(hook)
	defer func() { _ = client.Close() }()
	b := newBatcher()
	b.acks = acks{replicas: 1, timeout: 50 * time.Millisecond}
	defer func() { _ = b.close() }()

	var callers sync.WaitGroup
	results := make(chan error, 100)
	call := func() {
		callers.Go(func() {
			results <- b.do(context.Background(), lane{node: client, kind: Change}, echo(context.Background(), "x"))
		})
	}
	for range lanesPerNode { // fills the lanes, so that the others gather
		call()
		if cmds := <-hook.arrived; len(cmds) != 2 {
			t.Errorf("%d commands for one call", len(cmds))
		}
	}
	const count = 20
	for range count {
		call()
	}
	redistest.WaitUntil(t, func() bool { return len(b.queue(lane{node: client, kind: Change})) == count })
	for range lanesPerNode {
		hook.count <- int64(1)
	}
	for range lanesPerNode {
		if err := <-results; err != nil {
			t.Errorf("enough replicas: %v", err)
		}
	}
	left := count
	for left > 0 {
		cmds := <-hook.arrived
		for i, cmd := range cmds {
			if isWait := cmd.Name() == "wait"; isWait != (i == len(cmds)-1) {
				t.Errorf("command %d of %d is %v", i, len(cmds), cmd.Args())
			}
		}
		left -= len(cmds) - 1
		hook.count <- int64(0)
	}
	callers.Wait()
	for range count {
		if err := <-results; !errors.Is(err, errUnacknowledged) {
			t.Errorf("too few replicas: %v", err)
		}
	}
}
