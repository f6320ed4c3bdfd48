// Package service is the client of boxoffice that all load tests use. Conn is its lean half,
// for the generators: one connection, one request at a time, next to no CPU. Client is the
// other half, with net/http, for what is sent before and after the load, or one by one.
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
)

// Client asks the first of its targets that answers, and repeats after an outage.
type Client struct {
	Targets  []Target
	Patience time.Duration // how long to repeat
	http     http.Client
}

// New makes a client. timeout is that of one answer.
func New(targets []Target, timeout, patience time.Duration) *Client {
	const idleConnections = 100 // of one instance: requests that overlap keep theirs
	return &Client{Targets: targets, Patience: patience, http: http.Client{
		Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: idleConnections},
	}}
}

// Readiness is what an instance says about itself.
type Readiness struct {
	Engine  string `json:"engine"`
	Version string `json:"version"`
}

// Ready asks one target.
func (c *Client) Ready(ctx context.Context, target Target) (ready Readiness, err error) {
	err = c.call(ctx, []Target{target}, http.MethodGet, "/readyz", "", nil, &ready)
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
	ID        string        `json:"bookingId"`
	User      string        `json:"userId"`
	Quantity  int64         `json:"quantity"`
	Status    BookingStatus `json:"status"`
	Position  int64         `json:"position"`
	Version   int64         `json:"version"`
	Waited    bool          `json:"waited"`
	Promoted  int64         `json:"promotedVersion"`
	Cancelled int64         `json:"cancelledVersion"`
	Error     string        `json:"error"` // in a list: why it cannot be read
}

// Initialize creates an event; the key makes repeating it safe.
func (c *Client) Initialize(ctx context.Context, name string, total int64, key string) (ID, error) {
	var event Event
	err := c.call(ctx, c.Targets, http.MethodPost, "/api/events/initialize", key,
		map[string]any{"eventName": name, "totalTickets": total}, &event)
	if err != nil {
		return ID{}, err
	}
	id, ok := ParseID(event.ID)
	if !ok {
		return ID{}, fmt.Errorf("initialize: %q is no event id", event.ID)
	}
	return id, nil
}

// RaiseTotal changes how many tickets an event has.
func (c *Client) RaiseTotal(ctx context.Context, id ID, total int64) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodPatch, "/api/events/"+id.String(), "",
		map[string]any{"totalTickets": total}, &event)
	return event, err
}

// Event reads an event.
func (c *Client) Event(ctx context.Context, id ID) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodGet, "/api/events/"+id.String(), "", nil, &event)
	return event, err
}

// Status reads an event as most clients do: without its confirmed tickets and its state.
func (c *Client) Status(ctx context.Context, id ID) (event Event, err error) {
	err = c.call(ctx, c.Targets, http.MethodGet, "/api/events/status/"+id.String(), "", nil, &event)
	return event, err
}

// pageLimit is the most that the service gives at once.
const pageLimit = 500

// Bookings reads all bookings of an event, newest first.
func (c *Client) Bookings(ctx context.Context, id ID) (bookings []Booking, err error) {
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
		for _, booking := range page.Bookings {
			if booking.Error != "" {
				return nil, fmt.Errorf("booking %s of version %d cannot be read: %s", booking.ID, booking.Version, booking.Error)
			}
			bookings = append(bookings, booking)
		}
		if page.NextCursor == "" {
			return bookings, nil
		}
		cursor = page.NextCursor
	}
}

// Response is an answer of any kind.
type Response struct {
	Code       int
	Replayed   bool   // the service says that it answered this before
	RetryAfter string // header, empty: none
	Body       []byte
}

// ProblemCode returns the code of a problem document, or nothing.
func (r Response) ProblemCode() string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(r.Body, &problem) // no JSON, no code
	return problem.Code
}

// Send sends one request once. A body is sent as JSON; nil is none. An error means that
// there is no whole answer.
func (c *Client) Send(ctx context.Context, target Target, method, path, key string, body map[string]any) (Response, error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return Response{}, err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, target.URL+path, sent)
	if err != nil {
		return Response{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return Response{
		Code: response.StatusCode, Replayed: response.Header.Get("Idempotent-Replayed") != "",
		RetryAfter: response.Header.Get("Retry-After"), Body: text,
	}, err
}

// call repeats a request, from one target to the next, until the answer is better than
// "try again" or patience ends.
func (c *Client) call(ctx context.Context, targets []Target, method, path, key string, body map[string]any, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	const pause = 200 * time.Millisecond
	for try := 0; ; try++ {
		target := targets[try%len(targets)]
		response, err := c.Send(ctx, target, method, path, key, body)
		again := err != nil || response.Code >= http.StatusBadGateway || response.Code == http.StatusTooManyRequests
		switch {
		case err != nil:
		case response.Code >= http.StatusMultipleChoices:
			err = fmt.Errorf("%d %s: %s", response.Code, http.StatusText(response.Code), bytes.TrimSpace(response.Body))
		default:
			err = json.Unmarshal(response.Body, answer)
		}
		if err == nil {
			return nil
		}
		err = fmt.Errorf("%s %s%s: %w", method, target.URL, path, err)
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
