package conn

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Some scripts do several things in one call: each booking of an event that travels with
// others costs Redis a fraction of one that travels alone.

// item is a call of a script that does several things in one call. Those of the same group
// that wait together travel as one.
type item struct {
	script *Script
	keys   []string
	shared []any // arguments that come first
	args   []any // the item's own
	alone  bool  // it travels with no others
	answer []any
	err    error
	joined bool // it travelled with others, so the error may be about one of those
}

// group is what the items of one call have in common.
type group struct {
	script      *Script
	key, shared string
	alone       *item // nil, unless the item travels with no others
}

func (i *item) group() group {
	of := group{script: i.script, key: i.keys[0]}
	if i.alone {
		of.alone = i
		return of
	}
	var shared strings.Builder
	for _, arg := range i.shared {
		fmt.Fprint(&shared, arg)
		shared.WriteByte(0)
	}
	of.shared = shared.String()
	return of
}

// mayConcernOthers reports whether the refusal of a joint call may be about another one of
// its items, so that this one may be answered if it travels alone: what is stored for
// another is broken, or Redis takes no writes, and this one needs none.
func mayConcernOthers(err error) bool {
	return err != nil && (!isOutage(err) || redis.IsOOMError(err) ||
		redis.HasErrorPrefix(err, "MISCONF") || redis.HasErrorPrefix(err, "NOREPLICAS"))
}

// jointCall is a command of a pipeline, or items that travel in one call.
type jointCall struct {
	cmd   redis.Cmder
	items []*item
}

// join makes calls of a batch, in its order: items of a group are one call, up to as many
// as the script takes. Requests that were given up are left out.
func join(batch []*request) []jointCall {
	calls := make([]jointCall, 0, len(batch))
	var open map[group]int // the call that takes further items
	for _, r := range batch {
		if r.ctx.Err() != nil {
			continue
		}
		if r.item == nil {
			calls = append(calls, jointCall{cmd: r.cmd})
			continue
		}
		of := r.item.group()
		if at, ok := open[of]; ok && len(calls[at].items) < r.item.script.Items {
			calls[at].items = append(calls[at].items, r.item)
			continue
		}
		if open == nil {
			open = map[group]int{}
		}
		open[of] = len(calls)
		calls = append(calls, jointCall{items: []*item{r.item}})
	}
	return calls
}

// command returns the command to send.
func (j *jointCall) command(ctx context.Context) redis.Cmder { //nolint:ireturn // any command
	if j.cmd == nil {
		first := j.items[0]
		args := make([]any, 0, len(first.shared)+len(j.items)*len(first.args))
		args = append(args, first.shared...)
		for _, one := range j.items {
			args = append(args, one.args...)
		}
		j.cmd = first.script.command(ctx, first.keys, args)
	}
	return j.cmd
}

// answer gives each item its part of the reply, or the error.
func (j *jointCall) answer() {
	if len(j.items) == 0 {
		return
	}
	var reply []any
	err := j.cmd.Err()
	if cmd, ok := j.cmd.(*redis.Cmd); ok && err == nil {
		reply, err = cmd.Slice()
	}
	script := j.items[0].script
	if err == nil && len(reply) != len(j.items)*script.ItemAnswers {
		err = fmt.Errorf("%s.lua answered %d items to %d calls", script.Name, len(reply), len(j.items))
	}
	for i, one := range j.items {
		one.joined = len(j.items) > 1
		if one.err = err; err == nil {
			one.answer = reply[i*script.ItemAnswers : (i+1)*script.ItemAnswers]
		}
	}
}

// CallTogether makes calls whose items can travel together do so, in this order, once and
// unbounded. It is for tests: which calls wait together is otherwise up to chance.
func (c *Conn) CallTogether(ctx context.Context, calls []Call) ([]*Reply, []error) {
	replies, errs := make([]*Reply, len(calls)), make([]error, len(calls))
	at := lane{kind: Change}
	var err error
	if at.node, err = c.master(ctx, calls[0].Keys[0]); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return replies, errs
	}
	batch := make([]*request, len(calls))
	for i, call := range calls {
		shared := append([]any{c.batches.acks.flag(at)}, call.Args...)
		batch[i] = &request{
			ctx: ctx, done: make(chan struct{}, 1),
			item: &item{script: call.Script, keys: call.Keys, shared: shared, args: call.Item},
		}
	}
	c.batches.send(at, batch) //nolint:contextcheck // the client's own timeouts bound a batch
	for i, r := range batch {
		answer, err := r.item.answer, r.item.err
		if mayConcernOthers(err) {
			answer, err = c.batches.call(ctx, at, r.item.script, r.item.keys, r.item.shared, r.item.args)
		}
		if errs[i] = err; err == nil {
			replies[i], errs[i] = newReply(calls[i].Script.Name, answer)
		}
	}
	return replies, errs
}
