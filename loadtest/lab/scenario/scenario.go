// Package scenario holds what a load test does: which requests come, in which order,
// on which events. Each scenario is one file.
package scenario

import (
	"context"
	"fmt"
	"sort"
	"sync/atomic"
	"time"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// Scenario is a kind of load test.
type Scenario struct {
	Name  string
	About string
	New   func(*Run) Workload

	Round time.Duration // 0: the run is one round; else the events are new, and audited, each round
	Ramp  bool          // the rate rises until the p99 passes the limit
}

// Workload is a scenario with its state during one round.
type Workload interface {
	load.Source
	// Prepare makes the events, before the clock starts.
	Prepare(ctx context.Context) error
}

// Actions is a workload that does more than send requests.
type Actions interface {
	Actions() []Action
}

// Action is something that happens in the middle of the run, and is marked in the report.
type Action struct {
	At    float64 // part of the run, 0 to 1
	Name  string
	Fault bool // something is broken on purpose
	Do    func(ctx context.Context) error
}

// Pairs is a workload that wants some arrivals due at the same moment as the one before.
type Pairs interface {
	Paired(i int64) bool
}

// Settings of a run that scenarios look at. Zero means the scenario's own default.
type Settings struct {
	Rate     float64       `json:"rate"`
	Duration time.Duration `json:"-"`
	Tickets  int64         `json:"tickets,omitempty"` // of each event
	Events   int           `json:"events,omitempty"`
	Waitlist int64         `json:"waitlist,omitempty"` // bookings that wait before waitlist-storm starts

	ClusterScript string   `json:"clusterScript,omitempty"`
	Faults        []string `json:"faults,omitempty"` // commands of the cluster script
}

// Run is what a scenario works with.
type Run struct {
	Settings
	Service *service.Client
	ID      string // that no other run has
	Build   func(ctx context.Context, what string, source load.Source, arrivals int64) error

	users atomic.Uint64
	keys  atomic.Uint64

	events []*audit.Event
	made   int
}

// User returns a user whom nobody has used yet.
func (r *Run) User() uint64 { return r.users.Add(1) }

// Key returns an idempotency key that nobody has used yet.
func (r *Run) Key() uint64 { return r.keys.Add(1) }

// Reserve returns the first of very many users and keys that nobody has used yet.
func (r *Run) Reserve() uint64 {
	const block = 1 << 40
	r.keys.Add(block)
	return r.users.Add(block) - block + 1
}

// NewEvent makes an event that will be audited.
func (r *Run) NewEvent(ctx context.Context, tickets int64) (service.ID, error) {
	r.made++
	name := fmt.Sprintf("loadtest-%s-%d", r.ID, r.made)
	id, err := r.Service.Initialize(ctx, name, tickets, name)
	if err != nil {
		return id, err
	}
	r.events = append(r.events, &audit.Event{ID: id, Total: tickets})
	return id, nil
}

// NewEvents makes several.
func (r *Run) NewEvents(ctx context.Context, count int, tickets int64) ([]service.ID, error) {
	var ids []service.ID
	for range count {
		id, err := r.NewEvent(ctx, tickets)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Raise adds tickets to an event. After an error nobody knows whether it did.
func (r *Run) Raise(ctx context.Context, id service.ID, by int64) error {
	for _, event := range r.events {
		if event.ID == id {
			total := event.Total + by
			if n := len(event.Raised); n > 0 {
				total = event.Raised[n-1].Total + by
			}
			changed, err := r.Service.RaiseTotal(ctx, id, total)
			raise := audit.Raise{Total: total}
			if err == nil {
				raise.AnswerVersion = changed.Version
			}
			event.Raised = append(event.Raised, raise)
			return err
		}
	}
	return fmt.Errorf("event %s is not of this run", id)
}

// TakeEvents returns the events that were made since the last call.
func (r *Run) TakeEvents() []audit.Event {
	var events []audit.Event
	for _, event := range r.events {
		events = append(events, *event)
	}
	r.events = nil
	return events
}

// arrivals is how many requests the run is about to send, roughly.
func (r *Run) arrivals() int64 {
	const unpaced = 5000 // a second, as a guess
	rate := r.Rate
	if rate == 0 {
		rate = unpaced
	}
	return int64(rate * r.Duration.Seconds())
}

// or returns the setting, or the default if it is zero.
func or[T int | int64](setting, otherwise T) T { //nolint:ireturn // a number, no interface
	if setting == 0 {
		return max(1, otherwise)
	}
	return setting
}

var all = []Scenario{flashSale, manyEvents, cancelChurn, waitlistStorm, retries, failover, soak, ramp}

// All returns the scenarios, in the order in which to try them.
func All() []Scenario { return all }

// Named returns a scenario by its name.
func Named(name string) (Scenario, error) {
	var names []string
	for _, one := range all {
		if one.Name == name {
			return one, nil
		}
		names = append(names, one.Name)
	}
	sort.Strings(names)
	return Scenario{}, fmt.Errorf("there is no scenario %q; there are %v", name, names)
}
