package main

import (
	"context"
	"fmt"

	"boxoffice/scripts"
)

// singly is how many calls a pipeline has when 64 callers share the four lanes of a node.
const singly = 16

// together measures what Redis's main thread spends on bookings that travel in one call, and
// on one that travels alone.
func (b *bench) together(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	_, number, err := r.event(ctx, 1_000_000_000)
	if err != nil {
		return err
	}
	booked := 0
	// Bookings of new users of one event, so many in a call, and so many calls in a pipeline.
	bookings := func(size, depth int) func() (float64, error) {
		return func() (float64, error) {
			first, count := booked, b.calls/size
			booked += count * size
			spent, err := r.mainThread(ctx, func() error {
				return r.send(ctx, scripts.Book, number, count, depth, func(i int) []any { return bookTogether(first+i*size, size) })
			})
			return spent / float64(count*size), err
		}
	}
	empty := func(depth int) func() (float64, error) {
		return func() (float64, error) {
			spent, err := r.mainThread(ctx, func() error {
				return r.send(ctx, constant, number, b.calls, depth, bookArguments)
			})
			return spent / float64(b.calls), err
		}
	}
	medians, err := rounds(b.rounds,
		empty(singly), bookings(1, singly), bookings(8, 1), bookings(scripts.BatchLimit, 1), empty(1), bookings(1, 1))
	if err != nil {
		return err
	}
	single, one, eight, all, emptyAlone, alone := medians[0], medians[1], medians[2], medians[3], medians[4], medians[5]
	b.add(figure{"Redis main thread: a booking, 64 in a call / an empty script", all / single, "x", 1.7, false,
		fmt.Sprintf("%.2f µs, 8 in a call %.2f, 1 in a call %.2f; empty script %.2f (%d calls in a pipeline)",
			all, eight, one, single, singly)})
	// Before there was a log it was 2.4, and the log may cost three tenths of that.
	b.add(figure{"Redis main thread: a booking that travels alone / an empty script", alone / emptyAlone, "x", 3.1, false,
		fmt.Sprintf("%.2f µs; empty script %.2f; most of both is the round trip", alone, emptyAlone)})
	return nil
}
