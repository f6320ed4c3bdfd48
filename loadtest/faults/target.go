package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
	"boxoffice/store/model"
)

// target is what clients talk to. An attempt that comes back not Answered may have
// happened or not.
type target interface {
	do(ctx context.Context, call history.Call) history.Attempt
}

// directly calls the store in this process.
type directly struct{ store *store.Store }

const (
	openTimeout = 30 * time.Second
	expiryGrace = time.Minute // as the service has it
)

// openStore opens a store that works as an instance of the service does, until it is closed.
func openStore(ctx context.Context, config store.Config) (*store.Store, error) {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	books, err := store.Open(opening, config)
	if err == nil {
		go books.Work(context.WithoutCancel(ctx), expiryGrace)
	}
	return books, err
}

// An error that is neither a refusal nor an outage is kept as a refusal that no model
// agrees with.
func (d directly) do(ctx context.Context, call history.Call) history.Attempt {
	attempt := history.Attempt{Call: call}
	event := store.EventNumber(call.Event)
	var err error
	switch call.Verb {
	case history.Book:
		var result store.BookResult
		result, err = d.store.Book(ctx, store.BookRequest{
			Event: event, User: call.User, Quantity: call.Quantity, IdempotencyKey: call.Key,
		})
		attempt.First = err == nil && !result.Replayed
		attempt.Answer = model.Answer{
			Booking: result.Booking, Version: result.Version, Status: result.Status, Position: result.Position,
		}
	case history.Cancel:
		var result store.CancelResult
		result, err = d.store.Cancel(ctx, store.CancelRequest{Booking: call.Booking, User: call.User})
		attempt.First = err == nil && !result.Replayed
		attempt.Answer = freed(result.Booking, result.Version, result.Promoted)
	case history.CancelOldest:
		var result store.CancelResult
		result, err = d.store.CancelOldest(ctx, store.CancelOldestRequest{
			Event: event, User: call.User, IdempotencyKey: call.Key,
		})
		attempt.First = err == nil && !result.Replayed
		attempt.Answer = freed(result.Booking, result.Version, result.Promoted)
	case history.Reduce:
		var result store.ReduceResult
		result, err = d.store.Reduce(ctx, store.ReduceRequest{Booking: call.Booking, User: call.User, Quantity: call.Quantity})
		attempt.First = err == nil && !result.Replayed
		attempt.Answer = freed(call.Booking, result.Version, result.Promoted)
	case history.SetTotal:
		_, err = d.store.Update(ctx, store.UpdateRequest{Event: event, SettingsChange: store.SettingsChange{TotalTickets: &call.Total}})
	case history.Status:
		var now store.Event
		now, err = d.store.Event(ctx, event)
		attempt.Counts = model.Counts{Version: now.Version, Total: now.TotalTickets, Confirmed: now.Confirmed, Waiting: now.Waiting}
	case history.List:
		attempt.List, err = d.list(ctx, event)
	}
	attempt.Answered = !errors.Is(err, store.ErrUnavailable)
	if err != nil {
		attempt.Answer = model.Answer{Refusal: err}
	}
	return attempt
}

// freed is the answer to a change that gave tickets back.
func freed(booking uuid.UUID, version int64, promoted []store.Promotion) model.Answer {
	answer := model.Answer{Booking: booking, Version: version, Promoted: int64(len(promoted))}
	if len(promoted) > 0 {
		answer.Next = promoted[0].Booking
	}
	return answer
}

// list reads all bookings, oldest first, without what the model does not have. Nobody
// must book meanwhile.
func (d directly) list(ctx context.Context, event store.EventRef) ([]store.Booking, error) {
	const limit = 500
	var list []store.Booking
	seen := map[[16]byte]bool{}
	for cursor := ""; ; {
		page, err := d.store.Bookings(ctx, store.BookingsRequest{Event: event, Cursor: cursor, Limit: limit})
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Bookings {
			if entry.Err != nil {
				return nil, entry.Err
			}
			booking := entry.Booking
			booking.CreatedAt, booking.Event, booking.EventNumber = time.Time{}, [16]byte{}, 0
			booking.Promoted.At, booking.Cancelled.At = 0, 0
			list = append(list, booking)
			if seen[booking.ID] { // a chain that ends in itself would never end
				page.Next = ""
				break
			}
			seen[booking.ID] = true
		}
		if cursor = page.Next; cursor == "" {
			slices.Reverse(list)
			return list, nil
		}
	}
}
