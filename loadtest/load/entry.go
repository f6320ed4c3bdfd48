package load

import "boxoffice/loadtest/service"

// Entry is a request with its answer.
type Entry struct {
	service.Request
	service.Answer
	Due, Sent, Done int64 // nanoseconds since the generator's start
}

// Acknowledged reports whether the answer says that it happened.
func (e *Entry) Acknowledged() bool { return e.Outcome <= service.Cancelled }

// MayHaveHappened reports whether it may have happened, for all that the client knows.
func (e *Entry) MayHaveHappened() bool {
	return e.Acknowledged() || e.Outcome == service.Unknown || e.Outcome == service.Failed
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
