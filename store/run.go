package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
)

// script is a script as this package runs it.
type script struct {
	scripts.Script
	redis *redis.Script
	sha   string
	reads bool // it changes nothing
}

func newScript(s scripts.Script) script {
	r := redis.NewScript(s.Source)
	return script{Script: s, redis: r, sha: r.Hash()}
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

// run runs a script once, and again after an outage until the context ends: its
// id makes that safe. It returns the answer, whose first item is not a refusal.
func (s *Store) run(ctx context.Context, sc script, keys []string, args ...any) (*reply, error) {
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

// eval sends a script in a batch. Where the node does not know the script, or the
// slot is moving, the script goes on alone: the client sends its source, or follows
// the slot.
func (s *Store) eval(ctx context.Context, sc script, keys []string, args []any) ([]any, error) {
	replicated := s.batches.acks.wanted()
	if replicated && sc.reads { // not behind changes that wait for replicas
		return sc.redis.Run(ctx, s.client, keys, args...).Slice()
	}
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, "evalsha", sc.sha, len(keys))
	for _, key := range keys {
		words = append(words, key)
	}
	cmd := redis.NewCmd(ctx, append(words, args...)...)
	err := s.do(ctx, keys[0], cmd)
	switch {
	case err == nil:
		return cmd.Slice()
	case needsOwnTrip(err) && replicated:
		return s.evalReplicated(ctx, sc, keys, args, err)
	case needsOwnTrip(err):
		return sc.redis.Run(ctx, s.client, keys, args...).Slice()
	default:
		return nil, err
	}
}

// do sends a command to the node that has the key, together with others.
func (s *Store) do(ctx context.Context, key string, cmd redis.Cmder) error {
	node, err := s.master(ctx, key)
	if err != nil {
		return err
	}
	err = s.batches.do(ctx, node, cmd)
	if _, moved := redis.IsMovedError(err); moved {
		if cluster, ok := s.client.(*redis.ClusterClient); ok {
			cluster.ReloadState(ctx)
		}
	}
	return err
}

// master returns the client of the node that has the key.
func (s *Store) master(ctx context.Context, key string) (*redis.Client, error) {
	switch client := s.client.(type) {
	case *redis.Client:
		return client, nil
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	default:
		return nil, fmt.Errorf("a client of the unknown type %T", client) // Open makes no other
	}
}

func needsOwnTrip(err error) bool {
	_, moved := redis.IsMovedError(err)
	_, asked := redis.IsAskError(err)
	return moved || asked || redis.HasErrorPrefix(err, "NOSCRIPT")
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
