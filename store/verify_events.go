package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// Numbers is what VerifyAll found about the numbers of events as such.
type Numbers struct {
	Given    int        // how many numbers were given to creations
	Missing  NumberList // those of them whose creation was never completed, and that have no event
	Breaches int        // of the counter of numbers, and of the numbers that creations were given
}

// NumberList is numbers in rising order.
type NumberList []uint64

// String joins neighbours: "2, 5-9".
func (l NumberList) String() string {
	var text strings.Builder
	for i := 0; i < len(l); {
		end := i
		for end+1 < len(l) && l[end+1] == l[end]+1 {
			end++
		}
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(numberRange(l[i], l[end]))
		i = end + 1
	}
	return text.String()
}

func numberRange(first, last uint64) string {
	if first == last {
		return numberText(first)
	}
	return numberText(first) + "-" + numberText(last)
}

// VerifyAll verifies every event, oldest first, and tells done how each went. An
// event that could not be verified does not keep it from the next ones, unless the
// store is unavailable.
//
// Which events there should be it learns from the creations, and not from the
// counter of numbers alone. What is wrong with these is reported as a breach of no
// event (number 0), or of the first event concerned; done is told of number 0 if
// two looks at them did not agree. A number that was given and has no event is a breach if
// its creation was completed: the event was lost. Else it is none: the creation may have
// died in between, or found the number taken, and nobody was told of an event.
func (s *Store) VerifyAll(ctx context.Context, report func(Breach), done func(Verification, error)) (Numbers, error) {
	look, breaches, err := s.verifyNumbers(ctx)
	if errors.Is(err, ErrUnsteady) {
		done(Verification{}, err)
	} else if err != nil {
		return Numbers{}, err
	}
	for _, breach := range breaches {
		report(breach)
	}
	numbers := Numbers{Given: len(look.given), Breaches: len(breaches)}
	all := slices.Concat(look.given, look.others)
	slices.Sort(all)
	missing, err := s.verifyEach(ctx, all, look.completed, report, done)
	if err == nil { // some may have been in the making
		missing, err = s.verifyEach(ctx, missing, look.completed, report, done)
	}
	for _, number := range missing {
		switch completed := ofNumber(look.completed, number); {
		case len(completed) == 0:
			numbers.Missing = append(numbers.Missing, number)
		case err == nil: // else it was looked for only once
			done(Verification{Number: number, Lost: true, Breaches: reportLost(completed, uuid.Nil, report)}, nil)
		}
	}
	return numbers, err
}

// verifyEach verifies the events of some numbers, and returns the numbers of none.
func (s *Store) verifyEach(ctx context.Context, numbers []uint64, completed []layout.Creation,
	report func(Breach), done func(Verification, error),
) (missing []uint64, err error) {
	for _, number := range numbers {
		result, err := s.verifyEvent(ctx, EventNumber(number), report)
		switch {
		case errors.Is(err, ErrEventNotFound):
			missing = append(missing, number)
		case errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknownFormat):
			return missing, err
		default:
			result.Number = number
			if err == nil && result.event != uuid.Nil {
				result.Breaches += reportLost(ofNumber(completed, number), result.event, report)
			}
			done(result, err)
		}
	}
	return missing, nil
}

// verifyNumbers looks at the numbers of events, twice if something is wrong, and
// returns what is wrong both times.
func (s *Store) verifyNumbers(ctx context.Context) (numbersLook, []Breach, error) {
	first, err := s.lookAtNumbers(ctx)
	if err != nil || len(first.breaches) == 0 {
		return first, nil, err
	}
	second, err := s.lookAtNumbers(ctx)
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
	store     *Store
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
func (s *Store) lookAtNumbers(ctx context.Context) (numbersLook, error) {
	l := numbersLook{store: s}
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
		l.breachf(0, RuleKeys, "the key %s has a time to live: Redis will delete it", layout.EventsKey)
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

// searchGap finds events from a number on, until so many numbers in a row have none
// that a creation would have found one of these free.
func (l *numbersLook) searchGap(ctx context.Context, next, end uint64) error {
	for found := next; next < end && next-found < maxOccupied; {
		step := min(end-next, verifyStep)
		replies := make([]*redis.IntCmd, step)
		err := l.store.withRetry(ctx, "search events", func(ctx context.Context) error {
			_, err := l.store.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for i := range step {
					replies[i] = pipe.Exists(ctx, layout.EventKeys(next+i)...)
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
				found = next + uint64(i)
				l.others = append(l.others, found)
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
	err = l.store.withRetry(ctx, "last event number", func(ctx context.Context) error {
		_, err := l.store.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			last = pipe.HMGet(ctx, layout.EventsKey, layout.LastField)
			life = pipe.PTTL(ctx, layout.EventsKey)
			return nil
		})
		return err
	})
	if err != nil {
		return c, err
	}
	c.expires = life.Val() >= 0
	c.text, _ = last.Val()[0].(string)
	c.number, c.valid = layout.ParseEventNumber(c.text)
	return c, nil
}

// scan reads which creation was given which number.
func (l *numbersLook) scan(ctx context.Context) error {
	if err := l.store.scanCreations(ctx, l.take); err != nil {
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
