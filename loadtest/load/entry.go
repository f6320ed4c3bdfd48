// Package load generates load: it sends requests at the times they are due, or as
// fast as answers come, measures each, and remembers all of them for the audit.
package load

// Kind is what a request asks for.
type Kind uint8

// The kinds of requests.
const (
	Book   Kind = iota + 1
	Cancel      // a booking, by its id
	Status      // of an event
	Lookup      // of a booking
)

// Request is one request of the event API. It holds no pointers: runs keep
// millions, and the garbage collector need not look at them.
type Request struct {
	Kind     Kind
	Event    ID
	Booking  ID     // that is cancelled or looked up
	User     uint64 // sent as "u" and the number
	Quantity int32  // tickets
	Key      uint64 // sent as Idempotency-Key; 0 = none
}

// Outcome is what a client knows after its request.
type Outcome uint8

// The outcomes of a request.
const (
	Confirmed Outcome = iota
	Waiting           // put in line
	Cancelled
	Found   // an event's or a booking's state was read
	Refused // a definite no: nothing has changed
	Unknown // 503, cut or timed out: it may have happened or not
	Failed  // an answer that the API does not have: a 500, a broken body
	NotSent // no connection
	Outcomes
)

var outcomeNames = [Outcomes]string{
	"confirmed", "waiting", "cancelled", "found", "refused", "unknown", "failed", "not sent",
}

// String returns the outcome's name, as reports show it.
func (o Outcome) String() string { return outcomeNames[o] }

// IsError tells whether the client did not get what the API promises.
func (o Outcome) IsError() bool { return o >= Unknown }

// Reason says why a request was not accepted: the code of a problem document, or
// what happened to the connection.
type Reason uint8

// The reasons that are no codes of the API.
const (
	ReasonNone Reason = iota
	ReasonOther
	ReasonTimeout
	ReasonCut
	ReasonConnect
	ReasonMalformed
)

var reasonNames = []string{
	"", "other", "timed out", "connection cut", "cannot connect", "malformed answer",
	"event_paused", "event_closed", "user_limit", "waiting_list_full", "quantity_over_capacity",
	"capacity_below_confirmed", "idempotency_mismatch", "event_not_found", "booking_not_found",
	"invalid_input", "rate_limited", "draining", "unavailable", "internal_error", "overloaded", "storage_full",
}

// Reasons is how many reasons there are.
var Reasons = len(reasonNames)

var reasonOf = func() map[string]Reason {
	known := make(map[string]Reason)
	for reason, name := range reasonNames {
		known[name] = Reason(reason)
	}
	return known
}()

// String returns the reason's name, as reports show it.
func (r Reason) String() string { return reasonNames[r] }

// State is a booking's, as a lookup tells it. A byte, for the sake of the millions.
type State uint8

// The states of a booking.
const (
	StateNone State = iota // not told, or none that the API has
	StateConfirmed
	StateWaiting
	StateCancelled
)

var stateNames = []string{"unknown", "Confirmed", "Waiting List", "Cancelled"}

// String returns the state as the API spells it.
func (s State) String() string { return stateNames[s] }

// Answer is what came back.
type Answer struct {
	Outcome   Outcome
	Reason    Reason
	Replayed  bool   // the service says that it answered this before
	State     State  // of the booking that was looked up
	Code      uint16 // HTTP status, 0 = no answer
	Promoted  int32  // bookings that a cancellation promoted
	Booked    ID     // the booking that was made, or is told of
	Next      ID     // the first booking that a cancellation promoted
	Position  int64  // of a booking in line; in an event's status, how many are in line
	Available int64  // tickets, in an event's status
	Version   int64  // of the event; in a lookup, when it was booked
}

// Entry is a request with its answer.
type Entry struct {
	Request
	Answer
	Due, Sent, Done int64 // nanoseconds since the generator's start
}

// Acknowledged tells whether the client was told that it happened.
func (e *Entry) Acknowledged() bool { return e.Outcome <= Cancelled }

// MayHaveHappened tells whether it did happen, for all that the client knows.
func (e *Entry) MayHaveHappened() bool {
	return e.Acknowledged() || e.Outcome == Unknown || e.Outcome == Failed
}

// Ledger remembers entries, in the order they were added.
type Ledger struct{ chunks [][]Entry }

const chunkEntries = 4096

// add keeps an entry, and returns where.
func (l *Ledger) add() *Entry {
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last]) == chunkEntries {
		l.chunks = append(l.chunks, make([]Entry, 0, chunkEntries))
		last++
	}
	l.chunks[last] = append(l.chunks[last], Entry{})
	return &l.chunks[last][len(l.chunks[last])-1]
}

// Add keeps an entry.
func (l *Ledger) Add(e Entry) { *l.add() = e }

// Join takes over the entries of another ledger.
func (l *Ledger) Join(other *Ledger) {
	l.chunks = append(l.chunks, other.chunks...)
	other.chunks = nil
}

// Len returns the number of entries.
func (l *Ledger) Len() int {
	n := 0
	for _, chunk := range l.chunks {
		n += len(chunk)
	}
	return n
}

// All calls with each entry.
func (l *Ledger) All(yield func(*Entry) bool) {
	for _, chunk := range l.chunks {
		for i := range chunk {
			if !yield(&chunk[i]) {
				return
			}
		}
	}
}
