package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// verifies runs the command on a Redis and returns what it wrote.
func verifies(t *testing.T, server *redistest.Server, args ...string) (string, error) {
	t.Helper()
	return verifiesInto(t, "", server, args...)
}

func verifiesInto(t *testing.T, textfile string, server *redistest.Server, args ...string) (string, error) {
	t.Helper()
	t.Setenv("REDIS_ADDRS", server.Addr)
	c, err := readConfig("none.env")
	if err != nil {
		t.Fatal(err)
	}
	var output, logs bytes.Buffer
	err = runVerify(context.Background(), c, textfile, args, &output, &logs)
	return output.String(), err
}

func TestVerifyCommand(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var events []store.Event
	var booked store.BookResult
	for range 2 {
		created, err := s.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, created.Event)
		for _, user := range []string{"ann", "bob"} {
			booked, err = s.Book(ctx, store.BookRequest{Event: store.EventUUID(created.Event.UUID), User: user, Quantity: 1})
			if err != nil {
				t.Fatal(err)
			}
		}
	}

	if out, err := verifies(t, server); err != nil ||
		out != "events verified: 2, bookings: 4, breaches: 0, events not verified: 0\n" {
		t.Errorf("healthy: %v\n%s", err, out)
	}
	t.Setenv("REDIS_STORE_ID", "another")
	if out, err := verifies(t, server); err == nil || !strings.Contains(err.Error(), "this is another store") || out != "" {
		t.Errorf("another store's id: %v\n%s", err, out)
	}
	t.Setenv("REDIS_STORE_ID", s.Identify(ctx, ""))
	if out, err := verifies(t, server); err != nil || !strings.Contains(out, "events verified: 2,") {
		t.Errorf("its own id: %v\n%s", err, out)
	}
	t.Setenv("REDIS_STORE_ID", "")
	client := server.Client()
	defer func() { _ = client.Close() }()
	if err := client.RPop(ctx, "waitlist:{2}").Err(); err != nil {
		t.Fatal(err)
	}
	breach := regexp.MustCompile(fmt.Sprintf(`(?m)^event 2, booking %s: waiting list: .*$`, booked.Booking))
	for _, args := range [][]string{nil, {"2"}, {events[1].UUID.String()}} {
		out, err := verifies(t, server, args...)
		if err == nil || !breach.MatchString(out) || !strings.Contains(out, "breaches: 2,") {
			t.Errorf("verify %v of a broken event: %v\n%s", args, err, out)
		}
	}
	for _, arg := range []string{"1", events[0].UUID.String()} {
		if out, err := verifies(t, server, arg); err != nil {
			t.Errorf("verify %s: %v\n%s", arg, err, out)
		}
	}
	if err := client.HSet(ctx, "event:{1}", "counters", "9|rest").Err(); err != nil {
		t.Fatal(err)
	}
	if out, err := verifies(t, server); err == nil || !strings.Contains(out, "event 1: not verified: ") ||
		!breach.MatchString(out) {
		t.Errorf("one event of an unknown format: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"3"}, {"nonsense"}, {"1", "2"}, {booked.Booking.String()}} {
		if out, err := verifies(t, server, args...); err == nil {
			t.Errorf("verify %v: no error\n%s", args, out)
		}
	}
}

// Lost events are breaches, numbers of creations that never finished are notes.
func TestVerifyCommandLostEvents(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if out, err := verifies(t, server); err != nil ||
		out != "note: there are no events, and no number was ever given\n"+
			"events verified: 0, bookings: 0, breaches: 0, events not verified: 0\n" {
		t.Errorf("no events: %v\n%s", err, out)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var fifth store.Event
	for range 6 {
		created, err := s.Initialize(ctx, store.InitializeRequest{Settings: store.Settings{Name: "a show", TotalTickets: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if created.Event.Number == 5 {
			fifth = created.Event
		}
	}
	client := server.Client()
	defer func() { _ = client.Close() }()
	creation := "" // of the fifth
	for field, number := range client.HGetAll(ctx, "events").Val() {
		if strings.HasPrefix(number, "5") {
			creation = field
		}
	}
	note := "note: numbers without an event, whose creation was never completed: 1 (7)\n"
	lost := fmt.Sprintf("event 5 is lost: its creation was completed (%s in the hash events), and there is no event %s\n",
		creation, fifth.UUID)
	for _, c := range []struct {
		command []any
		args    []string
		want    string
		healthy bool
	}{
		{[]any{"HSET", "events", "last", 7, "AAAAAAAAAAAAAA", 7}, nil,
			note + "events verified: 6, bookings: 0, breaches: 0, events not verified: 0\n", true},
		{[]any{"DEL", "event:{5}", "log:{5}", "waitlist:{5}", "withdrawn:{5}", "deadlines:{5}"}, nil,
			lost + note + "events verified: 5, bookings: 0, breaches: 1, events not verified: 0\n", false},
		{[]any{"PING"}, []string{"5"},
			lost + "events verified: 0, bookings: 0, breaches: 1, events not verified: 0\n", false},
		{[]any{"PING"}, []string{fifth.UUID.String()},
			lost + "events verified: 0, bookings: 0, breaches: 1, events not verified: 0\n", false},
		{[]any{"PING"}, []string{"4"},
			"events verified: 1, bookings: 0, breaches: 0, events not verified: 0\n", true},
		{[]any{"HSET", "events", "last", 4}, nil,
			"all events: event numbers: the counter of events (field last) is 4, and creations were given numbers up to 7\n" +
				lost + note + "events verified: 5, bookings: 0, breaches: 2, events not verified: 0\n", false},
		{[]any{"HDEL", "events", "last"}, nil,
			"all events: event numbers: the counter of events is gone (field last), and creations were given numbers up to 7\n" +
				lost + note + "events verified: 5, bookings: 0, breaches: 2, events not verified: 0\n", false},
		{[]any{"EXPIRE", "event:{3}", 100_000}, nil,
			"all events: event numbers: the counter of events is gone (field last), and creations were given numbers up to 7\n" +
				"event 3: keys: the key event:{3} has a time to live: Redis will delete it\n" +
				lost + note + "events verified: 5, bookings: 0, breaches: 3, events not verified: 0\n", false},
	} {
		if err := client.Do(ctx, c.command...).Err(); err != nil {
			t.Fatal(err)
		}
		if out, err := verifies(t, server, c.args...); (err == nil) != c.healthy || out != c.want {
			t.Errorf("verify %v after %v: %v\n%s", c.args, c.command, err, out)
		}
	}
	// The exit code is that of an error, see main.
	for number, why := range map[string]string{"7": "never completed", "99": "event not found"} {
		if out, err := verifies(t, server, number); err == nil || !strings.Contains(err.Error(), why) || out != "" {
			t.Errorf("verify %s: %v\n%s", number, err, out)
		}
	}

	// What docs/operations.md tells to do with an event that is known to be lost.
	if err := client.HSet(ctx, "events", creation, 5, "last", 7).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Persist(ctx, "event:{3}").Err(); err != nil {
		t.Fatal(err)
	}
	if out, err := verifies(t, server); err != nil || out !=
		"note: numbers without an event, whose creation was never completed: 2 (5, 7)\n"+
			"events verified: 5, bookings: 0, breaches: 0, events not verified: 0\n" {
		t.Errorf("a loss that was noted: %v\n%s", err, out)
	}
}

func TestVerifyCommandLine(t *testing.T) {
	// Settings of this process's own environment must not lead to somebody's Redis.
	for _, name := range []string{"REDIS_HOST", "REDIS_ADDRS", "REDIS_SENTINEL_MASTER"} {
		t.Setenv(name, "")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"-h"}, {"verify", "-h"}} {
		var output bytes.Buffer
		if err := boxoffice(context.Background(), args, &output); err != nil || !strings.Contains(output.String(), "boxoffice verify [EVENT]") {
			t.Errorf("%v: %v\n%s", args, err, output.String())
		}
	}
	var output bytes.Buffer
	err := boxoffice(context.Background(), []string{"verify"}, &output)
	if err == nil || !strings.Contains(err.Error(), "REDIS_HOST") {
		t.Errorf("verify on the embedded engine: %v", err)
	}
}

// The result of a run over all events is written as metrics too. A run that did not come to its
// end leaves those of the last one.
func TestVerifyTextfile(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	s, err := store.Open(t.Context(), store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	created, err := s.Initialize(t.Context(), store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	file := filepath.Join(t.TempDir(), "boxoffice.prom")
	want := func(lines ...string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range append(lines, "boxoffice_verify_finished_timestamp_seconds 1") {
			if !strings.Contains(string(text), "\n"+line) {
				t.Errorf("no %s in\n%s", line, text)
			}
		}
	}
	if _, err := verifiesInto(t, file, server); err != nil {
		t.Error(err)
	}
	want("boxoffice_verify_breaches 0\n", "boxoffice_verify_unverified_events 0\n")
	client := server.Client()
	defer func() { _ = client.Close() }()
	key := fmt.Sprintf("log:{%d}", created.Event.Number)
	if err := client.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	out, err := verifiesInto(t, file, server)
	if err == nil {
		t.Errorf("a breach was not found: %s", out)
	}
	found := regexp.MustCompile(`breaches: (\d+)`).FindStringSubmatch(out)
	want("boxoffice_verify_breaches " + found[1] + "\n")
	if _, err := verifiesInto(t, file, server, "1"); err == nil || !strings.Contains(err.Error(), "-textfile") {
		t.Errorf("one event only: %v", err)
	}
	server.Kill()
	t.Setenv("REDIS_START_TIMEOUT", "100ms")
	if _, err := verifiesInto(t, file, server); err == nil {
		t.Error("verified a Redis that is away")
	}
	want("boxoffice_verify_breaches " + found[1] + "\n")
}
