package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"boxoffice/store"
)

const shortLine = 100

// queue is an event that is sold out, with its line.
type queue struct {
	event     store.EventRef
	confirmed []booked
	line      []booked
}

func (r *rig) queue(ctx context.Context, confirmed, waiting int) (*queue, error) {
	event, _, err := r.event(ctx, confirmed)
	if err != nil {
		return nil, err
	}
	all, err := r.fill(ctx, event, confirmed+waiting)
	return &queue{event, all[:confirmed], all[confirmed:]}, err
}

// take removes count random bookings from the middle half of the line.
func (q *queue) take(count int) []booked {
	taken := make([]booked, count)
	for i := range taken {
		at := len(q.line)/4 + rand.IntN(len(q.line)/2)
		taken[i] = q.line[at]
		q.line[at] = q.line[len(q.line)-1]
		q.line = q.line[:len(q.line)-1]
	}
	return taken
}

// line measures what is done with a long waiting list against a short one.
func (b *bench) line(ctx context.Context) error {
	r, err := startRig(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	calls := b.calls / 10
	long, err := r.queue(ctx, b.rounds*calls, b.million)
	if err != nil {
		return err
	}
	const each = shortLine / 5 // calls on one short line, which is then used up
	shortOnes := func(do func(*queue) error) (float64, error) {
		queues := make([]*queue, calls/each)
		for i := range queues {
			if queues[i], err = r.queue(ctx, each, shortLine); err != nil {
				return 0, err
			}
		}
		return r.cost(ctx, func() error { return parallel(len(queues), func(i int) error { return do(queues[i]) }) })
	}
	cancelAll := func(all []booked) error {
		return parallel(len(all), func(i int) error { return r.cancel(ctx, all[i]) })
	}
	lookUp := func(q *queue, count int) error {
		return parallel(count, func(int) error {
			_, err := r.Booking(ctx, q.line[rand.IntN(len(q.line))].id)
			return err
		})
	}
	promote := func(q *queue, count int) error {
		some := q.confirmed[:count]
		q.confirmed = q.confirmed[count:]
		return cancelAll(some)
	}
	for _, one := range []struct {
		what string
		do   func(q *queue, count int) error
	}{
		{"promote the head", promote},
		{"ask a position", lookUp},
		{"leave from the middle", func(q *queue, count int) error { return cancelAll(q.take(count)) }},
	} {
		medians, err := rounds(b.rounds,
			func() (float64, error) { return r.cost(ctx, func() error { return one.do(long, calls) }) },
			func() (float64, error) { return shortOnes(func(q *queue) error { return one.do(q, each) }) },
		)
		if err != nil {
			return err
		}
		b.add(figure{"long waiting list / short: " + one.what, medians[0] / medians[1], "x", 1.5, false,
			fmt.Sprintf("%d in line: %.2f µs; %d in line: %.2f µs", b.million, medians[0], shortLine, medians[1])})
	}
	return b.raise(ctx, r, long)
}

// raise measures the longest single call while everybody in line is promoted.
func (b *bench) raise(ctx context.Context, r *rig, q *queue) error {
	limit, err := r.constantCost(ctx, b.calls)
	if err != nil {
		return err
	}
	for setting, value := range map[string]string{"slowlog-log-slower-than": "100", "slowlog-max-len": "100000"} {
		if err := r.client.ConfigSet(ctx, setting, value).Err(); err != nil {
			return err
		}
	}
	if err := r.client.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return err
	}
	before, err := r.Event(ctx, q.event)
	if err != nil {
		return err
	}
	total := before.TotalTickets + before.Waiting
	after, err := r.Update(ctx, store.UpdateRequest{Event: q.event, TotalTickets: &total})
	if err != nil {
		return err
	}
	if after.Waiting != 0 {
		return fmt.Errorf("%d still wait after the total was raised", after.Waiting)
	}
	entries, err := r.client.SlowLogGet(ctx, 100_000).Result()
	if err != nil {
		return err
	}
	longest := 0.0
	for _, entry := range entries {
		longest = max(longest, float64(entry.Duration.Microseconds()))
	}
	b.add(figure{"longest call while all in line are promoted / L2", longest / limit, "x", 1000, false,
		fmt.Sprintf("%.0f µs for %d promotions in %d slow calls; L2 %.2f µs", longest, before.Waiting, len(entries), limit)})
	return nil
}
