package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// numbers looks at the numbers of events, twice if something is wrong, and
// returns what is wrong both times.
func (v *Verifier) numbers(ctx context.Context) (numbersLook, []Breach, error) {
	first, err := v.lookAtNumbers(ctx)
	if err != nil || len(first.breaches) == 0 {
		return first, nil, err
	}
	second, err := v.lookAtNumbers(ctx)
	if err != nil {
		return second, nil, err
	}
	breaches := agreed(first.breaches, second.breaches)
	if len(breaches) == 0 {
		return second, nil, unsteady(first.breaches, second.breaches)
	}
	return second, breaches, nil
}

// numbersLook is one look at the hash of event numbers.
type numbersLook struct {
	verifier  *Verifier
	given     []uint64          // to creations, in order, each once
	completed []layout.Creation // in order, each once
	others    []uint64          // of events that are there, and of no creation that was seen
	breaches  []Breach
}

func (l *numbersLook) breachf(number uint64, rule Rule, format string, args ...any) {
	b := Breach{Event: number, Rule: rule, Detail: fmt.Sprintf(format, args...)}
	if !slices.Contains(l.breaches, b) && len(l.breaches) < maxBreaches { // a scan may return a field twice
		l.breaches = append(l.breaches, b)
	}
}

// lookAtNumbers may run while events are created. A number is given in one step with
// the counter, so the scan shows every number up to the counter as it was before the
// scan, and none above the counter as it is after it.
func (v *Verifier) lookAtNumbers(ctx context.Context) (numbersLook, error) {
	l := numbersLook{verifier: v}
	before, err := l.readCounter(ctx)
	if err != nil {
		return l, err
	}
	if err := l.scan(ctx); err != nil {
		return l, err
	}
	after, err := l.readCounter(ctx)
	if err != nil {
		return l, err
	}
	highest := uint64(0)
	if len(l.given) > 0 {
		highest = l.given[len(l.given)-1]
	}
	switch {
	case after.text == "" && highest > 0:
		l.breachf(0, RuleNumbers, "the counter of events is gone (field last), and creations were given numbers up to %d", highest)
	case after.text != "" && !after.valid:
		l.breachf(0, RuleNumbers, "the counter of events (field last) is %q", after.text)
	case after.number < highest:
		l.breachf(0, RuleNumbers, "the counter of events (field last) is %d, and creations were given numbers up to %d",
			after.number, highest)
	}
	if after.expires {
		l.breachf(0, RuleKeys, "the key %s has a time to live: Redis will delete it", l.verifier.keys.Events())
	}
	return l, l.checkGaps(ctx, before.number, highest)
}

// checkGaps checks the numbers that no creation was seen to have.
func (l *numbersLook) checkGaps(ctx context.Context, before, highest uint64) error {
	next := uint64(1)
	for _, number := range append(slices.Clone(l.given), layout.MaxNumber+1) {
		if next < number {
			if lost := min(number-1, before); next <= lost {
				l.breachf(next, RuleNumbers, "given numbers that no creation has any more (%s): asked again, it would create a second event",
					numberRange(next, lost))
			}
			if err := l.searchGap(ctx, next, number); err != nil {
				return err
			}
		}
		next = number + 1
	}
	counter, err := l.readCounter(ctx)
	if err != nil {
		return err
	}
	above := slices.IndexFunc(l.others, func(number uint64) bool { return number > max(counter.number, highest) })
	if above >= 0 {
		l.breachf(l.others[above], RuleNumbers, "there are events whose numbers were never given (%s)", NumberList(l.others[above:]))
	}
	return nil
}

// searchAhead is how many numbers in a row have no event where a search for events ends.
const searchAhead = 1000

// searchGap finds events from a number on, until searchAhead numbers in a row have none.
func (l *numbersLook) searchGap(ctx context.Context, next, end uint64) error {
	for last := next; next < end && next-last < searchAhead; {
		step := min(end-next, readStep)
		replies := make([]*redis.IntCmd, step)
		err := l.verifier.read(ctx, "search events", func(ctx context.Context, client redis.UniversalClient) error {
			_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for i := range step {
					replies[i] = pipe.Exists(ctx, l.verifier.keys.OfEvent(next+i)...)
				}
				return nil
			})
			return err
		})
		if err != nil {
			return err
		}
		for i, reply := range replies {
			if reply.Val() > 0 {
				last = next + uint64(i)
				l.others = append(l.others, last)
			}
		}
		next += step
	}
	return nil
}

// counter is the last number given.
type counter struct {
	text    string // empty if there is none
	number  uint64 // 0 unless valid
	valid   bool
	expires bool // the key of all numbers, that is
}

func (l *numbersLook) readCounter(ctx context.Context) (c counter, err error) {
	var last *redis.SliceCmd
	var life *redis.DurationCmd
	err = l.verifier.read(ctx, "last event number", func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			last = pipe.HMGet(ctx, l.verifier.keys.Events(), layout.LastField)
			life = pipe.PTTL(ctx, l.verifier.keys.Events())
			return nil
		})
		return err
	})
	if err != nil {
		return c, err
	}
	c.expires = life.Val() >= 0
	c.text, _ = last.Val()[0].(string)
	c.number, c.valid = layout.ParseLast(c.text)
	return c, nil
}

// scan reads which creation was given which number.
func (l *numbersLook) scan(ctx context.Context) error {
	if err := l.verifier.scanCreations(ctx, l.take); err != nil {
		return err
	}
	slices.Sort(l.given)
	l.given = slices.Compact(l.given)
	slices.SortFunc(l.completed, compareCreations)
	l.completed = slices.Compact(l.completed)
	return nil
}

func (l *numbersLook) take(name, value string) {
	c, err := layout.ParseCreation(name, value)
	if err != nil {
		l.breachf(0, RuleNumbers, "field %q is %q, and %v", name, value, err)
	}
	if c.Number > 0 {
		l.given = append(l.given, c.Number)
	}
	if c.Completed {
		l.completed = append(l.completed, c)
	}
}
