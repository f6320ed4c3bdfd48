package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/verify"
)

// breaches verifies an event.
func breaches(t testing.TB, s *store.Store, event store.EventRef) []verify.Breach {
	t.Helper()
	var found []verify.Breach
	result, err := s.Verifier().Event(ctx, event, func(breach verify.Breach) { found = append(found, breach) })
	if err != nil || result.Breaches != len(found) {
		t.Fatalf("verified %+v, %v, with %d breaches reported: %v", result, err, len(found), found)
	}
	return found
}

func wantNoBreach(t testing.TB, s *store.Store, event store.EventRef) {
	t.Helper()
	for _, breach := range breaches(t, s, event) {
		t.Errorf("a breach where there is none: %s", breach)
	}
}

// onEmbeddedAndRedis leaves out the cluster, where commands only go another way.
func onEmbeddedAndRedis(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, open(t, store.Config{})) })
	t.Run("redis", func(t *testing.T) { test(t, openRedis(t)) })
}

// victim is a small event with a bit of everything, and the means to corrupt it.
type victim struct {
	*show
	redis                      redis.UniversalClient
	hash, log, list, withdrawn string
	deadlines                  string
	ann, bob, cyd, dan         store.BookResult
	eve, ann2, fay, ann3       store.BookResult
	gus, hal                   store.BookResult
	nobody                     uuid.UUID // the id of no booking
	version, total, lastServed int64
}

// newVictim makes an event of five tickets:
//
//	ann 2, cyd 1, dan 1 (promoted when bob cancelled 2) are confirmed;
//	the waiting list is eve (for 2), ann2, fay, ann3, gus, hal; fay and hal withdrew.
func newVictim(t *testing.T, s *store.Store) *victim {
	t.Helper()
	v := &victim{show: newShow(t, s, tickets(5)), redis: admin(t, s)}
	number := v.event.Number
	v.hash, v.log = layout.Keys{}.Event(number), layout.Keys{}.Log(number)
	v.list, v.withdrawn = layout.Keys{}.Waitlist(number), layout.Keys{}.Withdrawn(number)
	v.deadlines = layout.Keys{}.Deadlines(number)
	v.ann, v.bob, v.cyd = v.book("ann", 2), v.book("bob", 2), v.book("cyd", 1)
	v.dan, v.eve = v.book("dan", 1), v.book("eve", 2)
	v.ann2, v.fay, v.ann3 = v.book("ann", 1), v.book("fay", 1), v.book("ann", 1)
	v.gus, v.hal = v.book("gus", 1), v.book("hal", 1)
	v.cancel("bob", v.bob)
	v.cancel("fay", v.fay)
	v.setState(store.StatePaused)
	v.cancelOldest("hal")
	v.setState(store.StateOpen)
	v.nobody = v.gus.Booking
	v.nobody[15]++
	event := v.now()
	v.version, v.total, v.lastServed = event.Version, event.TotalTickets, 1
	wantNoBreach(t, s, v.ref)
	return v
}

// moment is how a record has when something happened.
func moment(version int64) string { return fmt.Sprintf("%d@1700000000000", version) }

// shortID is how Redis names a booking.
func shortID(id uuid.UUID) string { return layout.ShortIDOf(id).String() }

// holding is how Redis notes what a user's live bookings come to.
func holding(tickets int64, oldest, newest store.BookResult) string {
	return layout.Holding{
		Tickets: tickets, Oldest: layout.ShortIDOf(oldest.Booking), Newest: layout.ShortIDOf(newest.Booking),
	}.String()
}

func (v *victim) do(args ...any) {
	v.t.Helper()
	if err := v.redis.Do(ctx, args...).Err(); err != nil {
		v.t.Fatalf("%v: %v", args, err)
	}
}

func (v *victim) set(field string, value any) { v.t.Helper(); v.do("HSET", v.hash, field, value) }

// setCounter changes one part of the counters, in one step.
func (v *victim) setCounter(part string, change func(old string) string) {
	v.t.Helper()
	field, names := layout.CountersField, layout.CountersParts()
	write := func(tx *redis.Tx) error {
		changed, ok := layout.SetPart(names, tx.HGet(ctx, v.hash, field).Val(), part, change)
		if !ok {
			v.t.Fatalf("an event has no counter %s", part)
		}
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			return pipe.HSet(ctx, v.hash, field, changed).Err()
		})
		return err
	}
	err := v.redis.Watch(ctx, write, v.hash)
	for errors.Is(err, redis.TxFailedErr) {
		err = v.redis.Watch(ctx, write, v.hash)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// become sets one part of the counters.
func (v *victim) become(part, value string) {
	v.t.Helper()
	v.setCounter(part, func(string) string { return value })
}

func (v *victim) add(part string, value int64) {
	v.t.Helper()
	v.setCounter(part, func(old string) string {
		number, err := strconv.ParseInt(old, 10, 64)
		if err != nil {
			v.t.Fatal(err)
		}
		return strconv.FormatInt(number+value, 10)
	})
}
func (v *victim) remove(fields ...string) {
	v.t.Helper()
	if n, err := v.redis.HDel(ctx, v.hash, fields...).Result(); err != nil || n != int64(len(fields)) {
		v.t.Fatalf("%d of %v removed, %v", n, fields, err)
	}
}

// edit changes parts of a booking's record: name, value, name, value ...
func (v *victim) edit(booking store.BookResult, edits ...any) {
	v.t.Helper()
	record, err := v.redis.HGet(ctx, v.hash, shortID(booking.Booking)).Result()
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i < len(edits); i += 2 {
		changed, ok := layout.SetPart(layout.RecordParts(), record, fmt.Sprint(edits[i]),
			func(string) string { return fmt.Sprint(edits[i+1]) })
		if !ok {
			v.t.Fatalf("a record has no part %v", edits[i])
		}
		record = changed
	}
	v.set(shortID(booking.Booking), record)
}

// Each corruption must be found, and named: the rule, and the booking if it is one's.
func TestVerifyFindsCorruption(t *testing.T) {
	id := func(b store.BookResult) string { return shortID(b.Booking) }
	short := func(b store.BookResult) layout.ShortID { return layout.ShortIDOf(b.Booking) }
	for _, c := range []struct {
		name    string
		corrupt func(v *victim)
		finding verify.Rule               // the rule, and how the text after it begins where that matters
		booking func(v *victim) uuid.UUID // nil: the event's
		alone   bool                      // nothing else may be reported
	}{
		{"confirmed counter one too high", func(v *victim) { v.add("confirmed", 1) }, verify.RuleConfirmed, nil, true},
		{"confirmed counter one too low", func(v *victim) { v.add("confirmed", -1) }, verify.RuleConfirmed, nil, true},
		{"waiting counter off", func(v *victim) { v.add("waiting", 1) }, verify.RuleWaiting, nil, true},
		{"last joined off", func(v *victim) { v.add("lastJoined", 1) }, verify.RuleSequence, nil, false},
		{"last served off", func(v *victim) { v.add("lastServed", 1) }, verify.RuleWaitlist + ": it waits",
			func(v *victim) uuid.UUID { return v.eve.Booking }, false},
		{"counter is no number", func(v *victim) { v.become("waiting", "many") }, verify.RuleSettings, nil, true},
		{"another event's uuid", func(v *victim) { v.set("uuid", "00000002-0000-8000-8000-000000000000") },
			verify.RuleSettings + ": field uuid", nil, true},
		{"unknown state", func(v *victim) { v.set("state", "opened") }, verify.RuleSettings + ": field state", nil, true},
		{"setting missing", func(v *victim) { v.remove("name") }, verify.RuleSettings, nil, true},
		{"all settings missing", func(v *victim) { v.remove("name", "state", "total") }, verify.RuleSettings, nil, false},
		{"counter missing", func(v *victim) { v.set("counters", "1|7|4") }, verify.RuleSettings, nil, true},
		{"promotionsDue neither on nor off", func(v *victim) { v.become("promotionsDue", "2") }, verify.RuleSettings, nil, true},
		{"stray field", func(v *victim) { v.set("sold", 4) }, verify.RuleSettings, nil, true},
		{"the hash is gone", func(v *victim) { v.do("DEL", v.hash) }, verify.RuleKeys, nil, true},
		{"the list is gone", func(v *victim) { v.do("DEL", v.list) }, verify.RuleKeys, nil, false},
		{"the log is gone", func(v *victim) { v.do("DEL", v.log) }, verify.RuleKeys, nil, false},
		{"the log expires", func(v *victim) { v.do("EXPIRE", v.log, 100_000) }, verify.RuleKeys, nil, true},
		{"the set is gone", func(v *victim) { v.do("DEL", v.withdrawn) }, verify.RuleKeys, nil, false},
		{"only the hash is left", func(v *victim) { v.do("DEL", v.log, v.list, v.withdrawn, v.deadlines) }, verify.RuleKeys, nil, false},
		{"only the set is left", func(v *victim) { v.do("DEL", v.hash, v.log, v.list, v.deadlines) }, verify.RuleKeys, nil, false},
		{"the hash expires", func(v *victim) { v.do("EXPIRE", v.hash, 100_000) }, verify.RuleKeys, nil, true},
		{"the list expires", func(v *victim) { v.do("EXPIRE", v.list, 100_000) }, verify.RuleKeys, nil, true},
		{"the set expires", func(v *victim) { v.do("EXPIRE", v.withdrawn, 100_000) }, verify.RuleKeys, nil, true},

		{"more confirmed than tickets", func(v *victim) { v.set("total", "3") }, verify.RuleOversold,
			func(v *victim) uuid.UUID { return v.dan.Booking }, false},
		{"a setting that no change made", func(v *victim) { v.set("maxPerUser", "9") }, verify.RuleLog, nil, true},
		{"the settings of the creation", func(v *victim) { v.set("request", `{"name":"another"}`) }, verify.RuleLog, nil, true},
		{"the settings of the creation are broken", func(v *victim) { v.set("request", "rubbish") }, verify.RuleSettings, nil, true},
		{"head waits for tickets that are available", func(v *victim) { v.set("total", "6") }, verify.RuleUnserved,
			func(v *victim) uuid.UUID { return v.eve.Booking }, false},
		{"a withdrawn booking at the head", func(v *victim) {
			v.add("lastServed", 2)
		}, verify.RuleUnserved, func(v *victim) uuid.UUID { return v.fay.Booking }, false},
		{"promoted out of order", func(v *victim) {
			v.edit(v.gus, "status", "CW", "promoted", moment(v.version+1))
			v.add("version", 1)
			v.add("confirmed", 1)
			v.add("waiting", -1)
			v.do("LREM", v.list, 1, id(v.gus))
		}, verify.RuleOvertaken, func(v *victim) uuid.UUID { return v.gus.Booking }, false},
		{"a newcomer confirmed while others wait", func(v *victim) {
			newcomer := v.book("ivy", 1)
			v.edit(newcomer, "status", "CC", "sequence", "", "position", "")
			v.add("confirmed", 1)
			v.add("waiting", -1)
			v.add("lastJoined", -1)
			v.do("RPOP", v.list)
			v.hal = newcomer
		}, verify.RuleOvertaken, func(v *victim) uuid.UUID { return v.hal.Booking }, true},

		{"promoted and not served", func(v *victim) {
			v.edit(v.gus, "status", "CW", "promoted", moment(v.version+1))
			v.add("version", 1)
		}, verify.RuleWaitlist + ": it was promoted with sequence number", func(v *victim) uuid.UUID { return v.gus.Booking }, false},

		{"list too short", func(v *victim) { v.do("RPOP", v.list) }, verify.RuleWaitlist + ": the list holds 5", nil, false},
		{"missing in the list", func(v *victim) { v.do("LREM", v.list, 1, id(v.ann2)) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.ann2.Booking }, false},
		{"last one missing in the list", func(v *victim) { v.do("RPOP", v.list) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.hal.Booking }, false},
		{"no such booking in the list", func(v *victim) { v.do("LSET", v.list, 2, shortID(v.nobody)) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.nobody }, false},
		{"no id in the list", func(v *victim) { v.do("RPUSH", v.list, "rubbish") },
			verify.RuleWaitlist + `: the list holds "rubbish"`, nil, false},
		{"one who never waited in the list", func(v *victim) { v.do("RPUSH", v.list, id(v.cyd)) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.cyd.Booking }, false},
		{"a promoted one in the list", func(v *victim) { v.do("RPUSH", v.list, id(v.dan)) },
			verify.RuleWaitlist + ": it is in the list, and was promoted", func(v *victim) uuid.UUID { return v.dan.Booking }, false},
		{"twice in the list", func(v *victim) { v.do("RPUSH", v.list, id(v.ann2)) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.ann2.Booking }, false},
		{"two changed places in the list", func(v *victim) {
			v.do("LSET", v.list, 2, id(v.gus))
			v.do("LSET", v.list, 5, id(v.ann2))
		}, verify.RuleWaitlist, func(v *victim) uuid.UUID { return v.ann2.Booking }, false},
		{"wrong entry among those served", func(v *victim) { v.do("LSET", v.list, 1, id(v.bob)) }, verify.RuleWaitlist + ": entry 1",
			func(v *victim) uuid.UUID { return v.bob.Booking }, false},
		{"wrong entry 0", func(v *victim) { v.do("LSET", v.list, 0, id(v.bob)) }, verify.RuleWaitlist,
			func(v *victim) uuid.UUID { return v.bob.Booking }, true},

		{"a withdrawn booking not in the set", func(v *victim) { v.do("ZREM", v.withdrawn, 4) }, verify.RuleWithdrawn,
			func(v *victim) uuid.UUID { return v.fay.Booking }, true},
		{"one who waits in the set", func(v *victim) { v.do("ZADD", v.withdrawn, 5, 5) }, verify.RuleWithdrawn,
			func(v *victim) uuid.UUID { return v.ann3.Booking }, true},
		{"one who was served in the set", func(v *victim) { v.do("ZADD", v.withdrawn, 1, 1) }, verify.RuleWithdrawn,
			func(v *victim) uuid.UUID { return v.dan.Booking }, true},
		{"a number that nobody has in the set", func(v *victim) { v.do("ZADD", v.withdrawn, 99, 99) }, verify.RuleWithdrawn, nil, true},
		{"a wrong score in the set", func(v *victim) { v.do("ZADD", v.withdrawn, 3, 4) },
			verify.RuleWithdrawn + ": the set holds \"4\" with", nil, false},
		{"no sentinel in the set", func(v *victim) { v.do("ZREM", v.withdrawn, "-") }, verify.RuleWithdrawn, nil, true},

		{"too few tickets of a user", func(v *victim) { v.set(layout.HoldingField("eve"), holding(1, v.eve, v.eve)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.eve.Booking }, true},
		{"wrong newest of a user", func(v *victim) { v.set(layout.HoldingField("ann"), holding(4, v.ann, v.ann2)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.ann.Booking }, true},
		{"a user without an entry", func(v *victim) { v.remove(layout.HoldingField("gus")) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.gus.Booking }, true},
		{"a user with nothing but an entry", func(v *victim) { v.set(layout.HoldingField("bob"), holding(2, v.bob, v.bob)) },
			verify.RuleUser, nil, true},
		{"a younger link wrong", func(v *victim) { v.set(layout.NewerField(short(v.ann)), id(v.ann3)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.ann.Booking }, true},
		{"an older link wrong", func(v *victim) { v.edit(v.ann3, "older", id(v.ann)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.ann3.Booking }, true},
		{"an older link missing", func(v *victim) { v.edit(v.ann2, "older", "") }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.ann2.Booking }, true},
		{"a link of a cancelled booking", func(v *victim) { v.set(layout.NewerField(short(v.bob)), id(v.ann)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.bob.Booking }, true},
		{"a younger link missing", func(v *victim) { v.remove(layout.NewerField(short(v.ann2))) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.ann2.Booking }, true},
		{"a link of no booking", func(v *victim) { v.set(layout.NewerField(layout.ShortIDOf(v.nobody)), id(v.ann)) }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.nobody }, true},
		{"a live booking out of its user's chain", func(v *victim) {
			v.remove(layout.NewerField(short(v.ann2)))
			v.set(layout.NewerField(short(v.ann)), id(v.ann3))
			v.edit(v.ann3, "older", id(v.ann))
			v.set(layout.HoldingField("ann"), holding(3, v.ann, v.ann3))
		}, verify.RuleUser, func(v *victim) uuid.UUID { return v.ann2.Booking }, false},

		{"the last entry of the log lost", func(v *victim) { v.do("RPOP", v.log) }, verify.RuleLog, nil, true},
		{"an entry of the log too many", func(v *victim) { v.do("RPUSH", v.log, id(v.hal)) }, verify.RuleLog, nil, true},
		{"an entry of the log that cannot be read", func(v *victim) { v.do("LSET", v.log, 3, "rubbish") }, verify.RuleLog, nil, true},
		{"the entry of another booking", func(v *victim) { v.do("LSET", v.log, v.gus.Version-1, id(v.fay)) }, verify.RuleLog,
			func(v *victim) uuid.UUID { return v.gus.Booking }, true},
		{"the entry of no booking", func(v *victim) { v.do("LSET", v.log, v.gus.Version-1, shortID(v.nobody)) }, verify.RuleLog,
			func(v *victim) uuid.UUID { return v.nobody }, true},
		{"entries of the log that changed places", func(v *victim) {
			v.do("LSET", v.log, v.ann.Version-1, id(v.bob))
			v.do("LSET", v.log, v.bob.Version-1, id(v.ann))
		}, verify.RuleLog, func(v *victim) uuid.UUID { return v.ann.Booking }, false},
		{"the entry of a cancellation that forgot whom it promoted", func(v *victim) {
			v.do("LSET", v.log, v.hal.Version, "X|1|"+id(v.bob)+"||")
		}, verify.RuleLog, func(v *victim) uuid.UUID { return v.bob.Booking }, true},
		{"the entry of a cancellation that promoted somebody else", func(v *victim) {
			v.do("LSET", v.log, v.hal.Version, "X|1|"+id(v.bob)+"|"+id(v.eve)+"|")
		}, verify.RuleLog, func(v *victim) uuid.UUID { return v.bob.Booking }, true},
		{"the entry of a change that no request made", func(v *victim) {
			v.do("LSET", v.log, v.gus.Version-1, `U|1|{"settings":{"total":5}}`)
		}, verify.RuleLog, func(v *victim) uuid.UUID { return v.gus.Booking }, true},
		{"the creation is not the first entry", func(v *victim) { v.do("LSET", v.log, 0, id(v.ann)) }, verify.RuleLog, nil, false},
		{"a booking lost", func(v *victim) { v.remove(id(v.cyd)) }, verify.RuleLog,
			func(v *victim) uuid.UUID { return v.cyd.Booking }, false},
		{"a booking lost, and its version", func(v *victim) { v.remove(id(v.cyd)) }, verify.RuleVersions, nil, false},

		{"a record that cannot be read", func(v *victim) { v.set(id(v.dan), "rubbish") }, verify.RuleRecord,
			func(v *victim) uuid.UUID { return v.dan.Booking }, false},
		{"a status that the versions deny", func(v *victim) { v.edit(v.eve, "status", "CW") }, verify.RuleRecord,
			func(v *victim) uuid.UUID { return v.eve.Booking }, true},
		{"cancelled before it was booked", func(v *victim) { v.edit(v.fay, "cancelled", moment(2)) }, verify.RuleRecord,
			func(v *victim) uuid.UUID { return v.fay.Booking }, false},
		{"quantity changed", func(v *victim) { v.edit(v.cyd, "quantity", 2) }, verify.RuleConfirmed, nil, false},
		{"a reduction that the record has forgotten", func(v *victim) {
			v.reduce("ann", v.ann.Booking, 1)
			v.reduce("eve", v.eve.Booking, 1)
			v.edit(v.ann, "quantity", 1)
		}, verify.RuleLog + ": its record has", func(v *victim) uuid.UUID { return v.ann.Booking }, false},
		{"a reduction that left other tickets", func(v *victim) {
			v.reduce("ann", v.ann.Booking, 1)
			v.do("LSET", v.log, v.version, "R|1|"+id(v.ann)+"|2||")
		}, verify.RuleLog + ": version", func(v *victim) uuid.UUID { return v.ann.Booking }, false},
		{"a reduction that is not in the log", func(v *victim) { v.edit(v.eve, "quantity", fmt.Sprintf("1/2@%d", v.version)) },
			verify.RuleLog, func(v *victim) uuid.UUID { return v.eve.Booking }, false},
		{"the entry of a reduction that promoted somebody", func(v *victim) {
			v.reduce("ann", v.ann.Booking, 1)
			v.do("LSET", v.log, v.version, "R|1|"+id(v.ann)+"|1|"+id(v.gus)+"|")
		}, verify.RuleLog, func(v *victim) uuid.UUID { return v.ann.Booking }, true},
		{"reduced before it was booked", func(v *victim) { v.edit(v.cyd, "quantity", "1/2@2") }, verify.RuleRecord,
			func(v *victim) uuid.UUID { return v.cyd.Booking }, false},
		{"user changed", func(v *victim) { v.edit(v.cyd, "user", "eve") }, verify.RuleUser,
			func(v *victim) uuid.UUID { return v.cyd.Booking }, false},
		{"position changed", func(v *victim) { v.edit(v.fay, "position", 3) }, verify.RuleSequence,
			func(v *victim) uuid.UUID { return v.fay.Booking }, true},
		{"sequence number changed", func(v *victim) { v.edit(v.hal, "sequence", 17) }, verify.RuleSequence,
			func(v *victim) uuid.UUID { return v.hal.Booking }, false},
		{"two bookings of one version", func(v *victim) { v.edit(v.cyd, "version", v.bob.Version) },
			verify.RuleVersions + ": it was changed at", nil, false},
		{"a change ahead of the event", func(v *victim) { v.edit(v.fay, "cancelled", moment(v.version+5)) }, verify.RuleVersions,
			func(v *victim) uuid.UUID { return v.fay.Booking }, false},
		{"version too high", func(v *victim) { v.add("version", 1) }, verify.RuleVersions, nil, false},
		{"version too low", func(v *victim) { v.add("version", -1) }, verify.RuleVersions, nil, false},

		{"a request to cancel that led to a live booking", func(v *victim) { v.set(layout.RequestField("request"), id(v.eve)) },
			verify.RuleCancellation, func(v *victim) uuid.UUID { return v.eve.Booking }, true},
		{"a request that led nowhere", func(v *victim) { v.set(layout.RequestField("request"), "rubbish") }, verify.RuleCancellation, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEmbeddedAndRedis(t, func(t *testing.T, s *store.Store) {
				v := newVictim(t, s)
				c.corrupt(v)
				booking := uuid.Nil
				if c.booking != nil {
					booking = c.booking(v)
				}
				found := breaches(t, s, store.EventNumber(v.event.Number))
				named := slices.ContainsFunc(found, func(b verify.Breach) bool {
					return strings.HasPrefix(string(b.Rule)+": "+b.Detail, string(c.finding)) && (b.Booking == booking || c.booking == nil && !c.alone)
				})
				if !named || c.alone && len(found) != 1 {
					t.Errorf("want %q of booking %s (alone: %v), found:", c.finding, booking, c.alone)
					for _, breach := range found {
						t.Error(breach)
					}
				}
			})
		})
	}
}
