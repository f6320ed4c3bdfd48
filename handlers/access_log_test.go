package handlers_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// Every request is one line, without secrets.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		var j journal
		c := serve(t, &fake{}, j.into, func(o *handlers.Options) { o.AccessLog = on })
		for _, request := range []struct {
			method, path, body string
			status             float64
			route, outcome     string
			event              any
			user               bool
		}{
			{"GET", "/status/1", "", 200, "/status/{eventId}", "ok", 1.0, false},
			{"GET", "/status/1?x=hunter2", "", 400, "/status/{eventId}", "invalid_input", nil, false},
			{"GET", "/status/hunter2", "", 400, "/status/{eventId}", "invalid_input", nil, false},
			{"POST", "/book", `{"eventId":7,"userId":"hunter2"}`, 201, "/book", "confirmed", 7.0, true},
			{"POST", "/book", `{"eventId":"x","userId":"hunter2"}`, 400, "/book", "invalid_input", nil, true},
			{"POST", "/api/events/cancel", `{"bookingId":"` + someID + `","userId":"hunter2"}`, 200,
				"/api/events/cancel", "cancelled", 1.0, true},
			{"POST", "/api/events/book", `{`, 400, "/api/events/book", "invalid_input", nil, false},
			{"GET", "/unknown/hunter2", "", 404, "unmatched", "route_not_found", nil, false},
			{"DELETE", "/book", "", 405, "/book", "method_not_allowed", nil, false},
			{"GET", "/livez", "", 200, "/livez", "<nil>", nil, false},
		} {
			c.send(request.method, request.path, request.body, "X-Request-Id: the-id", "Idempotency-Key: hunter2",
				"Authorization: hunter2")
			lines := j.take(t)
			if !on {
				if len(lines) != 0 {
					t.Errorf("switched off, it logged %v", lines)
				}
				continue
			}
			if len(lines) != 1 {
				t.Fatalf("%v logged %d lines", request, len(lines))
			}
			line := lines[0]
			if line["level"] != "info" || line["msg"] != "request" || line["method"] != request.method ||
				line["route"] != request.route || line["status"] != request.status || line["request_id"] != "the-id" ||
				fmt.Sprint(line["outcome"]) != request.outcome || line["event"] != request.event {
				t.Errorf("%v logged %v", request, line)
			}
			if user, told := line["user"].(string); told != request.user || told && !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(user) {
				t.Errorf("%v logged the user %v", request, line["user"])
			}
			if took, ok := line["duration_ms"].(float64); !ok || took < 0 || took > 60_000 {
				t.Errorf("%v took %v ms", request, line["duration_ms"])
			}
			if strings.Contains(fmt.Sprint(line), "hunter2") {
				t.Errorf("%v logged a secret: %v", request, line)
			}
		}
	}
}

// The same user has the same hash wherever the salt is the same, and nowhere else.
func TestUsersInTheLog(t *testing.T) {
	t.Parallel()
	hash := func(salt, path, user string) string {
		var j journal
		c := serve(t, &fake{}, j.into, func(o *handlers.Options) { o.AccessLog, o.LogUserSalt = true, salt })
		c.post(path, `{"eventId":1,"userId":`+user+`}`).is(201, `{}`)
		text, _ := j.take(t)[0]["user"].(string)
		return text
	}
	salted := hash("0123456789abcdef", "/book", `"7"`)
	if again := hash("0123456789abcdef", "/book", `7`); again != salted || salted == "" {
		t.Errorf("the user has the hashes %q and %q", salted, again)
	}
	for name, other := range map[string]string{
		"another user": hash("0123456789abcdef", "/book", `"8"`), "another salt": hash("0123456789abcdeF", "/book", `"7"`),
		"no salt": hash("", "/book", `"7"`), "no salt, again": hash("", "/book", `"7"`),
	} {
		if other == salted {
			t.Errorf("%s has the same hash", name)
		}
	}
	if hash("", "/book", `"7"`) == hash("", "/book", `"7"`) {
		t.Error("two processes without a salt give the same hash")
	}
}
