package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// completedNote stands behind the number of a creation whose event was made, see
// complete.lua. The event was there before the note, and nothing deletes an event: so
// whoever reads the note first and the event second, and finds none, knows that it was
// lost, even while events are created.
const completedNote = "+"

// creation is one that was given a number, as the hash of event numbers has it.
type creation struct {
	id     shortID
	number uint64
}

// event is the id of the event that the creation made.
func (c creation) event() uuid.UUID { return newID(c.number, c.id) }

func compareCreations(a, b creation) int {
	return cmp.Or(cmp.Compare(a.number, b.number), slices.Compare(a.id[:], b.id[:]))
}

// ofNumber returns those of some creations, in order, that were given a number.
func ofNumber(creations []creation, number uint64) []creation {
	byNumber := func(c creation, number uint64) int { return cmp.Compare(c.number, number) }
	first, _ := slices.BinarySearchFunc(creations, number, byNumber)
	after, _ := slices.BinarySearchFunc(creations, number+1, byNumber)
	return creations[first:after]
}

// reportLost reports the events of completed creations of one number, but for the one
// that has the number, if any does. It returns how many these are.
func reportLost(completed []creation, present uuid.UUID, report func(Breach)) (lost int) {
	for _, c := range completed {
		if c.event() != present {
			report(Breach{Event: c.number, Rule: RuleLost, Detail: fmt.Sprintf(
				"its creation was completed (%s in the hash %s), and there is no event %s", c.id, eventsKey, c.event())})
			lost++
		}
	}
	return lost
}

// verifyMissing tells whether an event that was not found was lost.
func (s *Store) verifyMissing(ctx context.Context, event EventRef, report func(Breach)) (Verification, error) {
	given := false
	var completed []creation
	err := s.scanCreations(ctx, func(name, value string) {
		c, complete, ok := parseCreation(name, value)
		if !ok || c.number != event.number || event.uuid != "" && event.uuid != c.event().String() {
			return
		}
		given = true
		if complete && !slices.Contains(completed, c) { // a scan may return a field twice
			completed = append(completed, c)
		}
	})
	if err != nil {
		return Verification{}, err
	}
	if len(completed) == 0 {
		if given {
			return Verification{}, fmt.Errorf("%w: the creation that was given its number was never completed", ErrEventNotFound)
		}
		return Verification{}, ErrEventNotFound
	}
	// It may have been created after it was looked for, and before the scan.
	result, err := s.verifyEvent(ctx, event, report)
	if !errors.Is(err, ErrEventNotFound) {
		return result, err
	}
	return Verification{Number: event.number, Lost: true, Breaches: reportLost(completed, uuid.Nil, report)}, nil
}

// scanCreations calls take with each creation and its number, as they are in Redis. Those
// that are given a number meanwhile may be left out.
func (s *Store) scanCreations(ctx context.Context, take func(name, value string)) error {
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		var fields []string
		var next uint64
		err := s.withRetry(ctx, "event numbers", func(ctx context.Context) (err error) {
			fields, next, err = s.client.HScan(ctx, eventsKey, cursor, "", scanStep).Result()
			return err
		})
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(fields); i += 2 {
			if fields[i] != "last" && fields[i] != markField {
				take(fields[i], fields[i+1])
			}
		}
		cursor = next
	}
	return nil
}

// parseCreation reads a field of the hash of event numbers. Where ok is false, the number
// is that of an event all the same, or 0.
func parseCreation(name, value string) (c creation, completed, ok bool) {
	value, completed = strings.CutSuffix(value, completedNote)
	number, valid := eventNumber(value)
	c.number = number
	id, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil || len(id) != shortIDBytes || !valid {
		return c, false, false
	}
	c.id = shortID(id)
	return c, completed, true
}
