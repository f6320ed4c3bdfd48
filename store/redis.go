package store

import "boxoffice/store/conn"

// What callers see of the way to Redis: see package conn.
type (
	// Config says which Redis to use. The zero value is the embedded engine. Its Observer
	// may be an Observer of this package.
	Config = conn.Config
	// Engine is a kind of Redis.
	Engine = conn.Engine
	// Health is what the masters said of themselves at one moment.
	Health = conn.Health
	// Condition is something of Redis that loses or refuses bookings.
	Condition = conn.Condition
	// ConditionKind names what is wrong in one word.
	ConditionKind = conn.ConditionKind
	// Stats is how busy the connections to Redis are, over all nodes.
	Stats = conn.Stats
	// Kind is what calls are bounded by: changes, reads and lists.
	Kind = conn.Kind
)

// The engines. The same scripts run on all of them.
const (
	EngineEmbedded = conn.EngineEmbedded // miniredis in this process; gone on exit
	EngineSingle   = conn.EngineSingle   // one Redis or Valkey
	EngineSentinel = conn.EngineSentinel // one master at a time, found through sentinels
	EngineCluster  = conn.EngineCluster  // events spread over shards
)

// Some kinds of conditions.
const (
	Unreachable = conn.Unreachable // Redis does not answer
	OtherStore  = conn.OtherStore  // the data is not that which the service knows
	ForeignKey  = conn.ForeignKey  // another program uses the service's keys
)

// ConditionKinds returns every kind of condition.
func ConditionKinds() []ConditionKind { return conn.ConditionKinds() }

// Observer watches what a Store does, while it does it. Its methods are called from many
// goroutines and must not wait.
type Observer interface {
	conn.Observer
	promotionObserver
}

type promotionObserver interface {
	// Promoted reports how many waiting bookings one script confirmed, or offered their tickets.
	Promoted(bookings int64)
	// Unregistered reports a change that may leave work which could not be noted before.
	Unregistered()
	// Expired reports how many holds and offers one script ended at their deadlines.
	Expired(bookings int64)
}

func (s *Store) observePromoted(bookings int64) {
	if s.observer != nil && bookings > 0 {
		s.observer.Promoted(bookings)
	}
}

func (s *Store) observeUnregistered() {
	if s.observer != nil {
		s.observer.Unregistered()
	}
}

func (s *Store) observeExpired(bookings int64) {
	if s.observer != nil && bookings > 0 {
		s.observer.Expired(bookings)
	}
}

// Engine returns what the store runs on.
func (s *Store) Engine() Engine { return s.conn.Engine() }

// Degraded has something to receive after calls found Redis away, or otherwise unable:
// it is time to ask for its health.
func (s *Store) Degraded() <-chan struct{} { return s.conn.Degraded() }

// Stats counts now.
func (s *Store) Stats() Stats { return s.conn.Stats() }

// ClientLog sends what the Redis client library has to say to write, instead of to
// standard error. The library has one logger for the whole process.
func ClientLog(write func(message string)) { conn.ClientLog(write) }
