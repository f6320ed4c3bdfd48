package store

import (
	"fmt"
	"slices"
)

// reply reads a script's answer item by item. The first thing that is not as
// expected is kept in err, and ends the reading.
type reply struct {
	script string
	word   string
	items  []any
	next   int
	err    error
}

func newReply(script string, items []any) (*reply, error) {
	r := &reply{script: script, items: items}
	r.word = r.text()
	if r.err != nil {
		return nil, r.err
	}
	if err, refused := refusals[r.word]; refused {
		return nil, err
	}
	return r, nil
}

func (r *reply) item() any {
	if r.next >= len(r.items) {
		r.fail("too few items")
		return nil
	}
	r.next++
	return r.items[r.next-1]
}

func (r *reply) fail(problem string) {
	if r.err == nil {
		// Not the items themselves: they hold users, and this goes into the log.
		r.err = fmt.Errorf("%s.lua answered %q and %d items: %s", r.script, r.word, len(r.items), problem)
	}
}

func (r *reply) text() string {
	text, ok := r.item().(string)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not a string", r.next))
	}
	return text
}

func (r *reply) integer() int64 {
	integer, ok := r.item().(int64)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not an integer", r.next))
	}
	return integer
}

func (r *reply) flag() bool { return r.integer() != 0 }

func (r *reply) list() []any {
	list, ok := r.item().([]any)
	if !ok {
		r.fail(fmt.Sprintf("item %d is not a list", r.next))
	}
	return list
}

// end reports what went wrong: an item of the wrong type, too few or too many
// items, or a word that is none of those given.
func (r *reply) end(words ...string) error {
	if r.err == nil && r.next != len(r.items) {
		r.fail("too many items")
	}
	if r.err != nil {
		return r.err
	}
	if !slices.Contains(words, r.word) {
		r.fail("unknown word")
	}
	return r.err
}
