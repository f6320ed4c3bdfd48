package main

import (
	"context"
	"fmt"
	"strconv"

	"boxoffice/scripts"
)

// scripts measures what Redis spends on a booking and on a cancellation.
func (b *bench) scripts(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	medians, err := rounds(b.rounds,
		func() (float64, error) { return r.constantCost(ctx, b.calls) },
		func() (float64, error) { return b.bookCost(ctx, r) },
		func() (float64, error) { return b.cancelCost(ctx, r) },
		func() (float64, error) { return b.holdCost(ctx, r) },
		func() (float64, error) { return b.confirmCost(ctx, r) },
	)
	if err != nil {
		return err
	}
	limit, book, cancel, hold, confirm := medians[0], medians[1], medians[2], medians[3], medians[4]
	b.add(figure{"Redis CPU of a booking of a new user / L2", book / limit, "x", 8, false,
		fmt.Sprintf("book.lua %.2f µs; L2, a script that answers a constant, %.2f µs", book, limit)})
	b.add(figure{"Redis CPU of a cancellation with promotion / L2", cancel / limit, "x", 12, false,
		fmt.Sprintf("cancel.lua %.2f µs; L2 %.2f µs", cancel, limit)})
	b.add(figure{"Redis CPU of a hold / of a booking sent alone", hold / book, "x", 1.7, false,
		fmt.Sprintf("hold.lua %.2f µs; book.lua %.2f µs", hold, book)})
	b.add(figure{"Redis CPU of a confirmation / of a booking sent alone", confirm / book, "x", 1.5, false,
		fmt.Sprintf("confirm.lua %.2f µs; book.lua %.2f µs", confirm, book)})

	// Of one event, alternating: bookings of a user who has very many, and of new users.
	_, number, err := r.event(ctx, b.hoarder*10)
	if err != nil {
		return err
	}
	booked := 0
	bookings := func(count int, user func(i int) string) (float64, error) {
		first := booked
		booked += count
		return r.pipelined(ctx, scripts.Book, number, count, func(i int) []any {
			args := bookArguments(first + i)
			args[5] = user(first + i)
			return args
		})
	}
	hoarder := func(int) string { return "hoarder" }
	newcomer := func(i int) string { return "u" + strconv.Itoa(i) }
	if _, err := bookings(b.hoarder, hoarder); err != nil {
		return err
	}
	medians, err = rounds(b.rounds,
		func() (float64, error) { return bookings(b.calls, hoarder) },
		func() (float64, error) { return bookings(b.calls, newcomer) },
	)
	if err != nil {
		return err
	}
	b.add(figure{"booking of a user with many bookings / of a new user", medians[0] / medians[1], "x", 1.2, false,
		fmt.Sprintf("a user with %d bookings: %.2f µs; new users of the same event: %.2f µs", b.hoarder, medians[0], medians[1])})
	return nil
}

// bookCost is what Redis spends on a booking of a new user, in a new event.
func (b *bench) bookCost(ctx context.Context, r *rig) (float64, error) {
	_, number, err := r.event(ctx, b.calls)
	if err != nil {
		return 0, err
	}
	return r.pipelined(ctx, scripts.Book, number, b.calls, bookArguments)
}

// cancelCost is what it spends on a cancellation that promotes the head of the waiting list.
func (b *bench) cancelCost(ctx context.Context, r *rig) (float64, error) {
	_, number, err := r.event(ctx, b.calls)
	if err != nil {
		return 0, err
	}
	if err := r.send(ctx, scripts.Book, number, 2*b.calls, depth, bookArguments); err != nil { // the second half waits
		return 0, err
	}
	return r.pipelined(ctx, scripts.Cancel, number, b.calls, cancelArguments)
}

// holdCost is what it spends on a hold of a new user, in a new event.
func (b *bench) holdCost(ctx context.Context, r *rig) (float64, error) {
	_, number, err := r.event(ctx, b.calls)
	if err != nil {
		return 0, err
	}
	return r.pipelined(ctx, scripts.Hold, number, b.calls, holdArguments)
}

// confirmCost is what it spends on the confirmation of a hold, of which there are b.calls at first.
func (b *bench) confirmCost(ctx context.Context, r *rig) (float64, error) {
	_, number, err := r.event(ctx, b.calls)
	if err != nil {
		return 0, err
	}
	if err := r.send(ctx, scripts.Hold, number, b.calls, depth, holdArguments); err != nil {
		return 0, err
	}
	return r.pipelined(ctx, scripts.Confirm, number, b.calls, confirmArguments)
}
