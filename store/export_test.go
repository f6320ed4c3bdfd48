package store

import (
	"context"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// Beside opens a second store on the same Redis, as a second instance of the
// service would.
func Beside(s *Store) *Store {
	second := &Store{
		config: s.config, engine: s.engine, now: s.now, batches: newBatcher(), lifetime: context.Background(),
		backgroundPromoter: backgroundPromoter{running: map[uint64]bool{}},
	}
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		second.client = redis.NewClusterClient(client.Options())
	case *redis.Client:
		second.client = redis.NewClient(client.Options())
	}
	second.batches.acks = s.batches.acks
	second.close = []func() error{second.batches.close, second.redirected.close, second.client.Close}
	return second
}

// Client gives tests Redis itself.
func (s *Store) Client() redis.UniversalClient { return s.client }

// RaiseOnly raises the total as an instance does that dies before it promotes.
func (s *Store) RaiseOnly(ctx context.Context, number uint64, total int64) error {
	_, err := s.run(ctx, updateScript, []string{layout.EventKey(number)}, "", "change", "", total, "", "", "")
	return err
}

// DrawNumber draws the number of a new event as an instance does that dies before it
// creates the event.
func (s *Store) DrawNumber(ctx context.Context, idempotencyKey string) (uint64, error) {
	return s.number(ctx, layout.ShortIDFor(idempotencyKey, "event"))
}

// InitializeOnly creates an event as an instance does that dies before it notes that the
// creation is complete.
func (s *Store) InitializeOnly(ctx context.Context, request InitializeRequest) (Event, error) {
	result, _, err := s.initialize(ctx, request, layout.ShortIDFor(request.IdempotencyKey, "event"))
	return result.Event, err
}

// PromoteOnce runs promote.lua once.
func (s *Store) PromoteOnce(ctx context.Context, number uint64) (more bool, err error) {
	return s.promote(ctx, number, true)
}
