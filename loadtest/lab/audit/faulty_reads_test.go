package audit_test

import (
	"net/http"
	"slices"

	"boxoffice/loadtest/service"
)

// The reads of the faulty service.

func (f *faulty) status(w http.ResponseWriter) {
	shown := f.shown()
	if f.staleStatus || len(f.bookings) < f.staleUntil {
		shown.Waiting--
	}
	answer(w, http.StatusOK, map[string]any{
		"eventId": eventID, "number": 1, "uuid": eventID, "availableTickets": shown.Available,
		"totalTickets": shown.Total, "waitingListCount": shown.Waiting, "version": shown.Version,
	})
}

func (f *faulty) shown() service.Event {
	shown := f.event
	shown.Total = f.total
	for _, b := range f.bookings {
		if b.Status == service.StatusConfirmed {
			shown.Confirmed += b.Quantity
		}
	}
	shown.Available = shown.Total - shown.Confirmed
	shown.Waiting = int64(len(f.waitlist()))
	if f.miscount {
		shown.Waiting++
		shown.Available--
	}
	return shown
}

func (f *faulty) lookUp(w http.ResponseWriter, id string) {
	at := slices.IndexFunc(f.bookings, func(b *service.Booking) bool { return b.ID == id })
	if f.wrongLookup {
		at = len(f.bookings) - 1
	}
	found := *f.bookings[at]
	if f.staleLookup {
		found.Status = service.StatusConfirmed
		if found.Waited {
			found.Status = service.StatusWaiting
		}
	}
	if f.foresee {
		found.Status = service.StatusCancelled
	}
	if found.Status == service.StatusWaiting {
		found.Position = int64(slices.Index(f.waitlist(), f.bookings[at])) + 1
	}
	answer(w, http.StatusOK, found)
}

func (f *faulty) list(w http.ResponseWriter) {
	var shown []service.Booking
	for _, b := range f.bookings {
		one := *b
		if b.Status == service.StatusWaiting {
			one.Position = int64(slices.Index(f.waitlist(), b)) + 1
			if f.wrongListed {
				one.Position++
			}
		}
		shown = append(shown, one)
	}
	if f.loseFirst {
		shown = shown[1:]
	}
	if f.inventOne {
		shown = append(shown, service.Booking{
			ID: "00000000-0001-8ccc-8ccc-000000000001", User: "ghost", Quantity: 1, Status: service.StatusWaiting,
			Version: f.event.Version, Waited: true, Position: int64(len(f.waitlist()) + 1),
		})
	}
	slices.Reverse(shown)
	answer(w, http.StatusOK, map[string]any{"bookings": shown})
}
