package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"boxoffice/loadtest/lab/report"
	"boxoffice/store"
)

// answering stands in for the service's answer to every n-th booking.
func answering(n int64, status int, body string) func(http.Handler) http.Handler {
	var booked atomic.Int64
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/book") && booked.Add(1)%n == 0 {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// A service that answers fast and sells nothing must not pass for a good one.
func TestNothingSold(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"internal errors": {500, `{"code":"internal_error"}`},
		"unavailable":     {503, `{"code":"unavailable"}`},
		"refused":         {409, `{"code":"event_paused"}`},
		"not found":       {404, `{"code":"event_not_found"}`},
	} {
		t.Run(name, func(t *testing.T) {
			target := instance(t, store.Config{}, pretend, answering(1, test.status, test.body))
			run := append([]string{"-target", target, "-rate", "200", "-timeout", "1s"}, lenient...)
			command(t, append(run, "-duration", "500ms", "-max-errors", "1")...).
				want(t, 2, "invalid run: ", "not one of ", "bookings was accepted")
			r := command(t, append(run, "-scenario", "ramp", "-duration", "2s", "-step", "400ms")...)
			r.want(t, 2, "not one of ", "the first step")
			if len(r.summary.Steps) != 1 || r.summary.Steps[0].Achieved != 0 || r.summary.Knee != 0 {
				t.Errorf("knee %v, steps %+v", r.summary.Knee, r.summary.Steps)
			}
		})
	}
}

func TestTooManyErrors(t *testing.T) {
	for name, test := range map[string]struct {
		scenario, limit string
		code            int
	}{
		"by default":       {"flash-sale", "", 2},
		"asked for":        {"flash-sale", "0.5", 0},
		"none are allowed": {"cancel-churn", "0", 2},
	} {
		t.Run(name, func(t *testing.T) {
			target := instance(t, store.Config{}, pretend, answering(10, 503, `{"code":"unavailable"}`))
			args := append([]string{
				"-scenario", test.scenario, "-target", target, "-rate", "200", "-duration", "500ms", "-timeout", "1s",
			}, lenient...)
			if test.limit != "" {
				args = append(args, "-max-errors", test.limit)
			}
			r := command(t, args...)
			r.want(t, test.code)
			if said := strings.Contains(r.text, "-max-errors"); said != (test.code == 2) {
				t.Errorf("the output says -max-errors: %t\n%s", said, r.text)
			}
		})
	}
}

// What the audit proves stands, even if the run was otherwise worth nothing.
func TestBreachOutranksErrors(t *testing.T) {
	target := instance(t, store.Config{}, pretend, func(next http.Handler) http.Handler {
		return losing()(answering(2, 503, `{"code":"unavailable"}`)(next))
	})
	r := command(t, append([]string{"-target", target, "-rate", "200", "-duration", "500ms", "-timeout", "1s"}, lenient...)...)
	r.want(t, 1, "breach: ", "-max-errors", "lost-booking")
}

// cluster writes a script that stands in for cluster.sh.
func cluster(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// A failover run without its faults has shown nothing about failovers.
func TestFaultThatDidNotHappen(t *testing.T) {
	target := instance(t, store.Config{}, pretend, nil)
	failover := func(script, faults string) result {
		return command(t, append([]string{
			"-scenario", "failover", "-target", target, "-rate", "100", "-duration", "1s", "-redis", ",",
			"-cluster", script, "-faults", faults,
		}, lenient...)...)
	}
	failover("/bin/false", "kill-master").want(t, 2, "invalid run: ", "the fault kill-master failed", "exit status 1")
	failover(cluster(t, "sleep 2"), "slow,late").want(t, 2, "invalid run: ", "the fault late never began")
	r := failover(cluster(t, "true"), "kill-master,reshard")
	r.want(t, 0)
	if len(r.summary.Marks) != 3 {
		t.Errorf("marks %v", r.summary.Marks)
	}
}

// The step that did not pass ends a ramp; whose limit it was must be known.
func TestKneeOfTheGenerator(t *testing.T) {
	var booked atomic.Int64
	slowing := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/book") && booked.Add(1) > 60 {
				time.Sleep(1500 * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		})
	}
	target := instance(t, store.Config{}, pretend, slowing)
	r := command(t, append([]string{
		"-scenario", "ramp", "-target", target, "-rate", "100", "-duration", "5s", "-step", "500ms", "-p99-limit", "1s",
	}, append(lenient, "-connections", "128")...)...)
	r.want(t, 0, "knee: 100 requests/s")

	for name, test := range map[string]struct {
		steps []report.Step
		why   string
	}{
		"the generator's": {[]report.Step{{Rate: 100, Passed: true}, {Rate: 125, Lag: 30}}, "the knee may be the generator's"},
		"the first step":  {[]report.Step{{Rate: 100}}, "the first step"},
		"none":            {nil, "no step"},
		"the service's":   {[]report.Step{{Rate: 100, Passed: true}, {Rate: 125, Lag: 20}}, ""},
		"not reached":     {[]report.Step{{Rate: 100, Passed: true, Lag: 20}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := &lab{config: &config{maxLag: 25 * time.Millisecond}, summary: &report.Summary{Steps: test.steps}}
			why := strings.Join(l.invalidRamp(), "; ")
			if !strings.Contains(why, test.why) || (why == "") != (test.why == "") {
				t.Errorf("why %q, want %q", why, test.why)
			}
		})
	}
}

func TestRampCountsOnlyWhatWasServed(t *testing.T) {
	target := instance(t, store.Config{}, pretend, answering(20, 409, `{"code":"event_paused"}`))
	r := command(t, append([]string{
		"-scenario", "ramp", "-target", target, "-rate", "100", "-duration", "2s", "-step", "500ms", "-p99-limit", "1m",
	}, lenient...)...)
	r.want(t, 2, "the first step")
	if step := r.summary.Steps[0]; step.Refused == 0 || step.Passed {
		t.Errorf("%+v", step)
	}
}
