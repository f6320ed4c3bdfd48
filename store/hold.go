package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"boxoffice/store/conn"
	"boxoffice/store/layout"
)

// HoldRequest asks for tickets to be set aside.
type HoldRequest struct {
	Event          EventRef
	User           string
	Quantity       int64  // tickets, all or nothing
	Seconds        int64  // how long; 0 = the event's HoldSeconds, which are the most
	Reference      string // the shop's own text; may be empty
	IdempotencyKey string // the same key of the same user and event holds once; may be empty
}

// HoldResult is the answer to the first request of its kind. If the error is ErrSoldOut, it says
// when tickets may become available.
type HoldResult struct {
	Booking   uuid.UUID
	Version   int64 // of the event
	ExpiresAt time.Time
	ExpiresIn time.Duration // from now, by Redis's clock; not negative
	Replayed  bool          // the same request held tickets before
	Current   Status        // where the hold stands now, if Replayed; else empty

	HeldTickets int64         // with ErrSoldOut: of all holds and offers
	NextRelease time.Duration // with ErrSoldOut: until the first of them ends; 0 if there are none
}

// Hold sets tickets aside until a deadline, if they are available and nobody waits. Confirm makes
// them the user's, Cancel gives them back, and at the deadline they go back by themselves.
//
// Errors: ErrEventNotFound, ErrEventPaused, ErrEventClosed, ErrSaleNotStarted, ErrSaleEnded,
// ErrHoldsOff, ErrHoldLimit, ErrUserLimit, ErrOverCapacity, ErrQuantityLimit, ErrSoldOut,
// ErrIdempotencyMismatch, ErrStorageFull, ErrUnavailable.
func (s *Store) Hold(ctx context.Context, request HoldRequest) (HoldResult, error) {
	number := request.Event.Number()
	if number == 0 {
		return HoldResult{}, ErrEventNotFound
	}
	s.register(ctx, number)
	// The same key must not book and hold, so both derive the same id.
	booking := layout.NewID(number, layout.ShortIDFor(request.IdempotencyKey, "booking", numberText(number), request.User))
	r, err := s.callEvent(ctx, number, conn.Call{
		Script: holdScript,
		Keys:   []string{s.keys.Event(number), s.keys.Log(number), s.keys.Deadlines(number)},
		Args: []any{
			request.Event.UUID(), layout.ShortIDOf(booking).String(), request.User, request.Quantity,
			request.Seconds, layout.EncodeReference(request.Reference),
		},
	})
	if err != nil && !errors.Is(err, ErrSoldOut) {
		return HoldResult{}, err
	}
	result := HoldResult{Booking: booking, Version: r.Integer()}
	expiresAt, now := layout.Millis(r.Integer()), layout.Millis(r.Integer())
	result.Replayed, result.Current = r.Flag(), Status(r.Text())
	held, next := r.Integer(), layout.Millis(r.Integer())
	if wrong := r.End(string(StatusHeld), "sold_out"); wrong != nil {
		return HoldResult{}, wrong
	}
	if err != nil {
		return HoldResult{HeldTickets: held, NextRelease: between(now, next)}, err
	}
	result.ExpiresAt, result.ExpiresIn = expiresAt.Time(), between(now, expiresAt)
	s.noteDeadline(number, result.ExpiresIn)
	return result, nil
}

// between is the time from now to a later moment, or 0.
func between(now, then layout.Millis) time.Duration {
	return max(0, time.Duration(then-now)*time.Millisecond)
}

// ConfirmResult is the answer to the first confirmation.
type ConfirmResult struct {
	Version  int64  // of the event
	Late     bool   // the deadline had passed
	Replayed bool   // the booking was confirmed before
	Current  Status // where it stands now, if Replayed; else empty
}

// Confirm makes the tickets of a hold or an offer the user's. A live one is confirmed whatever
// happened to the event since. After the deadline it succeeds if nobody waits, the tickets are
// available, the event sells, and the user's limit holds.
//
// Errors: ErrBookingNotFound (also if it is somebody else's), ErrHoldExpired, ErrBookingCancelled,
// ErrBookingWaiting, ErrUnavailable.
func (s *Store) Confirm(ctx context.Context, booking uuid.UUID, user string) (ConfirmResult, error) {
	number, call, err := s.bookingCall(confirmScript, booking, user)
	if err != nil {
		return ConfirmResult{}, err
	}
	r, err := s.callEvent(ctx, number, call)
	if err != nil {
		return ConfirmResult{}, ofBooking(err)
	}
	result := ConfirmResult{Version: r.Integer(), Late: r.Flag(), Replayed: r.Flag(), Current: Status(r.Text())}
	return result, r.End("confirmed")
}

// ExtendResult is a hold or an offer with its deadline.
type ExtendResult struct {
	Version   int64 // of the event
	ExpiresAt time.Time
	ExpiresIn time.Duration // from now, by Redis's clock
}

// Extend moves the deadline of a hold or an offer to so many seconds from now, 0 for as long as it was
// given first. It never makes it earlier, and never later than four times that after it began.
//
// Errors: ErrBookingNotFound (also if it is somebody else's), ErrHoldExpired, ErrHoldLimit,
// ErrNotHeld, ErrEventPaused, ErrEventClosed, ErrUnavailable.
func (s *Store) Extend(ctx context.Context, booking uuid.UUID, user string, seconds int64) (ExtendResult, error) {
	_, call, err := s.bookingCall(extendScript, booking, user, seconds)
	if err != nil {
		return ExtendResult{}, err
	}
	call.Args = append([]any{s.nowOverride()}, call.Args...)
	r, err := s.call(ctx, call)
	if err != nil {
		return ExtendResult{}, ofBooking(err)
	}
	version, expiresAt, now := r.Integer(), layout.Millis(r.Integer()), layout.Millis(r.Integer())
	return ExtendResult{Version: version, ExpiresAt: expiresAt.Time(), ExpiresIn: between(now, expiresAt)}, r.End("extended")
}

// bookingCall is the call of a script that works on the deadline of one booking.
func (s *Store) bookingCall(script *conn.Script, booking uuid.UUID, args ...any) (number uint64, call conn.Call, err error) {
	number, ok := layout.NumberOf(booking)
	if !ok {
		return 0, conn.Call{}, ErrBookingNotFound
	}
	return number, conn.Call{
		Script: script,
		Keys:   []string{s.keys.Event(number), s.keys.Log(number), s.keys.Deadlines(number)},
		Args:   append([]any{layout.ShortIDOf(booking).String()}, args...),
	}, nil
}

// ofBooking is an error of such a call: without its event there is no booking.
func ofBooking(err error) error {
	if errors.Is(err, ErrEventNotFound) {
		return ErrBookingNotFound
	}
	return err
}
