package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

func compareCreations(a, b layout.Creation) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), slices.Compare(a.ID[:], b.ID[:]))
}

// ofNumber returns those of some creations, in order, that were given a number.
func ofNumber(creations []layout.Creation, number uint64) []layout.Creation {
	byNumber := func(c layout.Creation, number uint64) int { return cmp.Compare(c.Number, number) }
	first, _ := slices.BinarySearchFunc(creations, number, byNumber)
	after, _ := slices.BinarySearchFunc(creations, number+1, byNumber)
	return creations[first:after]
}

// reportLost reports the events of completed creations of one number, but for the one
// that has the number, if any does. It returns how many these are.
func (v *Verifier) reportLost(completed []layout.Creation, present uuid.UUID, report func(Breach)) (lost int) {
	for _, c := range completed {
		if c.Event() != present {
			report(Breach{Event: c.Number, Rule: RuleLost, Detail: fmt.Sprintf(
				"its creation was completed (%s in the hash %s), and there is no event %s", c.ID, v.keys.Events(), c.Event())})
			lost++
		}
	}
	return lost
}

// missing decides whether an event that is not in Redis was lost.
func (v *Verifier) missing(ctx context.Context, event layout.EventRef, report func(Breach)) (Result, error) {
	given := false
	var completed []layout.Creation
	err := v.scanCreations(ctx, func(name, value string) {
		c, err := layout.ParseCreation(name, value)
		if err != nil || c.Number != event.Number() || !event.Matches(c.Event()) {
			return
		}
		given = true
		if c.Completed && !slices.Contains(completed, c) { // a scan may return a field twice
			completed = append(completed, c)
		}
	})
	if err != nil {
		return Result{}, err
	}
	if len(completed) == 0 {
		if given {
			return Result{}, fmt.Errorf("%w: the creation that was given its number was never completed", layout.ErrEventNotFound)
		}
		return Result{}, layout.ErrEventNotFound
	}
	// It may have been created after it was looked for, and before the scan.
	result, err := v.event(ctx, event, report)
	if !errors.Is(err, layout.ErrEventNotFound) {
		return result, err
	}
	return Result{Event: event.Number(), Lost: true, Breaches: v.reportLost(completed, uuid.Nil, report)}, nil
}

// scanCreations calls take with each creation and its number, as they are in Redis. Those
// that are given a number meanwhile may be left out.
func (v *Verifier) scanCreations(ctx context.Context, take func(name, value string)) error {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var fields []string
		var next uint64
		err := v.read(ctx, "event numbers", func(ctx context.Context, client redis.UniversalClient) (err error) {
			fields, next, err = client.HScan(ctx, v.keys.Events(), cursor, "", scanStep).Result()
			return err
		})
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if layout.IsCreation(fields[i]) {
				take(fields[i], fields[i+1])
			}
		}
		cursor = next
	}
	return nil
}
