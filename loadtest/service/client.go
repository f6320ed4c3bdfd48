// Package service asks the service what it knows, at leisure: before and after a run,
// where a lean client is not needed and a patient one is.
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"boxoffice/loadtest/load"
)

// Client asks the first of its targets that answers, and repeats after an outage.
type Client struct {
	Targets  []load.Target
	Patience time.Duration // how long to repeat
	http     http.Client
}

// New makes a client.
func New(targets []load.Target, timeout, patience time.Duration) *Client {
	return &Client{Targets: targets, Patience: patience, http: http.Client{Timeout: timeout}}
}

// Readiness is what an instance tells about itself.
type Readiness struct {
	Engine  string `json:"engine"`
	Version string `json:"version"`
}

// Ready asks one target.
func (c *Client) Ready(ctx context.Context, target load.Target) (ready Readiness, err error) {
	err = c.call(ctx, []load.Target{target}, http.MethodGet, "/readyz", "", nil, &ready)
	return ready, err
}

// Event is an event as the service shows it.
type Event struct {
	ID        string `json:"eventId"`
	Total     int64  `json:"totalTickets"`
	Available int64  `json:"availableTickets"`
	Confirmed int64  `json:"confirmedTickets"`
	Waiting   int64  `json:"waitingListCount"`
	Version   int64  `json:"version"`
	State     string `json:"state"`
}

// Booking is a booking as the service shows it.
type Booking struct {
	ID        string `json:"bookingId"`
	User      string `json:"userId"`
	Quantity  int64  `json:"quantity"`
	Status    string `json:"status"`
	Position  int64  `json:"position"`
	Version   int64  `json:"version"`
	Waited    bool   `json:"waited"`
	Promoted  int64  `json:"promotedVersion"`
	Cancelled int64  `json:"cancelledVersion"`
}

// The statuses of a booking.
const (
	Confirmed = "Confirmed"
	Waiting   = "Waiting List"
	Cancelled = "Cancelled"
)

// Initialize creates an event; the key makes repeating it safe.
func (c *Client) Initialize(ctx context.Context, name string, total int64, key string) (load.ID, error) {
	var event Event
	err := c.call(ctx, c.Targets, http.MethodPost, "/api/events/initialize", key,
		map[string]any{"eventName": name, "totalTickets": total}, &event)
	if err != nil {
		return load.ID{}, err
	}
	id, ok := load.ParseID(event.ID)
	if !ok {
		return load.ID{}, fmt.Errorf("initialize: %q is no event id", event.ID)
	}
	return id, nil
}

// RaiseTotal changes how many tickets an event has.
func (c *Client) RaiseTotal(ctx context.Context, id load.ID, total int64) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodPatch, "/api/events/"+id.String(), "",
		map[string]any{"totalTickets": total}, &event)
	return event, err
}

// Event reads an event.
func (c *Client) Event(ctx context.Context, id load.ID) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodGet, "/api/events/"+id.String(), "", nil, &event)
	return event, err
}

// Status reads an event as most clients do: without its confirmed tickets and its state.
func (c *Client) Status(ctx context.Context, id load.ID) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodGet, "/api/events/status/"+id.String(), "", nil, &event)
	return event, err
}

// pageLimit is the most that the service gives at once.
const pageLimit = 500

// Bookings reads all bookings of an event, newest first.
func (c *Client) Bookings(ctx context.Context, id load.ID) (bookings []Booking, err error) {
	for cursor := ""; ; {
		query := url.Values{"limit": {strconv.Itoa(pageLimit)}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var page struct {
			Bookings   []Booking `json:"bookings"`
			NextCursor string    `json:"nextCursor"`
		}
		path := "/api/events/" + id.String() + "/bookings?" + query.Encode()
		if err := c.call(ctx, c.Targets, http.MethodGet, path, "", nil, &page); err != nil {
			return nil, err
		}
		bookings = append(bookings, page.Bookings...)
		if page.NextCursor == "" {
			return bookings, nil
		}
		cursor = page.NextCursor
	}
}

// call repeats a request, from one target to the next, until it is answered with
// something better than "try again" or patience ends.
func (c *Client) call(ctx context.Context, targets []load.Target, method, path, key string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	const pause = 200 * time.Millisecond
	for try := 0; ; try++ {
		again, err := c.once(ctx, targets[try%len(targets)], method, path, key, body, answer)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (c *Client) once(ctx context.Context, target load.Target, method, path, key string, body, answer any) (
	again bool, err error,
) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s %s%s: %w", method, target.URL, path, err)
		}
	}()
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return false, err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, target.URL+path, sent)
	if err != nil {
		return false, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return true, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return true, err
	}
	if response.StatusCode >= 300 {
		again = response.StatusCode >= 502 || response.StatusCode == http.StatusTooManyRequests
		return again, fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(text))
	}
	return false, json.Unmarshal(text, answer)
}
