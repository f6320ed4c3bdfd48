package store

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

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

// Initialize creates an event. Errors: ErrIdempotencyMismatch, ErrStorageFull,
// ErrUnavailable.
func (s *Store) Initialize(ctx context.Context, request InitializeRequest) (InitializeResult, error) {
	creation := layout.ShortIDFor(request.IdempotencyKey, "event")
	// A failover may have lost the counter's last steps while the events that got
	// those numbers live on another shard. Such a number is passed over.
	for range layout.MaxOccupied {
		result, occupied, err := s.initialize(ctx, request, creation)
		if err != nil {
			return InitializeResult{}, err
		}
		if occupied {
			creation = layout.DerivedShortID("occupied", creation.String())
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
	return InitializeResult{}, fmt.Errorf("initialize: %d event numbers in a row are taken", layout.MaxOccupied)
}

func (s *Store) initialize(ctx context.Context, request InitializeRequest, creation layout.ShortID) (
	result InitializeResult, occupied bool, err error,
) {
	number, err := s.number(ctx, creation)
	if err != nil {
		return result, false, err
	}
	id := layout.NewID(number, creation)
	settings := request.Settings
	settings.State = cmp.Or(settings.State, StateOpen)
	r, err := s.call(ctx, conn.Call{
		Script: initializeScript,
		Keys:   layout.EventKeys(number),
		Args:   []any{s.nowOverride(), id.String(), settings.Encode(), request.By},
	})
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

// number gives a creation its event number, the same one each time.
func (s *Store) number(ctx context.Context, creation layout.ShortID) (uint64, error) {
	r, err := s.call(ctx, conn.Call{
		Script:         numberScript,
		Keys:           []string{layout.EventsKey},
		Args:           []any{creation.String()},
		Unacknowledged: true, // complete.lua writes to the same key later, and is acknowledged
	})
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
		Script: completeScript, Keys: []string{layout.EventsKey}, Args: []any{creation.String(), number}, Unbounded: true,
	})
	if err != nil {
		return false, err
	}
	return r.Word == "renumbered", r.End("completed", "renumbered")
}

func numberText(number uint64) string { return strconv.FormatUint(number, 10) }
