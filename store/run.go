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
}

func newScript(s scripts.Script) script { return script{Script: s, redis: redis.NewScript(s.Source)} }

var (
	numberScript     = newScript(scripts.Number)
	initializeScript = newScript(scripts.Initialize)
	updateScript     = newScript(scripts.Update)
	bookScript       = newScript(scripts.Book)
	cancelScript     = newScript(scripts.Cancel)
	promoteScript    = newScript(scripts.Promote)
	bookingsScript   = newScript(scripts.Bookings)
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
		items, err = sc.redis.Run(ctx, s.client, keys, args...).Slice()
		return err
	})
	if err != nil {
		return nil, err
	}
	return newReply(sc.Name, items)
}

const (
	firstPause = 10 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// retry calls until there is an answer, with growing, jittered pauses in between.
func (s *Store) retry(ctx context.Context, what string, call func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := call()
		switch {
		case err == nil:
			return nil
		case !isOutage(err):
			return fmt.Errorf("%s: %w", what, err)
		case !isPassing(err) || ctx.Err() != nil:
			return unavailable(what, err)
		}
		timer := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return unavailable(what, err)
		case <-timer.C:
		}
	}
}
