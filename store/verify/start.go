package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// instant is an event at the instant when the look started.
type instant struct {
	layout.Counters
	event    uuid.UUID
	settings layout.Settings
	created  layout.Settings // with which the event was created
	length   int64           // of the list
	logged   int64           // entries of the log
	served   []string        // entries of the list that were served, the last of them last
	head     string          // the one after them
	now      time.Time       // of the shard
}

// saleEnded reports whether nobody is promoted any more.
func (i instant) saleEnded() bool {
	return i.settings.ClosesAt != 0 && layout.MillisOf(i.now) >= i.settings.ClosesAt
}

// stillListed is how many of those who were served follow entry 0.
func (i instant) stillListed() int64 { return i.LastServed - layout.WaitlistBase(i.LastServed) }

// readStart reads the event's settings and counters at one instant. complete is
// false if they are so broken that nothing can be checked against them.
func (in *inspection) readStart(ctx context.Context, event layout.EventRef) (complete bool, err error) {
	var settings *redis.SliceCmd
	var length, logged *redis.IntCmd
	var top *redis.StringSliceCmd
	var now *redis.TimeCmd
	keys := in.keys.OfEvent(in.number)
	lives := make([]*redis.DurationCmd, len(keys))
	fields := layout.AllEventFields()
	err = in.readSnapshot(ctx, "counters", func(ctx context.Context, tx redis.Pipeliner) {
		settings = tx.HMGet(ctx, in.keys.Event(in.number), fields...)
		length = tx.LLen(ctx, in.keys.Waitlist(in.number))
		logged = tx.LLen(ctx, in.keys.Log(in.number))
		now = tx.Time(ctx)
		top = tx.LRange(ctx, in.keys.Waitlist(in.number), 0, scripts.TrimEvery)
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
	if in.start.now = now.Val(); in.clock != nil {
		in.start.now = in.clock()
	}
	in.start.length, in.start.logged = length.Val(), logged.Val()
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

// checkKeys checks that all keys of the event are there to stay, and counts those that
// are: creating an event makes all of them at once, so none may be missing alone.
func (in *inspection) checkKeys(keys []string, lives []*redis.DurationCmd) (present int) {
	for _, life := range lives {
		if life.Val() != noKey {
			present++
		}
	}
	for i, key := range keys {
		switch life := lives[i].Val(); {
		case life == noKey && present > 0:
			in.breachf(nil, RuleKeys, "the key %s is gone, and others of the event are there", key)
		case life != noKey && life != keyStays:
			in.breachf(nil, RuleKeys, "the key %s has a time to live: Redis will delete it", key)
		}
	}
	return present
}

// checkSettings takes in the settings and the counters, given the values of fields. complete
// is false if they are not such that the rest can be checked. Errors: layout.ErrUnknownFormat.
func (in *inspection) checkSettings(fields []string, values []any) (complete bool, err error) {
	before := len(in.breaches)
	texts := map[string]string{}
	for i, name := range fields {
		if text, ok := values[i].(string); ok {
			texts[name] = text
		}
	}
	for _, name := range layout.RequiredFields() {
		if _, ok := texts[name]; !ok {
			in.breachf(nil, RuleSettings, "the event has no field %s", name)
		}
	}
	if text, ok := texts[layout.CountersField]; ok {
		in.start.Counters, err = layout.ParseCounters(text)
		if errors.Is(err, layout.ErrUnknownFormat) {
			return false, fmt.Errorf("event %d: %w: %w", in.number, conn.ErrUnavailable, err)
		}
		in.breachOfEach(err)
	}
	settings, err := layout.ParseSettings(texts)
	in.breachOfEach(err)
	if err == nil && !settings.State.Known() {
		in.breachf(nil, RuleSettings, "field state is %q", settings.State)
	}
	if text, ok := texts[layout.UUIDField]; ok {
		if in.start.event, err = layout.ParseUUID(text); err == nil {
			if number, _ := layout.NumberOf(in.start.event); number != in.number {
				in.breachf(nil, RuleSettings, "field uuid is %q", text)
			}
		}
		in.breachOfEach(err)
	}
	if text, ok := texts[layout.CreatedAtField]; ok {
		_, err = layout.ParseCreatedAt(text)
		in.breachOfEach(err)
	}
	in.start.settings = settings
	if text, ok := texts[layout.FirstSettingsField]; ok {
		in.start.created, err = layout.ParseFirstSettings(text)
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
