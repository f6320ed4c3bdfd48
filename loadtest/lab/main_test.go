package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/loadtest/lab/report"
	"boxoffice/store"
)

// instance starts the service in this process and returns its URL. wrap may stand in
// between, or be nil.
func instance(t *testing.T, config store.Config, engine string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := store.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if engine == "" {
		engine = string(s.Engine())
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	var handler http.Handler = handlers.New(handlers.Options{
		Store: s, Log: log, RequestTimeout: 5 * time.Second, Health: s.Health, Engine: engine, Version: "test",
	})
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// result is what a command line ended with.
type result struct {
	code    int
	text    string
	page    string
	summary report.Summary
}

// lenient switches off what only says that this machine is busy.
var lenient = []string{"-max-lag", "1m", "-max-drops", "1", "-connections", "16"}

func command(t *testing.T, args ...string) result {
	t.Helper()
	out := t.TempDir()
	var text bytes.Buffer
	r := result{code: start(t.Context(), append(args, "-out", out), &text, &text)}
	r.text = text.String()
	file, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err != nil {
		return r // it never began
	}
	if err := json.Unmarshal(file, &r.summary); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	r.page = string(page)
	return r
}

func (r result) want(t *testing.T, code int, parts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s", r.code, code, r.text)
	}
	for _, part := range parts {
		if !strings.Contains(r.text, part) {
			t.Errorf("the output lacks %q:\n%s", part, r.text)
		}
	}
}

// pretend is what the tests of verdicts say the embedded engine is: the verdicts do
// not depend on Redis, and so run everywhere.
const pretend = "single node"

func TestInvalidRuns(t *testing.T) {
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/book") {
				time.Sleep(20 * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		})
	}
	tests := []struct {
		name, engine string
		wrap         func(http.Handler) http.Handler
		args         []string
		why          string
	}{
		{"embedded engine", "", nil, lenient, "embedded engine"},
		{"generator lag", pretend, nil, []string{"-max-lag", "1ns"}, "generator lagged"},
		{"drops", pretend, slow, []string{"-max-lag", "1m", "-connections", "1", "-in-flight", "2", "-max-drops", "0.5"}, "were dropped"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := instance(t, store.Config{}, test.engine, test.wrap)
			r := command(t, append([]string{"-target", target, "-rate", "500", "-duration", "500ms"}, test.args...)...)
			r.want(t, 2, "invalid run: ", test.why)
			if r.summary.Verdict != report.Invalid || strings.Contains(r.text, "response ms") {
				t.Errorf("verdict %q, and these numbers:\n%s", r.summary.Verdict, r.text)
			}
		})
	}
}

func TestBreachIsExitCode1(t *testing.T) {
	var booked atomic.Int64
	const ghost = "00000000-0001-8bbb-8bbb-000000000001"
	forgetful := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/book") && booked.Add(1) == 7 {
				_, _ = w.Write([]byte(`{"bookingId":"` + ghost + `","status":"Confirmed","version":7}`))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	target := instance(t, store.Config{}, pretend, forgetful)
	r := command(t, append([]string{"-target", target, "-rate", "200", "-duration", "500ms"}, lenient...)...)
	r.want(t, 1, "BREACH lost-booking: booking "+ghost, "breach: ")
	if r.summary.Verdict != report.Breach || !strings.Contains(r.page, ghost) {
		t.Errorf("verdict %q; the page names the booking: %t", r.summary.Verdict, strings.Contains(r.page, ghost))
	}
}

func TestSoakEndsWithTheFirstBreach(t *testing.T) {
	r := command(t, append([]string{
		"-scenario", "soak", "-target", instance(t, store.Config{}, pretend, losing()), "-rate", "100", "-duration", "20s", "-round", "500ms",
	}, lenient...)...)
	r.want(t, 1, "BREACH lost-booking")
	if r.summary.Seconds > 10 {
		t.Errorf("it went on for %.0f s", r.summary.Seconds)
	}
}

// losing pretends to book, once in a while.
func losing() func(http.Handler) http.Handler {
	var booked atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/book") && booked.Add(1)%10 == 0 {
				_, _ = w.Write([]byte(`{"bookingId":"00000000-0001-8bbb-8bbb-000000000001","status":"Confirmed","version":7}`))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// The last request is due a moment before the end, and may be answered by then.
func TestOneRoundIsOneRound(t *testing.T) {
	target := instance(t, store.Config{}, pretend, nil)
	r := command(t, append([]string{"-target", target, "-rate", "10", "-duration", "300ms"}, lenient...)...)
	r.want(t, 0, "1 events")
}

func TestNotStarted(t *testing.T) {
	for _, args := range [][]string{
		{"-scenario", "no-such"}, {"-target", "127.0.0.1:3000"}, {"-target", ""}, {"-rate", "-1"}, {"-duration", "0"},
		{"stray"}, {"-connections", "-1"}, {"-redis", "redis://x:secret@%zz"}, {"-scenario", "ramp", "-rate", "0"},
	} {
		r := command(t, args...)
		r.want(t, exitNotStarted, "lab: ")
		if strings.Contains(r.text, "secret") {
			t.Errorf("%v: the output shows the password:\n%s", args, r.text)
		}
	}
	target := instance(t, store.Config{}, pretend, nil)
	command(t, "-target", target, "-scenario", "failover").want(t, exitNotStarted, "-cluster")
}

// loads finds what would make a browser fetch something.
var loads = regexp.MustCompile(`(?i)<(script|link|img|iframe|object)|url\(|@import|\b(src|href)=`)

// checkPage makes sure that the report stands alone and shows what it should.
func (r result) checkPage(t *testing.T) {
	t.Helper()
	if found := loads.FindString(r.page); found != "" {
		t.Errorf("the page would load something: %s", found)
	}
	for _, part := range []string{
		"Latency by percentile", "Throughput and errors", "Latency over time", "In flight", "response time", "service time",
		"seconds since the start of the load", "requests per second", "<path d=\"M",
	} {
		if !strings.Contains(r.page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "%!"} {
		if strings.Contains(r.page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, mark := range r.summary.Marks {
		if !strings.Contains(r.page, ">"+mark.Name+"</text>") {
			t.Errorf("the charts do not mark %s", mark.Name)
		}
	}
}
