package verify

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// How many entries a read asks for: Redis serves nobody else during it. Fields of a
// big hash lie scattered over its memory, 500 of them were measured to take 1 ms.
const (
	readStep = 500
	scanStep = 200
)

// patience is how long an outage of Redis may last before a verification ends.
const patience = 30 * time.Second

// read reads from Redis, and again during an outage of up to patience.
func (v *Verifier) read(ctx context.Context, what string, read func(context.Context, redis.UniversalClient) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return v.conn.QueryAll(ctx, conn.Query{What: "verify, " + what, Unbounded: true}, read)
}

// readSnapshot reads several keys of the event as of one instant.
func (in *inspection) readSnapshot(ctx context.Context, what string, ask func(ctx context.Context, tx redis.Pipeliner)) error {
	return in.read(ctx, what, func(ctx context.Context, client redis.UniversalClient) error {
		_, err := client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
			ask(ctx, tx)
			return nil
		})
		if redis.IsOOMError(err) || redis.IsExecAbortError(err) {
			return in.readSnapshotOptimistic(ctx, client, ask)
		}
		return err
	})
}

// readSnapshotOptimistic does the same on a full Redis, which refuses transactions even if
// they only read: it reads again until no change came in between. Each change changes the
// counters.
func (in *inspection) readSnapshotOptimistic(ctx context.Context, client redis.UniversalClient,
	ask func(ctx context.Context, tx redis.Pipeliner),
) error {
	for {
		var before, after *redis.SliceCmd
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			before = pipe.HMGet(ctx, in.keys.Event(in.number), layout.CountersField)
			ask(ctx, pipe)
			after = pipe.HMGet(ctx, in.keys.Event(in.number), layout.CountersField)
			return nil
		})
		if err != nil || before.Val()[0] == after.Val()[0] {
			return err
		}
	}
}

// scan copies the event's hash. Redis promises that a scan returns every field that
// is there from its start to its end, and bookings never go away.
func (in *inspection) scan(ctx context.Context) error {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var fields []string
		var next uint64
		err := in.read(ctx, "bookings", func(ctx context.Context, client redis.UniversalClient) (err error) {
			fields, next, err = client.HScan(ctx, in.keys.Event(in.number), cursor, "", scanStep).Result()
			return err
		})
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(fields); i += 2 {
			in.take(fields[i], fields[i+1])
		}
		cursor = next
	}
	return nil
}

// take copies one field of the event's hash.
func (in *inspection) take(name, value string) {
	field, err := layout.ParseField(name)
	if err != nil {
		in.breachf(nil, RuleSettings, "field %q is %v", name, err)
		return
	}
	switch field.Kind {
	case layout.FieldOfEvent: // checkSettings has seen it
	case layout.FieldHolding:
		in.putHolder(field.User, value)
	case layout.FieldNewer:
		b := in.findOrAdd(field.Booking)
		b.newer = layout.ParseShortID(value)
	case layout.FieldRequest:
		in.takeRequest(field.Request, value)
	case layout.FieldBooking:
		in.putChecked(field.Booking, value)
	}
}

// takeRequest copies what an id of a request leads to: the version that a change of
// settings made, or the booking that a user cancelled without naming it.
func (in *inspection) takeRequest(id, value string) {
	request, err := layout.ParseRequest(value)
	switch {
	case err != nil:
		in.breachf(nil, RuleCancellation, "request %q led to %q, %v", id, value, err)
	case request.Made:
		in.updates[id] = request.Version
	case request.Version > 0: // it changed nothing
	default:
		b := in.findOrAdd(request.Cancelled)
		b.cancelledByUser = true
	}
}

func (in *inspection) putChecked(id layout.ShortID, record string) *copied {
	b, err := in.put(id, record)
	if err != nil {
		in.breachf(b, RuleRecord, "%v: %q", err, record)
	}
	return b
}

// reread reads records once more, so that they are newer than all that was read before.
func (in *inspection) reread(ctx context.Context, bookings []*copied) error {
	for chunk := range slices.Chunk(bookings, readStep) {
		names := make([]string, len(chunk))
		for i, b := range chunk {
			names[i] = layout.BookingField(b.id)
		}
		var records []any
		err := in.read(ctx, "bookings again", func(ctx context.Context, client redis.UniversalClient) (err error) {
			records, err = client.HMGet(ctx, in.keys.Event(in.number), names...).Result()
			return err
		})
		if err != nil {
			return err
		}
		for i, b := range chunk {
			if record, ok := records[i].(string); ok {
				in.putChecked(b.id, record)
			} else {
				b.known = false
			}
		}
	}
	return nil
}

// catchUp copies the bookings that were made since the start, up to a version, and the reductions.
func (in *inspection) catchUp(ctx context.Context, version int64) error {
	var bookings []*copied
	err := in.readLog(ctx, in.caughtUp+1, version, func(version int64, entry string) {
		change, err := layout.ParseChange(entry)
		switch {
		case err != nil:
		case change.Kind == layout.ChangeBooked || change.Kind == layout.ChangeHeld:
			bookings = append(bookings, in.findOrAdd(change.Booking))
		case change.Kind == layout.ChangeReduced:
			in.noteReduction(version, change)
		}
	})
	if err != nil {
		return err
	}
	if err := in.reread(ctx, bookings); err != nil {
		return err
	}
	in.caughtUp = max(in.caughtUp, version)
	return nil
}
