package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice/store"
)

// spaceOf is what bookings take on a Redis, in bytes.
type spaceOf struct{ memory, appended, appendedAlone, rewritten float64 }

// space measures what a booking takes in memory and in the append-only file, which sizing goes
// by: confirmed at once, and put on the waiting list.
func (b *bench) space(ctx context.Context) error {
	confirmed, err := b.spaceOfBookings(ctx, 11*b.calls)
	if err != nil {
		return err
	}
	waiting, err := b.spaceOfBookings(ctx, 1)
	if err != nil {
		return err
	}
	for _, one := range []struct {
		what               string
		confirmed, waiting float64
		target             float64
	}{
		{"Redis memory of a booking, by used_memory", confirmed.memory, waiting.memory, 290},
		{"append-only file, a booking appended that travels alone", confirmed.appendedAlone, waiting.appendedAlone, 400},
		{"append-only file, a booking appended of 256 at once", confirmed.appended, waiting.appended, 200},
		{"append-only file, a booking after a rewrite", confirmed.rewritten, waiting.rewritten, 150},
	} {
		b.add(figure{one.what, max(one.confirmed, one.waiting), "B", one.target, false,
			fmt.Sprintf("confirmed %.0f B, on the waiting list %.0f B", one.confirmed, one.waiting)})
	}
	return nil
}

// spaceOfBookings books eleven times b.calls tickets of an event that has so many, the last
// b.calls of them one after the other.
func (b *bench) spaceOfBookings(ctx context.Context, total int) (one spaceOf, err error) {
	r, err := startRig(ctx)
	if err != nil {
		return one, err
	}
	defer r.stop()
	var event store.EventRef
	if event, _, err = r.event(ctx, total); err != nil {
		return one, err
	}
	bookings := 10 * b.calls
	memory, appended, err := r.space(ctx)
	if err != nil {
		return one, err
	}
	if _, err = r.fill(ctx, event, bookings); err != nil {
		return one, err
	}
	memoryAfter, appendedAfter, err := r.space(ctx)
	if err != nil {
		return one, err
	}
	one.memory = (memoryAfter - memory) / float64(bookings)
	one.appended = (appendedAfter - appended) / float64(bookings)
	for range b.calls {
		if _, err = r.Book(ctx, store.BookRequest{Event: event, User: r.user(), Quantity: 1}); err != nil {
			return one, err
		}
	}
	_, appendedAlone, err := r.space(ctx)
	if err != nil {
		return one, err
	}
	one.appendedAlone = (appendedAlone - appendedAfter) / float64(b.calls)
	if err = r.client.BgRewriteAOF(ctx).Err(); err != nil {
		return one, err
	}
	for {
		running, err := r.info(ctx, "persistence", "aof_rewrite_in_progress")
		if err != nil {
			return one, err
		}
		if running == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, rewritten, err := r.space(ctx)
	one.rewritten = rewritten / float64(bookings+b.calls)
	return one, err
}

// space returns what Redis has in memory and in its append-only file, in bytes.
func (r *rig) space(ctx context.Context) (memory, file float64, err error) {
	if memory, err = r.info(ctx, "memory", "used_memory"); err != nil {
		return 0, 0, err
	}
	file, err = r.info(ctx, "persistence", "aof_current_size")
	return memory, file, err
}

// info returns a number of INFO.
func (r *rig) info(ctx context.Context, section, field string) (float64, error) {
	text, err := r.client.Info(ctx, section).Result()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), field+":"); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("INFO %s has no %s", section, field)
}
