package main

import (
	"context"
	"fmt"

	"boxoffice/store"
)

// bySize fills one event, and measures a booking's cost and memory on the way.
func (b *bench) bySize(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	last := b.sizes[len(b.sizes)-1]
	event, number, err := r.event(ctx, 10*last)
	if err != nil {
		return err
	}
	filled := 0
	measured := func(calls int) func() (float64, error) {
		return func() (float64, error) {
			filled += calls
			return r.cost(ctx, calls, func() error { _, err := r.fill(ctx, event, calls); return err })
		}
	}
	for _, size := range b.sizes {
		if _, err := r.fill(ctx, event, size-filled); err != nil {
			return err
		}
		filled = size
		if size == b.million {
			if err := b.memory(ctx, r, number, size); err != nil {
				return err
			}
		}
		medians, err := rounds(b.rounds, measured(min(b.calls, size/10)))
		if err != nil {
			return err
		}
		b.Sizes = append(b.Sizes, point{float64(size), medians[0]})
	}

	// The figure itself, alternating with small events that are made anew.
	medians, err := rounds(b.rounds, measured(b.calls), func() (float64, error) { return b.smallEvents(ctx, r) })
	if err != nil {
		return err
	}
	b.add(figure{"booking in a big event / in a small one", medians[0] / medians[1], "x", 1.2, false,
		fmt.Sprintf("%d bookings: %.2f µs; 1,000 bookings: %.2f µs", last, medians[0], medians[1])})
	return nil
}

// smallEvents measures bookings in events that have about a thousand.
func (b *bench) smallEvents(ctx context.Context, r *rig) (float64, error) {
	const size, each = 1000, 500
	events := make([]store.EventRef, max(1, b.calls/each))
	for i := range events {
		var err error
		if events[i], _, err = r.event(ctx, 10*size); err != nil {
			return 0, err
		}
		if _, err := r.fill(ctx, events[i], size); err != nil {
			return 0, err
		}
	}
	return r.cost(ctx, len(events)*each, func() error {
		for _, event := range events {
			if _, err := r.fill(ctx, event, each); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) memory(ctx context.Context, r *rig, number uint64, bookings int) error {
	total := int64(0)
	keys, err := r.client.Keys(ctx, fmt.Sprintf("*{%d}", number)).Result()
	if err != nil {
		return err
	}
	for _, key := range keys {
		const every = 0 // entry counts, not a sample
		bytes, err := r.client.MemoryUsage(ctx, key, every).Result()
		if err != nil {
			return err
		}
		total += bytes
	}
	b.add(figure{"Redis memory of a booking, log included", float64(total) / float64(bookings), "B", 215, false,
		fmt.Sprintf("%d bookings of as many users: %d bytes in %d keys (MEMORY USAGE)", bookings, total, len(keys))})
	return nil
}
