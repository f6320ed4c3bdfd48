package verify

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// Numbers is the result of Verifier.All for the numbers of events as such.
type Numbers struct {
	Given    int        // how many numbers were given to creations
	Missing  NumberList // those of them whose creation was never completed, and that have no event
	Breaches int        // of the counter of numbers, and of the numbers that creations were given
}

// All verifies every event, oldest first, and calls done with what each came to. An
// event that could not be verified does not keep it from the next ones, unless the
// store is unavailable.
//
// The creations say which events must exist, and not the counter of numbers alone. What
// is wrong with these is reported as a breach of no event (number 0), or of the first
// event concerned; done is called with event 0 if two looks at them did not agree.
//
// A number that was given and has no event is a breach if its creation was completed: the
// event was lost. Else it is none: the creation may have died in between, or met a number
// that was taken, and no event was acknowledged.
//
// Errors: ErrUnavailable, after which all that was not looked at is not verified.
func (v *Verifier) All(ctx context.Context, report func(Breach), done func(Result, error)) (Numbers, error) {
	look, breaches, err := v.numbers(ctx)
	if errors.Is(err, ErrUnsteady) {
		done(Result{}, err)
	} else if err != nil {
		return Numbers{}, err
	}
	for _, breach := range breaches {
		report(breach)
	}
	numbers := Numbers{Given: len(look.given), Breaches: len(breaches)}
	all := slices.Concat(look.given, look.others)
	slices.Sort(all)
	missing, err := v.each(ctx, all, look.completed, report, done)
	if err == nil { // some may have been in the making
		missing, err = v.each(ctx, missing, look.completed, report, done)
	}
	for _, number := range missing {
		switch completed := ofNumber(look.completed, number); {
		case len(completed) == 0:
			numbers.Missing = append(numbers.Missing, number)
		case err == nil: // else it was looked for only once
			done(Result{Event: number, Lost: true, Breaches: v.reportLost(completed, uuid.Nil, report)}, nil)
		}
	}
	return numbers, err
}

// each verifies the events of some numbers, and returns the numbers of none.
func (v *Verifier) each(ctx context.Context, numbers []uint64, completed []layout.Creation,
	report func(Breach), done func(Result, error),
) (missing []uint64, err error) {
	for _, number := range numbers {
		result, err := v.event(ctx, layout.EventNumber(number), report)
		switch {
		case errors.Is(err, layout.ErrEventNotFound):
			missing = append(missing, number)
		case errors.Is(err, conn.ErrUnavailable) && !errors.Is(err, layout.ErrUnknownFormat):
			return missing, err
		default:
			result.Event = number
			if err == nil && result.id != uuid.Nil {
				result.Breaches += v.reportLost(ofNumber(completed, number), result.id, report)
			}
			done(result, err)
		}
	}
	return missing, nil
}
