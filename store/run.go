package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
)

// script is a script as this package runs it.
type script struct {
	scripts.Script
	sha   string
	reads bool // it changes nothing
}

func newScript(s scripts.Script) script {
	sum := sha1.Sum([]byte(s.Source)) //nolint:gosec // Redis names scripts by it
	return script{Script: s, sha: hex.EncodeToString(sum[:])}
}

func newReader(s scripts.Script) script {
	sc := newScript(s)
	sc.reads = true
	return sc
}

var (
	numberScript     = newScript(scripts.Number)
	initializeScript = newScript(scripts.Initialize)
	completeScript   = newScript(scripts.Complete)
	updateScript     = newScript(scripts.Update)
	bookScript       = newScript(scripts.Book)
	cancelScript     = newScript(scripts.Cancel)
	promoteScript    = newScript(scripts.Promote)
	bookingsScript   = newReader(scripts.Bookings)
)

// load makes the script known to a node, for good: Redis 7.4 and later, and Valkey 8,
// forget those that EVAL brought, but not these. A restart and SCRIPT FLUSH end that.
func (sc script) load(ctx context.Context) *redis.StringCmd {
	return redis.NewStringCmd(ctx, "script", "load", sc.Source)
}

// call calls the script. A script that reads is called in such a way that Redis runs it
// while writes are paused (CLIENT PAUSE … WRITE, as some failovers do).
func (sc script) call(ctx context.Context, keys []string, args []any) *redis.Cmd {
	words := make([]any, 0, 3+len(keys)+len(args))
	if sc.reads {
		words = append(words, "evalsha_ro")
	} else {
		words = append(words, "evalsha")
	}
	words = append(words, sc.sha, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	return redis.NewCmd(ctx, append(words, args...)...)
}

// loadScripts makes every script known to every master. One that does not answer now is
// given a script when it says that it does not know it, so only a lack of rights is an
// error.
func (s *Store) loadScripts(ctx context.Context) error {
	err := s.forEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		pipe := node.Pipeline()
		for _, one := range scripts.All() {
			_ = pipe.Process(ctx, newScript(one).load(ctx))
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if redis.IsPermissionError(err) {
		return fmt.Errorf("load the scripts: %w", err)
	}
	return nil
}

// run runs a script once, and again after an outage until the context ends: its
// id makes that safe. It returns the answer, whose first item is not a refusal.
//
// The last argument of a script that changes events, acks, is given here.
func (s *Store) run(ctx context.Context, sc script, keys []string, args ...any) (*reply, error) {
	if !sc.reads {
		args = append(args, s.batches.acks.flag())
	}
	if len(keys) != sc.Keys || len(args) != sc.Args {
		return nil, fmt.Errorf("%s.lua takes %d keys and %d arguments, not %d and %d",
			sc.Name, sc.Keys, sc.Args, len(keys), len(args))
	}
	var items []any
	err := s.retry(ctx, sc.Name, func() (err error) {
		items, err = s.eval(ctx, sc, keys, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newReply(sc.Name, items)
}

// eval sends a script in a batch, with its source before it where the node did not know
// it. Where the slot is moving it goes alone, to the node that the refusal names.
func (s *Store) eval(ctx context.Context, sc script, keys []string, args []any) ([]any, error) {
	cmd := sc.call(ctx, keys, args)
	err := s.do(ctx, keys[0], cmd, sc.reads)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err := s.do(ctx, keys[0], sc.load(ctx), true); err != nil {
			return nil, err
		}
		cmd = sc.call(ctx, keys, args)
		err = s.do(ctx, keys[0], cmd, sc.reads)
	}
	if addr, asking, redirected := redirection(err); redirected {
		return s.evalAt(ctx, sc, keys, args, addr, asking)
	}
	if err != nil {
		return nil, err
	}
	return cmd.Slice()
}

// evalAt sends a script to a node by its address, alone: in a batch, ASKING would be
// for whatever came next.
func (s *Store) evalAt(ctx context.Context, sc script, keys []string, args []any, addr string, asking bool) ([]any, error) {
	node, err := s.node(ctx, addr)
	if err != nil {
		return nil, err
	}
	pipe := node.Pipeline()
	_ = pipe.Process(ctx, sc.load(ctx))
	if asking {
		_ = pipe.Process(ctx, redis.NewStatusCmd(ctx, "asking"))
	}
	cmd := sc.call(ctx, keys, args)
	_ = pipe.Process(ctx, cmd)
	unacknowledged := s.batches.exec(ctx, pipe, sc.reads)
	items, err := cmd.Slice()
	if err != nil {
		return nil, err
	}
	return items, unacknowledged
}

// do sends a command to the node that has the key, together with others.
func (s *Store) do(ctx context.Context, key string, cmd redis.Cmder, reads bool) error {
	node, err := s.master(ctx, key)
	if err != nil {
		return err
	}
	err = s.batches.do(ctx, lane{node, reads}, cmd)
	if _, moved := redis.IsMovedError(err); moved {
		if cluster, ok := s.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
	}
	return err
}

// redirection returns the node that a cluster's refusal names.
func redirection(err error) (addr string, asking, redirected bool) {
	if addr, redirected = redis.IsMovedError(err); redirected {
		return addr, false, true
	}
	addr, redirected = redis.IsAskError(err)
	return addr, redirected, redirected
}

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// retry calls until there is an answer, with growing, jittered pauses in between.
func (s *Store) retry(ctx context.Context, what string, call func() error) error {
	for pause, attempt := firstPause, 1; ; pause, attempt = min(2*pause, lastPause), attempt+1 {
		err := s.try(what, attempt, call)
		if err == nil {
			return nil
		}
		if !isOutage(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		s.noteTrouble()
		switch {
		case redis.IsOOMError(err) && attempt == 1: // no earlier try can have made the change
			return fmt.Errorf("%s: %w: %w", what, ErrStorageFull, err)
		case !isPassing(err) || ctx.Err() != nil:
			return s.unanswered(what, err)
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return s.unanswered(what, err)
		case <-timer.C:
		}
	}
}
