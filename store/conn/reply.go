package conn

import (
	"fmt"
	"slices"
)

// Reply reads a script's answer item by item. The first thing that is not as
// expected is kept, and ends the reading.
type Reply struct {
	Word string // the first item

	script string
	items  []any
	next   int
	err    error
}

func newReply(script string, items []any) (*Reply, error) {
	r := &Reply{script: script, items: items}
	r.Word = r.Text()
	return r, r.err
}

func (r *Reply) item() any {
	if r.next >= len(r.items) {
		r.fail("too few items")
		return nil
	}
	r.next++
	return r.items[r.next-1]
}

func (r *Reply) fail(problem string) {
	if r.err == nil {
		// Not the items themselves: they hold users, and this goes into the log.
		r.err = fmt.Errorf("%s.lua answered %q and %d items: %s", r.script, r.Word, len(r.items), problem)
	}
}

// Text reads an item that is a string.
func (r *Reply) Text() string {
	text, ok := r.item().(string)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not a string", r.next))
	}
	return text
}

// Integer reads an item that is an integer.
func (r *Reply) Integer() int64 {
	integer, ok := r.item().(int64)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not an integer", r.next))
	}
	return integer
}

// Flag reads an item that is 0 or 1.
func (r *Reply) Flag() bool { return r.Integer() != 0 }

// List reads an item that is a list, for itself: what is wrong inside is the list's Err.
func (r *Reply) List() *Reply {
	list, ok := r.item().([]any)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not a list", r.next))
	}
	return &Reply{Word: r.Word, script: r.script, items: list}
}

// More reports whether there is another item to read, and nothing was wrong so far.
func (r *Reply) More() bool { return r.err == nil && r.next < len(r.items) }

// Err is the first thing that was not as expected, or nil.
func (r *Reply) Err() error { return r.err }

// End reports what went wrong: an item of the wrong type, too few or too many
// items, or a word that is none of those given.
func (r *Reply) End(words ...string) error {
	if r.err == nil && r.next != len(r.items) {
		r.fail("too many items")
	}
	if r.err != nil {
		return r.err
	}
	if !slices.Contains(words, r.Word) {
		r.fail("unknown word")
	}
	return r.err
}
