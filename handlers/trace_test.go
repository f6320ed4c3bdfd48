package handlers_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"boxoffice/handlers"
)

const (
	someTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	someSpan  = "00f067aa0ba902b7"
	someTP    = "00-" + someTrace + "-" + someSpan + "-01"
)

// traceparent is the grammar of version 00, section 3.2.2 of the recommendation.
var traceparent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)

func TestTraceparent(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	for _, valid := range []struct{ sent, flags string }{
		{someTP, "01"},
		{"00-" + someTrace + "-" + someSpan + "-00", "00"},
		{"00-" + someTrace + "-" + someSpan + "-03", "03"},
		{"00-" + someTrace + "-" + someSpan + "-ff", "03"}, // flags that nobody knows yet are not passed on
		{"01-" + someTrace + "-" + someSpan + "-01", "01"}, // of a version to come: the same fields
		{"cc-" + someTrace + "-" + someSpan + "-01-what-the-future-holds", "01"},
		{"cc-" + someTrace + "-" + someSpan + "-01-", "01"},
	} {
		spans := map[string]bool{someSpan: true}
		for range 3 {
			a := c.send("GET", "/status/1", "", "Traceparent: "+valid.sent)
			fields := traceparent.FindStringSubmatch(strings.Join(a.header.Values("Traceparent"), ", "))
			if fields == nil || fields[1] != someTrace || fields[3] != valid.flags || fields[2] == "0000000000000000" {
				t.Fatalf("%q was answered with %q", valid.sent, a.header.Values("Traceparent"))
			}
			if spans[fields[2]] {
				t.Errorf("%q was answered with the span %s, which is another's", valid.sent, fields[2])
			}
			spans[fields[2]] = true
		}
	}
	for _, invalid := range []string{
		"", "x", "00",
		"00-" + someTrace + "-" + someSpan, // no flags
		"00-" + someTrace + "-" + someSpan + "-1",
		someTP + "-", someTP + "-00", someTP + "0", // more than version 00 has
		"01" + someTP[2:] + "x", "ff" + someTP[2:],
		"0G" + someTP[2:], "0" + someTP, someTP[1:],
		strings.ToUpper(someTP),
		"00-" + strings.Repeat("0", 32) + "-" + someSpan + "-01",
		"00-" + someTrace + "-" + strings.Repeat("0", 16) + "-01",
		"00_" + someTrace + "-" + someSpan + "-01",
		"00-" + someTrace + "_" + someSpan + "-01",
		"00-" + someTrace + "-" + someSpan + "_01",
		"00-" + someTrace[1:] + "g-" + someSpan + "-01",
		"00-" + someTrace + "-" + someSpan[1:] + "g-01",
		"00-" + someTrace + "-" + someSpan + "-0g",
	} {
		c.send("GET", "/status/1", "", "Traceparent: "+invalid, "Tracestate: a=b").is(200, `{}`).
			hasHeader("Traceparent", "").hasHeader("Tracestate", "")
	}
	c.get("/status/1").hasHeader("Traceparent", "")
	c.send("GET", "/status/1", "", "Traceparent: "+someTP, "Traceparent: "+someTP).hasHeader("Traceparent", "")
}

func TestTracestate(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	long := "a=" + strings.Repeat("x", 510)
	for _, states := range [][]string{nil, {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}, {"a=1", "b=2"}, {long}, {long + "x"}, {"a=\u00e9"}} {
		headers := []string{"Traceparent: " + someTP}
		for _, state := range states {
			headers = append(headers, "Tracestate: "+state)
		}
		want := strings.Join(states, ", ")
		if len(want) > 512 || strings.Contains(want, "\u00e9") {
			want = ""
		}
		c.send("GET", "/status/1", "", headers...).is(200, `{}`).hasHeader("Tracestate", want)
	}
	c.send("GET", "/status/1", "", "Tracestate: a=b").hasHeader("Tracestate", "")
}

// Both ids are in every line of the log and in error answers of both APIs.
func TestIDsInLogAndErrors(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(context.Context) error{
		"fine": nil, "fault": func(context.Context) error { return errors.New("x") },
		"panic": func(context.Context) error { panic("x") }, "away": hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var j journal
			c := serve(t, &fake{fails: fails}, j.into, func(o *handlers.Options) {
				o.AccessLog, o.RequestTimeout = true, 1
			})
			for _, call := range storeCalls {
				a := c.send(call.method, call.path, call.body, "X-Request-Id: the-id", "Traceparent: "+someTP)
				if a.status >= 400 {
					a.holds(`{"requestId":"the-id","traceId":"` + someTrace + `"}`)
				}
				span := traceparent.FindStringSubmatch(a.header.Get("Traceparent"))[2]
				lines := j.take(t)
				if len(lines) == 0 {
					t.Errorf("%s logged nothing", a.request)
				}
				for _, line := range lines {
					if line["request_id"] != "the-id" || line["trace_id"] != someTrace || line["span_id"] != span ||
						line["parent_id"] != someSpan {
						t.Errorf("%s logged %v", a.request, line)
					}
				}
				a = c.send(call.method, call.path, call.body)
				if a.status >= 400 {
					a.holds(`{"requestId":"` + a.header.Get("X-Request-Id") + `","traceId":"<absent>"}`)
				}
				for _, line := range j.take(t) {
					if _, there := line["trace_id"]; there || line["request_id"] != a.header.Get("X-Request-Id") {
						t.Errorf("%s, without a trace, logged %v", a.request, line)
					}
				}
			}
		})
	}
}
