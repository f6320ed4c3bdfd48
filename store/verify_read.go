package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
)

// How many entries a read asks for: Redis serves nobody else during it. Fields of a
// big hash lie scattered over its memory, 500 of them were measured to take 1 ms.
const (
	verifyStep = 500
	scanStep   = 200
)

// verifyPatience is how long an outage of Redis may last before a verification ends.
const verifyPatience = 30 * time.Second

// eventSettings are all fields of an event's hash that are not of a booking, a user
// or a request.
var eventSettings = []string{"settings", "counters", "name", "createdAt", "request"}

// numericSettings are those fields and parts of them that hold a whole number.
var numericSettings = []string{
	"version", "total", "confirmed", "waiting", "lastJoined", "lastServed", "createdAt", "maxPerUser", "waitlistLimit",
}

// instant is an event at the instant when the look started.
type instant struct {
	event                                                      uuid.UUID
	state                                                      State
	version, total, confirmed, waiting, lastJoined, lastServed int64
	latest                                                     string
	promotionsDue                                              bool
	length                                                     int64    // of the list
	served                                                     []string // entries of the list that were served, the last of them last
	head                                                       string   // the one after them
}

// splitCounters returns the counters of an event by their names.
func splitCounters(field string) (map[string]string, error) {
	values := map[string]string{}
	if err := splitParts(values, countersParts, field); err != nil {
		return nil, fmt.Errorf("counters: %w", err)
	}
	return values, nil
}

// counterOf returns one counter, of those that are a whole number.
func counterOf(field, name string) (int64, error) {
	values, err := splitCounters(field)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(values[name], 10, 64)
}

const trimEvery = scripts.TrimEvery

// base is the sequence number that entry 0 of the list has, given the last one served.
func base(lastServed int64) int64 { return lastServed - lastServed%trimEvery }

// stillListed is how many of those who were served follow entry 0.
func (i instant) stillListed() int64 { return i.lastServed - base(i.lastServed) }

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
			before = pipe.HMGet(ctx, eventKey(in.number), "counters")
			ask(ctx, pipe)
			after = pipe.HMGet(ctx, eventKey(in.number), "counters")
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
	keys := eventKeys(in.number)
	lives := make([]*redis.DurationCmd, len(keys))
	err = in.readSnapshot(ctx, "counters", func(ctx context.Context, tx redis.Pipeliner) {
		settings = tx.HMGet(ctx, eventKey(in.number), eventSettings...)
		length = tx.LLen(ctx, waitlistKey(in.number))
		top = tx.LRange(ctx, waitlistKey(in.number), 0, trimEvery)
		for i, key := range keys {
			lives[i] = tx.PTTL(ctx, key)
		}
	})
	if err != nil {
		return false, err
	}
	values := map[string]string{}
	for i, value := range settings.Val() {
		if text, ok := value.(string); ok {
			values[eventSettings[i]] = text
		}
	}
	if there := in.checkKeys(keys, lives); there == 0 {
		return false, ErrEventNotFound
	}
	if lives[0].Val() == noKey {
		return false, nil
	}
	if settings, ok := values["settings"]; ok && formatOf(settings) != knownFormat {
		return false, fmt.Errorf("event %d: %w: %q", in.number, ErrUnknownFormat, formatOf(settings))
	}
	if !in.checkSettings(values) {
		return false, nil
	}
	if event.uuid != "" && event.uuid != values["uuid"] {
		return false, ErrEventNotFound
	}
	number := func(name string) int64 {
		value, _ := strconv.ParseInt(values[name], 10, 64)
		return value
	}
	id, _ := uuid.Parse(values["uuid"]) // checkSettings has parsed it
	in.start = instant{
		event: id, state: State(values["state"]), latest: values["latest"], promotionsDue: values["promotionsDue"] == "1",
		version: number("version"), total: number("total"), confirmed: number("confirmed"),
		waiting: number("waiting"), lastJoined: number("lastJoined"), lastServed: number("lastServed"),
		length: length.Val(),
	}
	in.start.served = top.Val()[:min(len(top.Val()), int(in.start.stillListed())+1)]
	if len(in.start.served) < len(top.Val()) {
		in.start.head = top.Val()[len(in.start.served)]
	}
	in.caughtUp = in.start.version
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

// checkSettings tells whether the settings are such that the rest can be checked.
func (in *inspection) checkSettings(values map[string]string) bool {
	before := len(in.breaches)
	for _, name := range eventSettings {
		if _, ok := values[name]; !ok {
			in.breachf(nil, RuleSettings, "the event has no field %s", name)
		}
	}
	for field, parts := range map[string][]string{"settings": settingsParts, "counters": countersParts} {
		if value, ok := values[field]; ok {
			if err := splitParts(values, parts, value); err != nil {
				in.breachf(nil, RuleSettings, "field %s: %v", field, err)
			}
		}
	}
	for _, name := range numericSettings {
		value, ok := values[name]
		if n, err := strconv.ParseInt(value, 10, 64); ok && (err != nil || n < 0) {
			in.breachf(nil, RuleSettings, "field %s is %q", name, value)
		}
	}
	in.checkTextSettings(values)
	return len(in.breaches) == before
}

// checkTextSettings checks the settings and counters that are no numbers.
func (in *inspection) checkTextSettings(values map[string]string) {
	if text, ok := values["uuid"]; ok {
		id, err := uuid.Parse(text)
		if number, ours := numberOf(id); err != nil || !ours || number != in.number {
			in.breachf(nil, RuleSettings, "field uuid is %q", text)
		}
	}
	if promotionsDue, ok := values["promotionsDue"]; ok && promotionsDue != "0" && promotionsDue != "1" {
		in.breachf(nil, RuleSettings, "field promotionsDue is %q", promotionsDue)
	}
	if state, ok := values["state"]; ok && !slices.Contains([]State{StateOpen, StatePaused, StateClosed}, State(state)) {
		in.breachf(nil, RuleSettings, "field state is %q", state)
	}
}

// scan copies the event's hash. Redis promises that a scan returns every field that
// is there from its start to its end, and bookings never go away.
func (in *inspection) scan(ctx context.Context) error {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var fields []string
		var next uint64
		err := in.read(ctx, "bookings", func(ctx context.Context) (err error) {
			fields, next, err = in.store.client.HScan(ctx, eventKey(in.number), cursor, "", scanStep).Result()
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
	if name == markField || slices.Contains(eventSettings, name) {
		return
	}
	kind, rest := byte(0), name
	if name != "" && strings.IndexByte("@>!", name[0]) >= 0 {
		kind, rest = name[0], name[1:]
	}
	id := shortID{}
	if kind != '@' && kind != '!' {
		if id = readShortID(rest); id == noShortID || rest == "" {
			in.breachf(nil, RuleSettings, "field %q is not one of an event", name)
			return
		}
	}
	switch kind {
	case '@':
		in.putHolder(rest, value)
	case '>':
		_, b := in.findOrAdd(id)
		b.newer = readShortID(value)
	case '!':
		in.takeRequest(rest, value)
	default:
		in.putChecked(id, value)
	}
}

// takeRequest copies what an id of a request leads to: the version that a change of
// settings made, or the booking that a user cancelled without naming it.
func (in *inspection) takeRequest(id, value string) {
	if version, err := strconv.ParseInt(value, 10, 64); err == nil && version >= 2 {
		in.updates[id] = version
		return
	}
	short := readShortID(value)
	if value == "" || short == noShortID {
		in.breachf(nil, RuleCancellation, "request %q led to %q, neither a version nor a booking", id, value)
		return
	}
	_, b := in.findOrAdd(short)
	b.cancelledByUser = true
}

func (in *inspection) putChecked(id shortID, record string) *copied {
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
			names[i] = b.id.String()
		}
		var records []any
		err := in.read(ctx, "bookings again", func(ctx context.Context) (err error) {
			records, err = in.store.client.HMGet(ctx, eventKey(in.number), names...).Result()
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
func (in *inspection) catchUp(ctx context.Context, latest string, version int64) error {
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	for next, more := latest, version > in.caughtUp; more && next != ""; {
		r, err := in.store.run(ctx, bookingsScript, []string{eventKey(in.number), withdrawnKey(in.number)},
			"", next, verifyStep)
		if err != nil {
			return err
		}
		_, following, rows := r.text(), r.text(), r.list()
		row := &reply{script: r.script, items: rows}
		for more && row.next < len(rows) && row.err == nil {
			name, record, _ := row.text(), row.text(), row.integer()
			b := in.putChecked(readShortID(name), record)
			more = b.version > in.caughtUp
		}
		if err := errors.Join(r.err, row.err); err != nil {
			return err
		}
		next = following
	}
	in.caughtUp = max(in.caughtUp, version)
	return nil
}
