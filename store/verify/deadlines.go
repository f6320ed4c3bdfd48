package verify

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// checkDeadlines checks that the set of deadlines holds exactly the bookings that end at one, with
// the deadlines of their records, and that the event knows the first. The set is read in parts, and
// what does not fit is read again with the record, at one instant.
func (in *inspection) checkDeadlines(ctx context.Context) error {
	listed, err := in.listDeadlines(ctx)
	if err != nil {
		return err
	}
	var doubtful []layout.ShortID
	for i := range in.bookings {
		b := in.booking(i)
		deadline, inSet := listed[b.id]
		if ends := b.at(forever).Ends(); b.known && (ends != inSet || ends && deadline != b.past.ExpiresAt) {
			doubtful = append(doubtful, b.id)
		}
		delete(listed, b.id)
	}
	for id := range listed { // booked after the scan, or not at all
		doubtful = append(doubtful, id)
	}
	for chunk := range slices.Chunk(doubtful, readStep) {
		if err := in.settleDeadlines(ctx, chunk); err != nil {
			return err
		}
	}
	return in.checkFirstDeadline(ctx)
}

// listDeadlines reads the set of deadlines.
func (in *inspection) listDeadlines(ctx context.Context) (map[layout.ShortID]layout.Millis, error) {
	listed := map[layout.ShortID]layout.Millis{}
	sentinel := false
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var members []string
		err := in.read(ctx, "deadlines", func(ctx context.Context, client redis.UniversalClient) (err error) {
			members, cursor, err = client.ZScan(ctx, in.keys.Deadlines(in.number), cursor, "", scanStep).Result()
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := 0; i+1 < len(members); i += 2 {
			score, err := strconv.ParseFloat(members[i+1], 64)
			id := layout.ParseShortID(members[i])
			switch {
			case layout.IsDeadlinesSentinel(members[i], score):
				sentinel = true
			case err != nil || id == layout.InvalidShortID || id == (layout.ShortID{}):
				in.breachf(nil, RuleDeadlines, "the set holds %q, which is no booking's id", members[i])
			default:
				listed[id] = layout.Millis(score)
			}
		}
	}
	if !sentinel {
		in.breachf(nil, RuleDeadlines, "the entry %q at infinity, which keeps the set alive, is missing", layout.Sentinel)
	}
	return listed, nil
}

// settleDeadlines compares deadlines in the set with those of the records, at one instant.
func (in *inspection) settleDeadlines(ctx context.Context, ids []layout.ShortID) error {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	var records *redis.SliceCmd
	var scores *redis.FloatSliceCmd
	err := in.readSnapshot(ctx, "deadlines again", func(ctx context.Context, tx redis.Pipeliner) {
		records = tx.HMGet(ctx, in.keys.Event(in.number), names...)
		scores = tx.ZMScore(ctx, in.keys.Deadlines(in.number), names...)
	})
	if err != nil {
		return err
	}
	for i, id := range ids {
		text, _ := records.Val()[i].(string)
		record, err := layout.ParseRecord(text)
		deadline := layout.Millis(scores.Val()[i])
		switch known := &(copied{id: id}); {
		case text == "" && deadline != 0:
			in.breachf(known, RuleDeadlines, "it is in the set of deadlines, and there is no such booking")
		case err != nil: // that is reported already, or there is neither
		case record.Status.Ends() && deadline != record.ExpiresAt:
			in.breachf(known, RuleDeadlines, "its deadline is %d in its record, and %d in the set", record.ExpiresAt, deadline)
		case !record.Status.Ends() && deadline != 0:
			in.breachf(known, RuleDeadlines, "it is %s, and in the set of deadlines", record.Status)
		}
	}
	return nil
}

// checkFirstDeadline compares the first deadline of the set with that of the counters.
func (in *inspection) checkFirstDeadline(ctx context.Context) error {
	var read *redis.StringCmd
	var first *redis.ZSliceCmd
	err := in.readSnapshot(ctx, "first deadline", func(ctx context.Context, tx redis.Pipeliner) {
		read = tx.HGet(ctx, in.keys.Event(in.number), layout.CountersField)
		first = tx.ZRangeByScoreWithScores(ctx, in.keys.Deadlines(in.number), &redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: 1})
	})
	if err != nil {
		return err
	}
	counters, err := layout.ParseCounters(read.Val())
	if err != nil {
		return err
	}
	want := layout.Millis(0)
	if len(first.Val()) > 0 && !math.IsInf(first.Val()[0].Score, 1) {
		want = layout.Millis(first.Val()[0].Score)
	}
	if counters.Deadline != want {
		in.breachf(nil, RuleDeadlines, "the first deadline is %d, the event says %d", want, counters.Deadline)
	}
	return nil
}
