package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"boxoffice/store"
)

const shortWaitlist = 100

// queue is an event that is sold out, with its waiting list.
type queue struct {
	event     store.EventRef
	confirmed []booked
	waitlist  []booked
}

func (r *rig) queue(ctx context.Context, confirmed, waiting int) (*queue, error) {
	event, _, err := r.event(ctx, confirmed)
	if err != nil {
		return nil, err
	}
	all, err := r.fill(ctx, event, confirmed+waiting)
	return &queue{event, all[:confirmed], all[confirmed:]}, err
}

// take removes count random bookings from the middle half of the waiting list.
func (q *queue) take(count int) []booked {
	taken := make([]booked, count)
	for i := range taken {
		at := len(q.waitlist)/4 + rand.IntN(len(q.waitlist)/2)
		taken[i] = q.waitlist[at]
		q.waitlist[at] = q.waitlist[len(q.waitlist)-1]
		q.waitlist = q.waitlist[:len(q.waitlist)-1]
	}
	return taken
}

// waitlist compares what is done with a long waiting list with the same on a short one.
func (b *bench) waitlist(ctx context.Context) error {
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
	const each = shortWaitlist / 5 // calls on one short list, which is then used up
	shortOnes := func(do func(*queue) error) (float64, error) {
		queues := make([]*queue, calls/each)
		for i := range queues {
			if queues[i], err = r.queue(ctx, each, shortWaitlist); err != nil {
				return 0, err
			}
		}
		return r.cost(ctx, len(queues)*each, func() error { return parallel(len(queues), func(i int) error { return do(queues[i]) }) })
	}
	cancelAll := func(all []booked) error {
		return parallel(len(all), func(i int) error { return r.cancel(ctx, all[i]) })
	}
	lookUp := func(q *queue, count int) error {
		return parallel(count, func(int) error {
			_, err := r.Booking(ctx, q.waitlist[rand.IntN(len(q.waitlist))].id)
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
		{"withdraw from the middle", func(q *queue, count int) error { return cancelAll(q.take(count)) }},
	} {
		medians, err := rounds(b.rounds,
			func() (float64, error) { return r.cost(ctx, calls, func() error { return one.do(long, calls) }) },
			func() (float64, error) { return shortOnes(func(q *queue) error { return one.do(q, each) }) },
		)
		if err != nil {
			return err
		}
		b.add(figure{"long waiting list / short: " + one.what, medians[0] / medians[1], "x", 1.5, false,
			fmt.Sprintf("%d wait: %.2f µs; %d wait: %.2f µs", b.million, medians[0], shortWaitlist, medians[1])})
	}
	return b.raise(ctx, r, long)
}

// raise measures the longest single call while all who wait are promoted, in as many
// raises of the total as there are rounds: one that the machine was busy with something
// else in does not count for all.
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
	before, err := r.Event(ctx, q.event)
	if err != nil {
		return err
	}
	var longest []float64
	for left := int64(b.rounds); left > 0; left-- {
		one, err := r.longestCall(ctx, q.event, left)
		if err != nil {
			return err
		}
		longest = append(longest, one)
	}
	b.add(figure{"longest call while all who wait are promoted / L2", median(longest) / limit, "x", 1000, false,
		fmt.Sprintf("%d promotions in %d raises, whose longest calls took %.0f µs; L2 %.2f µs", before.Waiting, b.rounds, longest, limit)})
	return nil
}

// longestCall raises the total for one of so many parts of the waiting list, and returns how long
// the longest script call took, in microseconds.
func (r *rig) longestCall(ctx context.Context, ref store.EventRef, parts int64) (float64, error) {
	if err := r.client.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return 0, err
	}
	event, err := r.Event(ctx, ref)
	if err != nil {
		return 0, err
	}
	total := event.TotalTickets + event.Waiting/parts
	after, err := r.Update(ctx, store.UpdateRequest{Event: ref, SettingsChange: store.SettingsChange{TotalTickets: &total}})
	if err != nil {
		return 0, err
	}
	if after.Event.Available() != 0 {
		return 0, fmt.Errorf("%d tickets are still available after the total was raised", after.Event.Available())
	}
	entries, err := r.client.SlowLogGet(ctx, 100_000).Result()
	if err != nil {
		return 0, err
	}
	longest := 0.0
	for _, entry := range entries {
		longest = max(longest, float64(entry.Duration.Microseconds()))
	}
	return longest, nil
}
