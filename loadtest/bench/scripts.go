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
	)
	if err != nil {
		return err
	}
	limit, book, cancel := medians[0], medians[1], medians[2]
	b.add(figure{"Redis CPU of a booking of a new user / L2", book / limit, "x", 8, false,
		fmt.Sprintf("book.lua %.2f µs; L2, a script that answers a constant, %.2f µs", book, limit)})
	b.add(figure{"Redis CPU of a cancellation with promotion / L2", cancel / limit, "x", 12, false,
		fmt.Sprintf("cancel.lua %.2f µs; L2 %.2f µs", cancel, limit)})

	// Of one event, alternating: bookings of a user who has very many, and of new users.
	_, number, err := r.event(ctx, b.hoarder*10)
	if err != nil {
		return err
	}
	booked := 0
	bookings := func(count int, user func(i int) string) (float64, error) {
		first := booked
		booked += count
		return r.pipelined(ctx, scripts.Book.Source, count, func(i int) ([]string, []any) {
			return bookArguments(number, shortID(first+i), user(first+i))
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
	return r.pipelined(ctx, scripts.Book.Source, b.calls, func(i int) ([]string, []any) {
		return bookArguments(number, shortID(i), "u"+strconv.Itoa(i))
	})
}

// cancelCost is what it spends on a cancellation that promotes the head of the waiting list.
func (b *bench) cancelCost(ctx context.Context, r *rig) (float64, error) {
	_, number, err := r.event(ctx, b.calls)
	if err != nil {
		return 0, err
	}
	if _, err := r.pipelined(ctx, scripts.Book.Source, 2*b.calls, func(i int) ([]string, []any) {
		return bookArguments(number, shortID(i), "u"+strconv.Itoa(i)) // the second half waits
	}); err != nil {
		return 0, err
	}
	return r.pipelined(ctx, scripts.Cancel.Source, b.calls, func(i int) ([]string, []any) {
		return eventKeys(number, scripts.Cancel), []any{"0", "", "", shortID(i), "u" + strconv.Itoa(i), ""}
	})
}
