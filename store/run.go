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
	return s.runIn(ctx, lane{reads: sc.reads}, sc, keys, args)
}

// runUnacknowledged is run for a step that no answer rests on before a later change of the
// same master is acknowledged.
func (s *Store) runUnacknowledged(ctx context.Context, sc script, keys []string, args ...any) (*reply, error) {
	return s.runIn(ctx, lane{unacknowledged: true}, sc, keys, args)
}

// runIn runs a script in a lane of this kind, of the master that has the keys.
func (s *Store) runIn(ctx context.Context, kind lane, sc script, keys []string, args []any) (*reply, error) {
	if len(keys) != sc.Keys || len(args) != sc.Args {
		return nil, fmt.Errorf("%s.lua takes %d keys and %d arguments, not %d and %d",
			sc.Name, sc.Keys, sc.Args, len(keys), len(args))
	}
	var items []any
	err := s.retry(ctx, sc.Name, func() (err error) {
		items, err = s.eval(ctx, kind, sc, keys, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newReply(sc.Name, items)
}

// eval sends a script to the master that has its keys, or, where the slot has moved or is
// moving, to the node that the master names.
func (s *Store) eval(ctx context.Context, at lane, sc script, keys []string, args []any) ([]any, error) {
	var err error
	if at.node, err = s.master(ctx, keys[0]); err != nil {
		return nil, err
	}
	cmd, err := s.evalAt(ctx, at, sc, keys, args)
	if addr, asking, redirected := redirection(err); redirected {
		if cluster, ok := s.client.(*redis.ClusterClient); ok && !asking {
			cluster.ReloadState(ctx)
		}
		at.node, at.asking = s.redirected.get(addr, s.config), asking
		cmd, err = s.evalAt(ctx, at, sc, keys, args)
	}
	if err != nil {
		return nil, err
	}
	return cmd.Slice()
}

// evalAt sends a script in a batch of the lane. A node that does not know the script is
// given its source first.
func (s *Store) evalAt(ctx context.Context, at lane, sc script, keys []string, args []any) (*redis.Cmd, error) {
	cmd := sc.call(ctx, keys, args)
	err := s.batches.do(ctx, at, cmd)
	if !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return cmd, err
	}
	if err := s.batches.do(ctx, lane{node: at.node, reads: true}, sc.load(ctx)); err != nil {
		return nil, err
	}
	cmd = sc.call(ctx, keys, args)
	return cmd, s.batches.do(ctx, at, cmd)
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
		s.markDegraded()
		switch {
		case redis.IsOOMError(err) && attempt == 1: // no earlier try can have made the change
			return fmt.Errorf("%s: %w: %w", what, ErrStorageFull, err)
		case !isTransient(err) || ctx.Err() != nil:
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
