package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"boxoffice/store"
)

// walk reads all pages of a list and returns its entries as JSON. It fails if a
// page is empty, too long or overlaps with another.
func (c *client) walk(path, list string, limit int) []string {
	c.t.Helper()
	var entries []string
	seen := map[string]bool{}
	for cursor := ""; ; {
		page := c.get(fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, url.QueryEscape(cursor))).is(200, `{}`)
		items, _ := page.value(list).([]any)
		if len(items) > limit || (len(items) == 0 && cursor != "") {
			c.t.Fatalf("%s holds %d entries of at most %d", page.request, len(items), limit)
		}
		for _, item := range items {
			entry, err := json.Marshal(item)
			if err != nil {
				c.t.Fatal(err)
			}
			if seen[string(entry)] {
				c.t.Fatalf("%s holds %s once more", page.request, entry)
			}
			seen[string(entry)] = true
			entries = append(entries, string(entry))
		}
		next, _ := parse(c.t, page.body).(map[string]any)["nextCursor"].(string)
		if next == "" {
			page.holds(`{"nextCursor":"<absent>"}`)
			return entries
		}
		if len(items) != limit {
			c.t.Fatalf("%s holds %d entries, and is not the last page", page.request, len(items))
		}
		cursor = next
	}
}

// members returns one member of each entry.
func members(t testing.TB, entries []string, name string) []string {
	var values []string
	for _, entry := range entries {
		values = append(values, (&answer{t: t, body: entry}).text(name))
	}
	return values
}

func TestEventPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.get("/api/events").is(200, `{"events":[],"nextCursor":"<absent>"}`)
	c.get("/api/events?cursor=5").is(200, `{"events":[],"nextCursor":"<absent>"}`)
	var made []string
	for range 7 {
		made = append(made, c.event(1).uuid)
	}
	slices.Reverse(made) // newest first
	for limit := 1; limit <= 8; limit++ {
		if got := members(t, c.walk("/api/events", "events", limit), "eventId"); !slices.Equal(got, made) {
			t.Errorf("with limit %d: %v, want %v", limit, got, made)
		}
	}
	// The entries are the resource itself.
	e := event{uuid: made[0]}
	c.get("/api/events?limit=1").is(200, fmt.Sprintf(`{"events":[%s],"nextCursor":"<text>"}`, c.get(e.path()).body))

	// An event made in between shifts nothing.
	first := c.get("/api/events?limit=3").is(200, `{}`)
	c.event(1)
	rest := c.idsAfter(first, "/api/events", "events")
	if !slices.Equal(rest, made[3:]) {
		t.Errorf("the pages after the first hold %v, want %v", rest, made[3:])
	}
}

// idsAfter returns the ids on the page after the given one, which must be the last.
func (c *client) idsAfter(first *answer, path, list string) []string {
	c.t.Helper()
	page := c.get(path+"?cursor="+url.QueryEscape(first.text("nextCursor"))).is(200, `{"nextCursor":"<absent>"}`)
	var ids []string
	items, _ := page.value(list).([]any)
	for _, item := range items {
		entry, _ := item.(map[string]any)
		id, ok := entry["bookingId"].(string)
		if !ok {
			id, _ = entry["eventId"].(string)
		}
		ids = append(ids, id)
	}
	return ids
}

// A cursor longer than any that a page gives is a bad one.
func TestBookingCursorTooLong(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(5)
	for _, cursor := range []string{e.uuid, strings.Repeat("A", 15), strings.Repeat("A", 16), strings.Repeat("A", 5000)} {
		c.get(e.path()+"/bookings?cursor="+cursor).is(400, `{"details":"cursor must be the nextCursor of a previous page"}`)
	}
}

// On the engines that others use too: what this test made comes newest first.
func TestEventPagesOnEveryEngine(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		var made []string
		for range 5 {
			made = append(made, c.event(1).uuid)
		}
		slices.Reverse(made)
		var got []string
		for _, id := range members(t, c.walk("/api/events", "events", 500), "eventId") {
			if slices.Contains(made, id) {
				got = append(got, id)
			}
		}
		if !slices.Equal(got, made) {
			t.Errorf("listed are %v, want %v", got, made)
		}
	})
}

func TestBookingPages(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, c *client) {
		e := c.event(3)
		path := e.path() + "/bookings"
		c.get(path).is(200, `{"bookings":[],"nextCursor":"<absent>"}`)
		var made []string
		for i := range 7 {
			made = append(made, c.book(e, fmt.Sprint("user ", i)).text("bookingId"))
		}
		c.cancel(made[1], "user 1").is(200, `{}`) // confirmed, gives its ticket to made[3]
		c.cancel(made[5], "user 5").is(200, `{}`) // waiting
		slices.Reverse(made)                      // newest first
		for limit := 1; limit <= 8; limit++ {
			if got := members(t, c.walk(path, "bookings", limit), "bookingId"); !slices.Equal(got, made) {
				t.Errorf("with limit %d: %v, want %v", limit, got, made)
			}
		}
		all := c.walk(path, "bookings", 100)
		for i, want := range []string{
			`{"userId":"user 6","status":"Waiting List","position":2}`, `{"userId":"user 5","status":"Cancelled","position":"<absent>"}`,
			`{"userId":"user 4","status":"Waiting List","position":1}`, `{"userId":"user 3","status":"Confirmed","position":"<absent>"}`,
			`{"userId":"user 2","status":"Confirmed"}`, `{"userId":"user 1","status":"Cancelled"}`, `{"userId":"user 0","status":"Confirmed"}`,
		} {
			(&answer{t: t, request: fmt.Sprintf("entry %d", i), body: all[i]}).holds(want)
			// The entries are the resource itself.
			c.get("/api/bookings/"+made[i]).is(200, all[i])
		}
		first := c.get(path+"?limit=3").is(200, `{}`)
		c.book(e, "late")
		if rest := c.idsAfter(first, path, "bookings"); !slices.Equal(rest, made[3:]) {
			t.Errorf("the pages after the first hold %v, want %v", rest, made[3:])
		}
	})
}

// unreadablePages is a store whose lists have entries that cannot be read.
type unreadablePages struct{ fake }

func (*unreadablePages) Events(context.Context, string, int) (store.EventPage, error) {
	known := store.Event{Number: 3, UUID: uuid.MustParse(someID)}
	return store.EventPage{Next: "1", Events: []store.EventEntry{
		{Event: known, Err: fmt.Errorf("%s: %w", secret, store.ErrUnknownFormat)}, {Event: someEvent},
		{Event: store.Event{Number: 2}, Err: fmt.Errorf("%s: %w", secret, store.ErrDamaged)},
	}}, nil
}

func (*unreadablePages) Bookings(context.Context, store.BookingsRequest) (store.BookingPage, error) {
	event := uuid.MustParse(someID)
	return store.BookingPage{Bookings: []store.BookingEntry{
		{Booking: store.Booking{ID: event, Event: event, EventNumber: 1, Version: 3}, Err: fmt.Errorf("%s: %w", secret, store.ErrDamaged)},
		{Booking: store.Booking{Event: event, EventNumber: 1, Version: 2}, Err: store.ErrDamaged},
	}}, nil
}

// An entry that cannot be read says so in one word, and which it is as far as that is known.
func TestUnreadableEntries(t *testing.T) {
	t.Parallel()
	c := serve(t, &unreadablePages{})
	readable := c.get("/api/events/" + someID).body
	got := c.get("/api/events").is(200, fmt.Sprintf(`{"events":[
		{"eventId":%[1]q,"uuid":%[1]q,"number":3,"error":"unknown_format","eventName":"<absent>"}, %[2]s,
		{"eventId":null,"uuid":null,"number":2,"error":"damaged","version":"<absent>"}],"nextCursor":"1"}`, someID, readable))
	bookings := c.get("/api/events/"+someID+"/bookings").is(200, fmt.Sprintf(`{"bookings":[
		{"bookingId":%[1]q,"eventId":%[1]q,"eventNumber":1,"version":3,"error":"damaged","userId":"<absent>"},
		{"bookingId":null,"eventId":%[1]q,"version":2,"error":"damaged"}],"nextCursor":"<absent>"}`, someID))
	if strings.Contains(got.body+bookings.body, "hunter2") {
		t.Errorf("the cause is shown: %s %s", got.body, bookings.body)
	}
}

func TestPageDefaultsTo50(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(100)
	for range 50 {
		c.event(1) // together with e 51
	}
	for range 51 {
		c.confirmed(e, "ann")
	}
	for path, list := range map[string]string{"/api/events": "events", e.path() + "/bookings": "bookings"} {
		for _, query := range []string{"", "?limit=", "?cursor=", "?limit=50", "?cursor="} {
			page := c.get(path+query).is(200, `{"nextCursor":"<text>"}`)
			if items, _ := page.value(list).([]any); len(items) != 50 {
				t.Errorf("%s holds %d entries, want 50", page.request, len(items))
			}
		}
	}
}

func TestBadPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	e, other := c.event(5), c.event(5)
	c.confirmed(e, "ann")
	c.confirmed(e, "ann")
	c.confirmed(other, "bob")
	c.confirmed(other, "bob")
	path := e.path() + "/bookings"
	foreign := c.get(other.path()+"/bookings?limit=1").is(200, `{}`).text("nextCursor")
	if foreign == c.get(path+"?limit=1").text("nextCursor") {
		t.Fatal("two events share a cursor")
	}

	const badCursor = `{"error":"Invalid input","details":"cursor must be the nextCursor of a previous page","code":"invalid_input"}`
	for _, cursor := range []string{
		"x", "0", "-1", "1.5", "1e3", "%00", "%20", "%ff", "latest", "uuid", "version", "waitlistLimit",
		"AAAAAAAAAAAAAA", foreign,
	} {
		c.get(path+"?cursor="+cursor).is(400, badCursor)
		c.get("/api/events?cursor="+cursor).is(400, badCursor)
	}
	for _, cursor := range []string{"281474976710656", "99999999999999999999", e.uuid} {
		c.get("/api/events?cursor="+cursor).is(400, badCursor)
	}
	for _, limit := range []string{"0", "-1", "501", "1.5", "1e2", "x", "%20", "99999999999999999999", "0x10"} {
		for _, list := range []string{path, "/api/events"} {
			c.get(list+"?limit="+limit).is(400, `{"details":"limit must be from 1 to 500","code":"invalid_input"}`)
		}
	}
	c.get(path+"?limit=500").is(200, `{}`)
}

// Who may book sees one user's bookings, and only organizers see everybody's.
func TestBookingsOfAUser(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1)
	c.confirmed(e, "ann")
	c.waiting(e, "ann")
	c.waiting(e, "bob")
	path := "/api/events/" + e.uuid + "/bookings"
	c.get(path+"?userId=ann").is(200, `{"bookings":[{"userId":"ann","status":"Confirmed"},
		{"userId":"ann","status":"Waiting List","position":1}],"nextCursor":"<absent>"}`)
	c.get(path+"?userId=ann&status=waiting").is(200, `{"bookings":[{"status":"Waiting List"}]}`)
	c.get(path+"?status=confirmed").is(200, `{"bookings":[{"userId":"ann","status":"Confirmed"}]}`)
	c.get(path+"?userId=nobody").is(200, `{"bookings":[]}`)
	for query, want := range map[string]string{
		"?userId=":             "userId must not be empty",
		"?userId=a%00b":        "userId",
		"?status=Confirmed":    "status must be one of cancelled, confirmed",
		"?status=":             "status must be one of",
		"?userId=a&userId=b":   "userId is given twice",
		"?userid=a":            "did you mean userId?",
		"?userId=ann&cursor=x": "cursor must be",
	} {
		if answer := c.get(path+query).is(400, `{"code":"invalid_input"}`); !strings.Contains(answer.body, want) {
			t.Errorf("%s: %s, want %s", query, answer.body, want)
		}
	}
}
