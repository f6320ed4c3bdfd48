package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store/layout"
)

// How many entries a read asks for: Redis serves nobody else during it. Fields of a
// big hash lie scattered over its memory, 500 of them were measured to take 1 ms.
const (
	verifyStep = 500
	scanStep   = 200
)

// verifyPatience is how long an outage of Redis may last before a verification ends.
const verifyPatience = 30 * time.Second

// instant is an event at the instant when the look started.
type instant struct {
	layout.Counters
	event  uuid.UUID
	state  layout.State
	total  int64    // tickets
	length int64    // of the list
	served []string // entries of the list that were served, the last of them last
	head   string   // the one after them
}

// stillListed is how many of those who were served follow entry 0.
func (i instant) stillListed() int64 { return i.LastServed - layout.WaitlistBase(i.LastServed) }

// withRetry calls Redis, and again during an outage of up to verifyPatience.
func (s *Store) withRetry(ctx context.Context, what string, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	return s.retry(ctx, "verify, "+what, func() error { return call(ctx) })
}

func (in *inspection) read(ctx context.Context, what string, call func(ctx context.Context) error) error {
	return in.store.withRetry(ctx, what, call)
}

// readSnapshot reads several keys of the event as of one instant.
func (in *inspection) readSnapshot(ctx context.Context, what string, ask func(ctx context.Context, tx redis.Pipeliner)) error {
	return in.read(ctx, what, func(ctx context.Context) error {
		_, err := in.store.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
			ask(ctx, tx)
			return nil
		})
		if redis.IsOOMError(err) || redis.HasErrorPrefix(err, "EXECABORT") {
			return in.readSnapshotOptimistic(ctx, ask)
		}
		return err
	})
}

// readSnapshotOptimistic does the same on a full Redis, which refuses transactions even if
// they only read: it reads again until no change came in between. Each change changes the
// counters.
func (in *inspection) readSnapshotOptimistic(ctx context.Context, ask func(ctx context.Context, tx redis.Pipeliner)) error {
	for {
		var before, after *redis.SliceCmd
		_, err := in.store.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			before = pipe.HMGet(ctx, layout.EventKey(in.number), layout.CountersField)
			ask(ctx, pipe)
			after = pipe.HMGet(ctx, layout.EventKey(in.number), layout.CountersField)
			return nil
		})
		if err != nil || before.Val()[0] == after.Val()[0] {
			return err
		}
	}
}

// readStart reads the event's settings and counters at one instant. complete is
// false if they are so broken that nothing can be checked against them.
func (in *inspection) readStart(ctx context.Context, event EventRef) (complete bool, err error) {
	var settings *redis.SliceCmd
	var length *redis.IntCmd
	var top *redis.StringSliceCmd
	keys := layout.EventKeys(in.number)
	lives := make([]*redis.DurationCmd, len(keys))
	fields := layout.AllEventFields()
	err = in.readSnapshot(ctx, "counters", func(ctx context.Context, tx redis.Pipeliner) {
		settings = tx.HMGet(ctx, layout.EventKey(in.number), fields...)
		length = tx.LLen(ctx, layout.WaitlistKey(in.number))
		top = tx.LRange(ctx, layout.WaitlistKey(in.number), 0, scripts.TrimEvery)
		for i, key := range keys {
			lives[i] = tx.PTTL(ctx, key)
		}
	})
	if err != nil {
		return false, err
	}
	if present := in.checkKeys(keys, lives); present == 0 {
		return false, layout.ErrEventNotFound
	}
	if lives[0].Val() == noKey {
		return false, nil
	}
	if complete, err = in.checkSettings(fields, settings.Val()); err != nil || !complete {
		return false, err
	}
	if !event.Matches(in.start.event) {
		return false, layout.ErrEventNotFound
	}
	in.start.length = length.Val()
	in.start.served = top.Val()[:min(len(top.Val()), int(in.start.stillListed())+1)]
	if len(in.start.served) < len(top.Val()) {
		in.start.head = top.Val()[len(in.start.served)]
	}
	in.caughtUp = in.start.Version
	return true, nil
}

// What PTTL says of a key, other than how long it has to live.
const (
	noKey    time.Duration = -2
	keyStays time.Duration = -1
)

// checkKeys checks that all keys of the event are there to stay, and tells how many
// are there: creating an event makes all of them at once, so none may be missing alone.
func (in *inspection) checkKeys(keys []string, lives []*redis.DurationCmd) (there int) {
	for _, life := range lives {
		if life.Val() != noKey {
			there++
		}
	}
	for i, key := range keys {
		switch life := lives[i].Val(); {
		case life == noKey && there > 0:
			in.breachf(nil, RuleKeys, "the key %s is gone, and others of the event are there", key)
		case life != noKey && life != keyStays:
			in.breachf(nil, RuleKeys, "the key %s has a time to live: Redis will delete it", key)
		}
	}
	return there
}

// checkSettings takes in the settings and the counters, given the values of fields. complete
// is false if they are not such that the rest can be checked. Errors: ErrUnknownFormat.
func (in *inspection) checkSettings(fields []string, values []any) (complete bool, err error) {
	before := len(in.breaches)
	texts := map[string]string{}
	for i, name := range fields {
		text, ok := values[i].(string)
		if !ok {
			in.breachf(nil, RuleSettings, "the event has no field %s", name)
			continue
		}
		texts[name] = text
	}
	if text, ok := texts[layout.SettingsField]; ok {
		settings, wrong := layout.ParseSettings(text)
		if errors.Is(wrong, layout.ErrUnknownFormat) {
			return false, fmt.Errorf("event %d: %w: %w", in.number, ErrUnavailable, wrong)
		}
		in.breachOfEach(wrong)
		if number, _ := layout.NumberOf(settings.UUID); wrong == nil && number != in.number {
			in.breachf(nil, RuleSettings, "field uuid is %q", settings.UUID)
		}
		if wrong == nil && !settings.State.Known() {
			in.breachf(nil, RuleSettings, "field state is %q", settings.State)
		}
		in.start.event, in.start.state, in.start.total = settings.UUID, settings.State, settings.TotalTickets
	}
	if text, ok := texts[layout.CountersField]; ok {
		in.start.Counters, err = layout.ParseCounters(text)
		in.breachOfEach(err)
	}
	if text, ok := texts[layout.CreatedAtField]; ok {
		_, err = layout.ParseCreatedAt(text)
		in.breachOfEach(err)
	}
	return len(in.breaches) == before, nil
}

// breachOfEach notes a breach for each part that a parser found wrong.
func (in *inspection) breachOfEach(wrong error) {
	for _, one := range layout.Each(wrong) {
		in.breachf(nil, RuleSettings, "%v", one)
	}
}

// scan copies the event's hash. Redis promises that a scan returns every field that
// is there from its start to its end, and bookings never go away.
func (in *inspection) scan(ctx context.Context) error {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var fields []string
		var next uint64
		err := in.read(ctx, "bookings", func(ctx context.Context) (err error) {
			fields, next, err = in.store.client.HScan(ctx, layout.EventKey(in.number), cursor, "", scanStep).Result()
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
		_, b := in.findOrAdd(field.Booking)
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
	case request.Version > 0:
		in.updates[id] = request.Version
	default:
		_, b := in.findOrAdd(request.Cancelled)
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
	for chunk := range slices.Chunk(bookings, verifyStep) {
		names := make([]string, len(chunk))
		for i, b := range chunk {
			names[i] = layout.BookingField(b.id)
		}
		var records []any
		err := in.read(ctx, "bookings again", func(ctx context.Context) (err error) {
			records, err = in.store.client.HMGet(ctx, layout.EventKey(in.number), names...).Result()
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

// catchUp copies the bookings that were made since the start, up to a version at
// which the latest booking was this one.
func (in *inspection) catchUp(ctx context.Context, latest layout.ShortID, version int64) error {
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	for next, more := latest, version > in.caughtUp; more && next != (layout.ShortID{}); {
		r, err := in.store.run(ctx, bookingsScript, []string{layout.EventKey(in.number), layout.WithdrawnKey(in.number)},
			"", next.String(), verifyStep)
		if err != nil {
			return err
		}
		_, following, rows := r.text(), r.text(), r.list()
		row := &reply{script: r.script, items: rows}
		for more && row.next < len(rows) && row.err == nil {
			name, record, _ := row.text(), row.text(), row.integer()
			b := in.putChecked(layout.ParseShortID(name), record)
			more = b.version > in.caughtUp
		}
		if err := errors.Join(r.err, row.err); err != nil {
			return err
		}
		next = layout.ParseShortID(following)
	}
	in.caughtUp = max(in.caughtUp, version)
	return nil
}
