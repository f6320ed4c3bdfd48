package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// A Redis that was emptied, or exchanged for another, would go on as if nothing had happened:
// it gives the number 1 again, and a client of the former event 1 books in the new one. So
// every store has an id, a field of the hash of all events. A service that has seen it refuses
// changes once it finds another id or none. number.lua, which every creation begins with,
// checks the id too, so that no number is given twice even before that is noticed.

// identity is which store the service works on.
type identity struct {
	watched atomic.Bool // Identify was called
	pinned  bool        // the id was given, and not learned
	known   atomic.Pointer[string]
	foreign atomic.Bool // changes are refused
}

// id is the id that the store must have, or empty if that is not known.
func (i *identity) id() string {
	if known := i.known.Load(); known != nil {
		return *known
	}
	return ""
}

// Identify begins to watch which store this is; before that, any will do. The store must have
// the id pinned or, if that is empty, goes by the id that it has now, and gets one if it has
// none. It returns the id; if Redis does not tell it now, Health asks again. It must be called
// at most once, before the store is used.
func (s *Store) Identify(ctx context.Context, pinned string) (id string) {
	s.identity.watched.Store(true)
	if s.identity.pinned = pinned != ""; s.identity.pinned {
		s.identity.known.Store(&pinned)
		return pinned
	}
	s.learnID(ctx)
	return s.identity.id()
}

// learnID asks for the id of the store. A Redis that does not answer is for Health to judge.
func (s *Store) learnID(ctx context.Context) {
	r, err := s.conn.Call(ctx, conn.Call{
		Script: identifyScript, Keys: []string{s.keys.Events()}, Args: []any{layout.RandomShortID().String()},
		Unbounded: true, Unacknowledged: true,
	})
	if err != nil {
		return
	}
	id := r.Text()
	if r.End("found") == nil {
		s.identity.known.CompareAndSwap(nil, &id)
	}
}

// OtherStore reports whether changes are refused because this is not the store that the
// service knows.
func (s *Store) OtherStore() bool { return s.identity.foreign.Load() }

// Health asks every master whether bookings can be made, and for settings that lose them, and
// whether this is still the same store.
func (s *Store) Health(ctx context.Context) Health {
	h := s.conn.Health(ctx)
	if !s.identity.watched.Load() || h.Has(conn.Unreachable) || h.Has(conn.LoginRefused) || h.Has(conn.Loading) || h.Has(conn.ClusterDown) {
		return h // it cannot be read
	}
	if s.identity.id() == "" {
		s.learnID(ctx)
	}
	if found, wrong := s.judgeEventsKey(ctx); wrong {
		h.Add(found)
	}
	return h
}

// judgeEventsKey says what is wrong with the hash of all events, and refuses changes, or allows
// them again, accordingly. Where the hash cannot be read, all stays as it was.
func (s *Store) judgeEventsKey(ctx context.Context) (found Condition, wrong bool) {
	events, err := s.readEventsKey(ctx, conn.Query{Unbounded: true})
	known := s.identity.id()
	switch {
	case conn.IsWrongType(err):
		s.identity.foreign.Store(true)
		return Condition{Kind: conn.ForeignKey, Blocks: true, Detail: fmt.Sprintf(
			"the key %s is not the hash of this service, but something else: changes are refused. "+
				"Delete or rename that key, or give the service a Redis of its own", s.keys.Events())}, true
	case err != nil || known == "":
		return Condition{}, false
	case events.store != known:
		s.identity.foreign.Store(true)
		return Condition{Kind: conn.OtherStore, Blocks: true, Detail: otherStore(events.store, known, s.identity.pinned)}, true
	}
	s.identity.foreign.Store(false)
	last, err := events.lastNumber()
	if err == nil && last == layout.MaxNumber {
		err = errors.New("the last event number that there is has been given")
	}
	if err != nil {
		return Condition{
			Kind: conn.CounterDamaged, Detail: fmt.Sprintf("no event can be created, and events are not listed: %v", err),
		}, true
	}
	return Condition{}, false
}

func otherStore(found, known string, pinned bool) string {
	has := "has the id " + found
	if found == "" {
		has = "has no id, as after FLUSHALL"
	}
	accept := "to accept this data, restart the service"
	if pinned {
		accept = "to accept this data, change REDIS_STORE_ID"
	}
	return fmt.Sprintf("this is another store: Redis %s, and the service knows %s. Changes are refused. "+
		"Restore the data of %s; %s", has, known, known, accept)
}

// eventsKey is the hash of all events, without its creations.
type eventsKey struct {
	name   string
	exists bool
	store  string // id; empty if there is none
	last   string // empty if there is none
}

// readEventsKey reads the hash of all events the way that how says.
func (s *Store) readEventsKey(ctx context.Context, how conn.Query) (eventsKey, error) {
	how.What = "read last event number"
	var values *redis.SliceCmd
	var exists *redis.IntCmd
	err := s.conn.QueryAll(ctx, how, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			values = pipe.HMGet(ctx, s.keys.Events(), layout.StoreField, layout.LastField)
			exists = pipe.Exists(ctx, s.keys.Events())
			return nil
		})
		return err
	})
	if err != nil {
		return eventsKey{}, damagedIfWrongType(err)
	}
	key := eventsKey{name: s.keys.Events(), exists: exists.Val() > 0}
	key.store, _ = values.Val()[0].(string)
	key.last, _ = values.Val()[1].(string)
	return key, nil
}

// lastNumber is the last event number given. Errors: ErrDamaged.
func (k eventsKey) lastNumber() (uint64, error) {
	if !k.exists {
		return 0, nil
	}
	if k.last == "" {
		return 0, fmt.Errorf("the counter of events (field %s of the key %s) is missing (%w)", layout.LastField, k.name, ErrDamaged)
	}
	last, valid := layout.ParseLast(k.last)
	if !valid {
		return 0, fmt.Errorf("the counter of events (field %s of the key %s) is not an event number (%w)",
			layout.LastField, k.name, ErrDamaged)
	}
	return last, nil
}
