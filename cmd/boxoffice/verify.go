package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"boxoffice/store"
	"boxoffice/store/verify"
)

const verifyUsage = `
boxoffice verify [-textfile FILE] [EVENT] checks the data in Redis, with the same
settings. It recomputes every counter from the bookings, and matches every list entry. EVENT is a
number or a UUID; without it, all events are checked. The service can keep running. Each breach is
a line on standard output that names the booking and the rule. The exit code is 1 if there is a
breach, or if an event could not be checked. An event that was created and no longer exists is a
breach: it was lost. A number whose creation was never completed is only a note. -textfile writes
how many breaches there were to a file (NAME.prom) that the textfile collector of Prometheus's
node_exporter reads; for all events only.
`

// verifyStartTimeout is how long to wait for Redis, unless REDIS_START_TIMEOUT says.
const verifyStartTimeout = 30 * time.Second

// runVerify checks one event, or all of them, and writes what it finds. It returns an
// error if anything is wrong.
func runVerify(ctx context.Context, c config, textfile string, args []string, output, logs io.Writer) error {
	if len(args) > 1 {
		return fmt.Errorf("unknown argument %q; see boxoffice -h", args[1])
	}
	if textfile != "" && len(args) > 0 {
		return errors.New("-textfile is for a run over all events: what it says of one would pass for all")
	}
	var one store.EventRef
	if len(args) == 1 {
		var err error
		if one, err = parseEvent(args[0]); err != nil {
			return err
		}
	}
	log, err := newLogger(c, logs)
	if err != nil {
		return err
	}
	if c.isEmbedded() {
		return errors.New("verify needs " + redisSettings + ": the data of the embedded engine is in the process that serves")
	}
	if c.RedisStartTimeout == 0 {
		c.RedisStartTimeout = verifyStartTimeout
	}
	s, err := openStore(ctx, c, c.RedisStartTimeout, log, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(); err != nil {
			log.WithError(err).Warn("could not close the store")
		}
	}()

	if err := checkStoreID(ctx, s, c.RedisStoreID); err != nil {
		return err
	}
	found, err := verifyStore(ctx, s, one, len(args) == 0, output)
	if textfile == "" || errors.Is(err, errEndedEarly) {
		return err
	}
	return errors.Join(err, found.writeTextfile(textfile))
}

// checkStoreID returns an error if the data is not that of the id; an empty one is any data's.
func checkStoreID(ctx context.Context, s *store.Store, id string) error {
	if id == "" {
		return nil
	}
	s.Identify(ctx, id)
	for _, condition := range s.Health(ctx).Conditions {
		if condition.Kind == store.OtherStore || condition.Kind == store.ForeignKey {
			return fmt.Errorf("%s: %s", condition.Kind, condition.Detail)
		}
	}
	return nil
}

var errEndedEarly = errors.New("verify ended early")

// verifyStore checks one event, or all.
func verifyStore(ctx context.Context, s *store.Store, one store.EventRef, all bool, output io.Writer) (*findings, error) {
	found := &findings{output: output}
	var ended error // before everything was checked
	if all {
		var numbers verify.Numbers
		numbers, ended = s.Verifier().All(ctx, found.breach, found.event)
		found.breaches += numbers.Breaches
		if len(numbers.Missing) > 0 {
			fmt.Fprintf(output, "note: numbers without an event, whose creation was never completed: %d (%s)\n",
				len(numbers.Missing), numbers.Missing)
		}
		if ended == nil && numbers.Given == 0 && found.events+found.failed == 0 {
			fmt.Fprintln(output, "note: there are no events, and no number was ever given")
		}
	} else {
		result, err := s.Verifier().Event(ctx, one, found.breach)
		if errors.Is(err, store.ErrEventNotFound) {
			return found, err
		}
		found.event(result, err)
	}
	fmt.Fprintf(output, "events verified: %d, bookings: %d, breaches: %d, events not verified: %d\n",
		found.events, found.bookings, found.breaches, found.failed)
	switch {
	case ended != nil:
		return found, fmt.Errorf("%w: %w", errEndedEarly, ended)
	case found.breaches > 0:
		return found, fmt.Errorf("breaches found: %d", found.breaches)
	case found.failed > 0:
		return found, fmt.Errorf("events that could not be verified: %d", found.failed)
	}
	return found, nil
}

// findings counts what was found, and writes it.
type findings struct {
	output                             io.Writer
	events, bookings, breaches, failed int
}

// writeTextfile writes what was found as metrics, in one step: a reader never sees half of it.
func (f *findings) writeTextfile(name string) error {
	registry := prometheus.NewRegistry()
	for _, one := range []struct {
		name, help string
		value      float64
	}{
		{"verify_breaches", "Breaches that the last boxoffice verify found.", float64(f.breaches)},
		{"verify_unverified_events", "Events that the last boxoffice verify could not check.", float64(f.failed)},
		{"verify_finished_timestamp_seconds", "When the last boxoffice verify came to its end.", float64(time.Now().Unix())},
	} {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: one.name, Help: one.help})
		gauge.Set(one.value)
		registry.MustRegister(gauge)
	}
	return prometheus.WriteToTextfile(name, registry)
}

func (f *findings) breach(breach verify.Breach) { fmt.Fprintln(f.output, breach) }

// event takes the result of one event; err says why it could not be checked.
func (f *findings) event(result verify.Result, err error) {
	if err != nil {
		f.failed++
		what := "all events"
		if result.Event > 0 {
			what = fmt.Sprintf("event %d", result.Event)
		}
		fmt.Fprintf(f.output, "%s: not verified: %v\n", what, err)
		return
	}
	if !result.Lost {
		f.events++
	}
	f.bookings += result.Bookings
	f.breaches += result.Breaches
}

// parseEvent reads the number or the UUID of an event.
func parseEvent(text string) (store.EventRef, error) {
	if number, err := strconv.ParseUint(text, 10, 64); err == nil {
		return store.EventNumber(number), nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return store.EventRef{}, fmt.Errorf("%q is not the number or the UUID of an event", text)
	}
	return store.EventUUID(id), nil
}
