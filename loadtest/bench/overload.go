package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
	"boxoffice/store/redistest"
)

// How many requests the service works on at once, and so how many connections drive it
// to its ceiling.
const (
	slowInFlight  = 16   // where Redis is slow
	usualInFlight = 4096 // the default
)

// Redis answers late, as one that is busy or far away, so that the bound is what limits the
// service. Else the generator, which shares the processors, would fall behind before
// it sent three times as much, and to refuse would take the time of those who are accepted.
const (
	redisRuns  = time.Millisecond
	redisRests = 4 * time.Millisecond
)

// slowDown lets a Redis run for a part of the time only, until stop is called.
func slowDown(redis *redistest.Server) (stop func()) {
	done := make(chan struct{})
	var toggling sync.WaitGroup
	toggling.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			_ = redis.Pause()
			time.Sleep(redisRests)
			_ = redis.Continue()
			time.Sleep(redisRuns)
		}
	})
	return func() {
		close(done)
		toggling.Wait()
	}
}

func refused(entry *load.Entry) bool { return entry.Reason.String() == "overloaded" }

// patient books as clients.md asks for: a client that is refused waits a second and some more, as
// Retry-After says, before it sends again.
type patient struct{ booker }

func (patient) Answered(entry *load.Entry) {
	if refused(entry) {
		time.Sleep(time.Second + rand.N(time.Second/2))
	}
}

// accepted is what came of the accepted requests of one load.
type accepted struct {
	p99     float64 // milliseconds from the sending
	rate    float64 // accepted, a second
	refused float64 // share of all
}

// accepted sends bookings at a rate, or as fast as they are answered if it is 0.
func (s *server) accepted(ctx context.Context, connections int, source load.Source, span load.Span) (accepted, error) {
	g := s.generator(connections)
	defer g.Close()
	g.Run(ctx, source, load.Span{Duration: span.Duration / 4, Rate: span.Rate})
	ledger := g.Run(ctx, source, span)
	var times []int64
	first, last := int64(math.MaxInt64), int64(0)
	all := 0
	for entry := range ledger.All {
		all++
		first, last = min(first, entry.Sent), max(last, entry.Done)
		switch {
		case entry.Outcome == service.Confirmed:
			times = append(times, entry.Done-entry.Sent)
		case !refused(entry):
			return accepted{}, fmt.Errorf("a booking was %s: %s", entry.Outcome, entry.Reason)
		}
	}
	if len(times) == 0 {
		return accepted{}, errors.New("nothing was accepted")
	}
	slices.Sort(times)
	return accepted{
		p99:     float64(times[len(times)*99/100]) / 1e6,
		rate:    float64(len(times)) / time.Duration(last-first).Seconds(),
		refused: float64(all-len(times)) / float64(all),
	}, ctx.Err()
}

// overload measures what three times the ceiling's load does to those who are accepted,
// with the bound on requests in flight and without it, and what it costs a crowd.
func (b *bench) overload(ctx context.Context) error {
	return errors.Join(b.overRate(ctx), b.overCrowd(ctx), b.crowds(ctx))
}

// bounded starts a service with this bound, and one without any.
func bounded(ctx context.Context, most int) (with, without *server, err error) {
	if with, err = startService(ctx, "everysec", fmt.Sprintf("MAX_IN_FLIGHT=%d", most)); err != nil {
		return nil, nil, err
	}
	if without, err = startService(ctx, "everysec", "MAX_IN_FLIGHT=0"); err != nil {
		with.stop()
	}
	return with, without, err
}

// overRate sends requests at three times the rate that the service can do, whatever
// becomes of those before. Redis is what limits it, as where many instances share one.
func (b *bench) overRate(ctx context.Context) error {
	with, without, err := bounded(ctx, slowInFlight)
	if err != nil {
		return err
	}
	defer with.stop()
	defer without.stop()
	var at, over, unbounded accepted
	measure := func(into *accepted, s *server, connections int, rate func() float64) func() (float64, error) {
		return func() (_ float64, err error) {
			defer slowDown(s.redis)()
			*into, err = s.accepted(ctx, connections, booker{s.event, &s.users}, load.Span{Duration: b.span, Rate: rate()})
			return into.p99, err
		}
	}
	closed := func() float64 { return 0 } // as fast as they are answered
	thrice := func() float64 { return 3 * at.rate }
	medians, err := rounds(b.rounds,
		measure(&at, with, slowInFlight, closed),
		measure(&over, with, 16*slowInFlight, thrice), measure(&unbounded, without, 16*slowInFlight, thrice))
	if err != nil {
		return err
	}
	b.add(figure{"p99 of the accepted at 3 times the rate / at the ceiling", medians[1] / medians[0], "x", 2, false,
		fmt.Sprintf("%d in flight at most, slow Redis: %.1f ms, last run %.0f/s; "+
			"three times that: %.1f ms, %.0f/s, %.0f %% refused; without a bound %.1f ms",
			slowInFlight, medians[0], at.rate, medians[1], over.rate, 100*over.refused, medians[2])})
	return nil
}

// overCrowd sends as fast as it is answered, over three times as many connections as the
// service has requests in flight at most: the processors, which the generator shares, are
// the limit.
func (b *bench) overCrowd(ctx context.Context) error {
	with, without, err := bounded(ctx, usualInFlight)
	if err != nil {
		return err
	}
	defer with.stop()
	defer without.stop()
	var at, heeding, unbounded, resending accepted
	measure := func(into *accepted, s *server, connections int, source load.Source) func() (float64, error) {
		return func() (_ float64, err error) {
			*into, err = s.accepted(ctx, connections, source, load.Span{Duration: b.span})
			return into.p99, err
		}
	}
	heeds, resends := patient{booker{with.event, &with.users}}, booker{with.event, &with.users}
	medians, err := rounds(b.rounds,
		measure(&at, with, usualInFlight, heeds), measure(&heeding, with, 3*usualInFlight, heeds),
		measure(&unbounded, without, 3*usualInFlight, booker{without.event, &without.users}),
		measure(&resending, with, 3*usualInFlight, resends))
	if err != nil {
		return err
	}
	b.add(figure{"p99 of the accepted with 3 times the clients / at the ceiling", medians[1] / medians[0], "x", 2, false,
		fmt.Sprintf("%d clients: %.1f ms, last run %.0f/s; three times as many that heed Retry-After: %.1f ms, %.0f/s; "+
			"without a bound %.1f ms, %.0f/s; that send again at once: %.1f ms, %.0f/s",
			usualInFlight, medians[0], at.rate, medians[1], heeding.rate, medians[2], unbounded.rate, medians[3], resending.rate)})
	return nil
}

// crowds measures how many bookings a second are accepted from crowds of several sizes,
// each of which sends again as soon as it is answered, with the default bound and with the
// one that was the default before.
func (b *bench) crowds(ctx context.Context) error {
	const formerPlaces = 256
	usual, without, err := bounded(ctx, usualInFlight)
	if err != nil {
		return err
	}
	defer usual.stop()
	defer without.stop()
	former, err := startService(ctx, "everysec", fmt.Sprintf("MAX_IN_FLIGHT=%d", formerPlaces))
	if err != nil {
		return err
	}
	defer former.stop()
	for _, connections := range []int{busyConnections, 1000, 4000} {
		var last [3]accepted
		var runs []func() (float64, error)
		for i, s := range []*server{usual, without, former} {
			runs = append(runs, func() (_ float64, err error) {
				last[i], err = s.accepted(ctx, connections, booker{s.event, &s.users}, load.Span{Duration: b.span})
				return last[i].rate, err
			})
		}
		medians, err := rounds(b.rounds, runs...)
		if err != nil {
			return err
		}
		b.add(figure{fmt.Sprintf("accepted from %d connections / without a bound", connections), medians[0] / medians[1], "x", 0.8, true,
			fmt.Sprintf("%.0f/s, %.0f %% refused, p99 %.0f ms; without a bound %.0f/s, p99 %.0f ms; bound of %d: %.0f/s, %.0f %% refused",
				medians[0], 100*last[0].refused, last[0].p99, medians[1], last[1].p99, formerPlaces, medians[2], 100*last[2].refused)})
	}
	return nil
}
