package verify

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/layout"
)

// checkWithdrawn checks that the set of withdrawn bookings holds exactly the sequence
// numbers of those that were cancelled while they waited and have not been passed over
// yet. The set is read in order of the numbers, a part at an instant, and compared with
// the bookings as of that instant.
func (in *inspection) checkWithdrawn(ctx context.Context) error {
	var next float64 // all sequence numbers up to this one are done
	sentinel := false
	for from, more := "-inf", true; more; {
		var counters *redis.StringCmd
		var set *redis.ZSliceCmd
		err := in.readSnapshot(ctx, "withdrawn", func(ctx context.Context, tx redis.Pipeliner) {
			counters = tx.HGet(ctx, in.keys.Event(in.number), layout.CountersField)
			set = tx.ZRangeByScoreWithScores(ctx, in.keys.Withdrawn(in.number),
				&redis.ZRangeBy{Min: from, Max: "+inf", Count: readStep})
		})
		if err != nil {
			return err
		}
		part := withdrawnPart{after: next, upTo: math.Inf(1)}
		if part.Counters, err = layout.ParseCounters(counters.Val()); err != nil {
			return err
		}
		part.members = slices.DeleteFunc(set.Val(), func(m redis.Z) bool {
			isSentinel := layout.IsWithdrawnSentinel(m.Member, m.Score)
			sentinel = sentinel || isSentinel
			return isSentinel
		})
		if more = len(set.Val()) == readStep; more {
			part.upTo = set.Val()[readStep-1].Score
			from = "(" + strconv.FormatFloat(part.upTo, 'f', -1, 64)
			next = part.upTo
		}
		if err := in.checkWithdrawnPart(ctx, part); err != nil {
			return err
		}
	}
	if !sentinel {
		in.breachf(nil, RuleWithdrawn, "the entry %q with score 0, which keeps the set alive, is missing", layout.Sentinel)
	}
	return nil
}

// withdrawnPart is what the set holds beyond one sequence number up to another, at an instant.
type withdrawnPart struct {
	layout.Counters
	after, upTo float64
	members     []redis.Z
}

func (in *inspection) checkWithdrawnPart(ctx context.Context, part withdrawnPart) error {
	listed := map[int64]bool{}
	var doubtful []*copied
	for _, m := range part.members {
		number, err := layout.ParseWithdrawn(m.Member, m.Score)
		if err != nil {
			in.breachf(nil, RuleWithdrawn, "the set holds %v", err)
			continue
		}
		listed[number] = true
		b := in.withSequence(number)
		switch {
		case number > part.LastJoined, b == nil && number <= in.start.LastJoined:
			in.breachf(nil, RuleWithdrawn, "the set holds sequence number %d, which no booking has", number)
		case b == nil: // it joined after the start
		case number <= part.LastServed:
			in.breachf(b, RuleWithdrawn, "the set still holds its sequence number %d, and the list was served up to %d", number, part.LastServed)
		case !b.withdrawn(part.Version):
			doubtful = append(doubtful, b)
		}
	}
	// It may have been cancelled after its record was read.
	if err := in.reread(ctx, doubtful); err != nil {
		return err
	}
	for _, b := range doubtful {
		if !b.withdrawn(part.Version) {
			in.breachf(b, RuleWithdrawn, "the set holds its sequence number %d, and it was not cancelled while it waited", b.sequence)
		}
	}
	in.checkAllListed(part, listed)
	return nil
}

// withSequence returns the booking that has a sequence number, or nil.
func (in *inspection) withSequence(number int64) *copied {
	if i := in.firstBeyond(number - 1); i < len(in.waitlist) && int64(in.booking(in.waitlist[i]).sequence) == number {
		return in.booking(in.waitlist[i])
	}
	return nil
}

// checkAllListed checks that the set holds all sequence numbers of its part that it should.
func (in *inspection) checkAllListed(part withdrawnPart, listed map[int64]bool) {
	done := int64(min(max(part.after, 0), math.MaxUint32))
	for _, i := range in.waitlist[in.firstBeyond(max(part.LastServed, done)):] {
		b := in.booking(i)
		if float64(b.sequence) > part.upTo {
			break
		}
		if b.withdrawn(part.Version) && !listed[int64(b.sequence)] {
			in.breachf(b, RuleWithdrawn, "it was cancelled while it waited, and the set does not hold its sequence number %d", b.sequence)
		}
	}
}
