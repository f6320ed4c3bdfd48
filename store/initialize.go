package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// InitializeRequest asks for a new event.
type InitializeRequest struct {
	Settings              // an empty State is StateOpen
	IdempotencyKey string // the same key gives the same event; may be empty
	By             string // name of the API key that asks, for the event's log; may be empty
}

// InitializeResult is the event as it was created.
type InitializeResult struct {
	Event    Event
	Replayed bool // the same request created it before
}

// maxHops bounds the occupied numbers that a creation comes across. It passes over a row of
// them in about as many hops as the length of the row has binary digits, and a repeated
// creation goes on behind the numbers that it has passed over.
const maxHops = 1000

// Initialize creates an event. Errors: ErrIdempotencyMismatch, ErrOtherStore, ErrDamaged,
// ErrStorageFull, ErrUnavailable.
func (s *Store) Initialize(ctx context.Context, request InitializeRequest) (InitializeResult, error) {
	creation := layout.ShortIDFor(request.IdempotencyKey, "event")
	// A failover may have lost the counter's last steps while the events that got
	// those numbers live on another shard. Such a number is passed over.
	above := uint64(0)
	for range maxHops {
		result, occupied, err := s.initialize(ctx, request, creation, above)
		if err != nil {
			return InitializeResult{}, err
		}
		if occupied {
			creation = layout.DerivedShortID("occupied", creation.String())
			if above, err = s.occupiedUpTo(ctx, result.Event.Number); err != nil {
				return InitializeResult{}, err
			}
			continue
		}
		renumbered, err := s.complete(ctx, creation, result.Event.Number)
		if err != nil {
			return InitializeResult{}, afterChange("complete", err)
		}
		if !renumbered {
			return result, nil
		}
	}
	return InitializeResult{}, fmt.Errorf("initialize: %w: %d event numbers were found occupied", ErrUnavailable, maxHops)
}

// initialize makes the event of a creation, which is to have a number above the given one. If
// that number is occupied, the result has nothing but the number.
func (s *Store) initialize(ctx context.Context, request InitializeRequest, creation layout.ShortID, above uint64) (
	result InitializeResult, occupied bool, err error,
) {
	number, err := s.number(ctx, creation, above)
	if err != nil {
		return result, false, err
	}
	id := layout.NewID(number, creation)
	settings := request.Settings
	settings.State = cmp.Or(settings.State, StateOpen)
	r, err := s.call(ctx, conn.Call{
		Script: initializeScript,
		Keys:   s.keys.OfEvent(number),
		Args:   []any{s.nowOverride(), id.String(), settings.Encode(), request.By},
	})
	if conn.IsWrongType(err) { // initialize.lua looks at the event's hash first
		return InitializeResult{Event: Event{Number: number}}, true, nil
	}
	if err != nil {
		return result, false, err
	}
	version, createdAt := r.Integer(), r.Integer()
	if err := r.End("created", "replayed", "occupied"); err != nil {
		return result, false, err
	}
	return InitializeResult{
		Replayed: r.Word == "replayed",
		Event: Event{
			Number:    number,
			UUID:      id,
			Settings:  settings,
			Version:   version,
			CreatedAt: time.UnixMilli(createdAt).UTC(),
		},
	}, r.Word == "occupied", nil
}

// searchBits bounds how far occupiedUpTo looks ahead in one round trip.
const searchBits = 32

// occupiedUpTo returns the highest number that is seen to be occupied, given one that is. It
// looks at distances of 1, 2, 4 ...: numbers are given in order, so all below one that has an
// event were given too. What it misses, the next hop finds.
func (s *Store) occupiedUpTo(ctx context.Context, number uint64) (uint64, error) {
	var replies []*redis.IntCmd
	err := s.conn.QueryAll(ctx, conn.Query{What: "search event numbers", Unbounded: true},
		func(ctx context.Context, client redis.UniversalClient) error {
			replies = replies[:0]
			_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for bit := range searchBits {
					replies = append(replies, pipe.Exists(ctx, s.keys.Event(number+1<<bit)))
				}
				return nil
			})
			return err
		})
	if err != nil {
		return 0, err
	}
	highest := number
	for bit, reply := range replies {
		if reply.Val() > 0 {
			highest = number + 1<<bit
		}
	}
	return highest, nil
}

// number gives a creation its event number, the same one each time, above the given one.
func (s *Store) number(ctx context.Context, creation layout.ShortID, above uint64) (uint64, error) {
	r, err := s.call(ctx, conn.Call{
		Script:         numberScript,
		Keys:           []string{s.keys.Events()},
		Args:           []any{s.identity.id(), creation.String(), above},
		Unacknowledged: true, // complete.lua writes to the same key later, and is acknowledged
	})
	if errors.Is(err, ErrOtherStore) && !s.identity.foreign.Swap(true) {
		s.conn.MarkDegraded()
	}
	if err != nil {
		return 0, err
	}
	number := uint64(r.Integer())
	return number, r.End("numbered")
}

// complete notes that the event of a creation was made. Only then may the creation be
// answered: verify takes an event without this note for one that nobody knows of.
// renumbered means that the creation has to run again, to get the number it has now.
//
// It is unbounded, so never refused as too many calls: the event exists, and who repeats a
// refused creation without an idempotency key would make a second one. The two steps
// before it bound how many creations get here.
func (s *Store) complete(ctx context.Context, creation layout.ShortID, number uint64) (renumbered bool, err error) {
	r, err := s.call(ctx, conn.Call{
		Script: completeScript, Keys: []string{s.keys.Events()}, Args: []any{creation.String(), number}, Unbounded: true,
	})
	if err != nil {
		return false, err
	}
	return r.Word == "renumbered", r.End("completed", "renumbered")
}

func numberText(number uint64) string { return strconv.FormatUint(number, 10) }
