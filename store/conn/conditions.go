package conn

import (
	"cmp"
	"slices"
)

// ConditionKind names one thing that is wrong with Redis in a word that is the same in the log,
// in /readyz, in metrics and in alerts.
type ConditionKind string

// The kinds of conditions.
const (
	Unreachable       ConditionKind = "unreachable"        // no answer, or none in time
	LoginRefused      ConditionKind = "login_refused"      // user or password
	RightsMissing     ConditionKind = "rights_missing"     // of the service's user
	Loading           ConditionKind = "loading"            // Redis reads its data
	ReadOnly          ConditionKind = "read_only"          // a replica, where a master should be
	WritesPaused      ConditionKind = "writes_paused"      // reads are answered, changes are held back
	ClusterDown       ConditionKind = "cluster_down"       // or slots that nobody serves
	DiskFailed        ConditionKind = "disk_failed"        // changes are refused, as they cannot be kept
	StorageFull       ConditionKind = "storage_full"       // changes are refused that need memory
	TooFewReplicas    ConditionKind = "too_few_replicas"   // changes are refused, or not acknowledged
	CannotSync        ConditionKind = "cannot_sync"        // the disk cannot be waited for
	Unacknowledged    ConditionKind = "unacknowledged"     // calls waited in vain for replicas or the disk
	SurplusReplicas   ConditionKind = "surplus_replicas"   // one that lacks bookings may take over
	AOFOff            ConditionKind = "aof_off"            // a restart loses everything
	Eviction          ConditionKind = "eviction"           // Redis may delete events
	DurabilityUnknown ConditionKind = "durability_unknown" // Redis does not tell
	InMemory          ConditionKind = "in_memory"          // the embedded engine
	OtherStore        ConditionKind = "other_store"        // not the data that the service knows
	ForeignKey        ConditionKind = "foreign_key"        // something else at a key of the service
	CounterDamaged    ConditionKind = "counter_damaged"    // that of events, so none can be created
)

// ConditionKinds returns every kind.
func ConditionKinds() []ConditionKind {
	return []ConditionKind{
		Unreachable, LoginRefused, RightsMissing, Loading, ReadOnly, WritesPaused, ClusterDown, DiskFailed, StorageFull,
		TooFewReplicas, CannotSync, Unacknowledged, SurplusReplicas, AOFOff, Eviction, DurabilityUnknown, InMemory,
		OtherStore, ForeignKey, CounterDamaged,
	}
}

// Condition is something that loses or refuses bookings.
type Condition struct {
	Kind   ConditionKind
	Detail string // a sentence for operators, with the address of Redis
	Blocks bool   // no event can be booked while it lasts; otherwise it is a warning
}

// Health is what was wrong with Redis at one moment, sorted. The same state gives the same.
type Health struct{ Conditions []Condition } //nolint:recvcheck // a value, but for Add, which builds it

// Ready reports whether a change would be accepted and acknowledged, or refused for a reason
// that leaves reads and cancellations working.
func (h Health) Ready() bool { return len(h.Problems()) == 0 }

// Problems returns why no event can be booked; empty if one can.
func (h Health) Problems() []string { return h.details(true) }

// Warnings returns what may lose bookings, or keeps some from being made.
func (h Health) Warnings() []string { return h.details(false) }

func (h Health) details(blocks bool) []string {
	var details []string
	for _, one := range h.Conditions {
		if one.Blocks == blocks {
			details = append(details, one.Detail)
		}
	}
	return details
}

// Kinds returns the kinds of all conditions, each once.
func (h Health) Kinds() []ConditionKind {
	var kinds []ConditionKind
	for _, one := range h.Conditions {
		kinds = append(kinds, one.Kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Has reports whether there is a condition of the kind.
func (h Health) Has(kind ConditionKind) bool {
	return slices.ContainsFunc(h.Conditions, func(one Condition) bool { return one.Kind == kind })
}

// Add adds a condition, unless there is one of its kind and detail.
func (h *Health) Add(one Condition) {
	at, found := slices.BinarySearchFunc(h.Conditions, one, func(a, b Condition) int {
		return cmp.Or(cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.Kind, b.Kind))
	})
	if !found {
		h.Conditions = slices.Insert(h.Conditions, at, one)
	}
}
