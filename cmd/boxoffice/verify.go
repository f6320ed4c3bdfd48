package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"

	"boxoffice/store"
)

const verifyUsage = `
boxoffice verify [EVENT] checks the data in Redis, with the same settings: it recomputes
every counter from the bookings, and matches every list entry. EVENT is a number or a
UUID; without it, all events are checked. The service may go on meanwhile. Each breach
is a line on standard output that names the booking and the rule; the exit code is 1 if
there is one, or if an event could not be checked. A number that was given and has no
event is told in a note: a creation that never finished leaves one, a lost event too.
`

// verify checks one event, or all of them, and writes what it finds. It returns an
// error if anything is wrong.
func verify(ctx context.Context, c config, args []string, output, logs io.Writer) error {
	if len(args) > 1 {
		return fmt.Errorf("unknown argument %q; see boxoffice -h", args[1])
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
	if c.RedisHost == "" && len(c.RedisAddrs) == 0 {
		return errors.New("verify needs REDIS_HOST or REDIS_ADDRS: the embedded engine lives in the process that serves")
	}
	s, err := openStore(ctx, c, log, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(); err != nil {
			log.WithError(err).Warn("closing the store")
		}
	}()

	var events, bookings, breaches, failed int
	report := func(breach store.Breach) { fmt.Fprintln(output, breach) }
	done := func(result store.Verification, err error) {
		if err != nil {
			failed++
			what := "all events"
			if result.Number > 0 {
				what = fmt.Sprintf("event %d", result.Number)
			}
			fmt.Fprintf(output, "%s: not verified: %v\n", what, err)
			return
		}
		events++
		bookings += result.Bookings
		breaches += result.Breaches
	}
	if len(args) == 0 {
		var numbers store.Numbers
		numbers, err = s.VerifyAll(ctx, report, done)
		breaches += numbers.Breaches
		if len(numbers.Missing) > 0 {
			fmt.Fprintf(output, "note: numbers that were given and have no event: %d (%s): their creation never finished, or they were lost\n",
				len(numbers.Missing), numbers.Missing)
		}
		if err == nil && numbers.Given == 0 && events+failed == 0 {
			fmt.Fprintln(output, "note: there are no events at all, no number was ever given")
		}
	} else {
		var result store.Verification
		if result, err = s.Verify(ctx, one, report); errors.Is(err, store.ErrEventNotFound) {
			return err
		}
		done(result, err)
		err = nil
	}
	fmt.Fprintf(output, "events verified: %d, bookings: %d, breaches: %d, events not verified: %d\n",
		events, bookings, breaches, failed)
	switch {
	case err != nil:
		return fmt.Errorf("verify ended early: %w", err)
	case breaches > 0:
		return fmt.Errorf("verify found breaches: %d", breaches)
	case failed > 0:
		return fmt.Errorf("verify could not check every event: %d", failed)
	}
	return nil
}

// parseEvent reads the number or the UUID of an event.
func parseEvent(text string) (store.EventRef, error) {
	if number, err := strconv.ParseUint(text, 10, 64); err == nil {
		return store.EventNumber(number), nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return store.EventRef{}, fmt.Errorf("%q is neither the number nor the UUID of an event", text)
	}
	return store.EventUUID(id), nil
}
