package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"boxoffice/store/redistest"
)

// What must be in no log, whatever happens. Each is unlike anything else, so that a
// part of a line that holds it is a leak.
const (
	secretUser     = "ulrike.meier+tickets@example.com"
	secretNumber   = "90817263544536271" // a user by number
	secretKey      = "idem-9c1f55e0aa71"
	secretToken    = "tok-77d0c2be41f9"
	secretPassword = "pw-1d4b8f2a90ce"
	secretSalt     = "salt-5e6f7a8b9c0d1e2f"
)

// A whole run at the lowest level: each call of both APIs, refused and not, on
// wrong paths too, with Redis there and gone. Nobody's name is in any line, nor in
// what /metrics tells, nor in an error answer.
func TestNoSecretIsLogged(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start("--requirepass", "")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	if err := client.ConfigSet(t.Context(), "requirepass", secretPassword).Err(); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"REDIS_HOST": host, "REDIS_PORT": port, "REDIS_PASSWORD": secretPassword, "LOG_USER_SALT": secretSalt,
		"LOG_LEVEL": "trace", "REQUEST_TIMEOUT": "150ms", "READY_TIMEOUT": "150ms", "REDIS_CHECK_INTERVAL": "20ms", "REDIS_DIAL_TIMEOUT": "100ms",
	} {
		t.Setenv(name, value)
	}
	for _, format := range []string{"text", "json"} {
		t.Setenv("LOG_FORMAT", format)
		p := start(t)
		told := tell(t, p)
		if format == "json" { // the last round
			server.Stop()
			told += tell(t, p)
			waitFor(t, p.log, "not ready: ")
		}
		for _, happened := range []string{"confirmed", "cancelled", "idempotency_mismatch", "invalid_input", "route_not_found"} {
			if format == "text" && !strings.Contains(p.log.String(), "outcome="+happened) {
				t.Errorf("%s is not in the log:\n%s", happened, p.log)
			}
		}
		p.end()
		scan(t, format+" log", p.log.String())
		scan(t, "errors and metrics", told)
	}
}

func scan(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{secretUser, "ulrike", secretNumber, secretKey, secretToken, secretPassword, secretSalt} {
		for line := range strings.Lines(text) {
			if strings.Contains(line, secret) {
				t.Errorf("%s holds %s: %s", where, secret, line)
			}
		}
	}
}

// tell makes every call and returns the answers that are errors, and the metrics.
func tell(t *testing.T, p *program) string {
	t.Helper()
	var told strings.Builder
	send := func(method, path, body string) string {
		request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+secretToken)
		request.Header.Set("Idempotency-Key", secretKey)
		request.Header.Set("Cookie", "session="+secretToken)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode >= http.StatusBadRequest || path == "/metrics" {
			told.Write(answer)
		}
		return string(answer)
	}
	id := func(member, answer string) string {
		if found := regexp.MustCompile(`"` + member + `":"([^"]*)"`).FindStringSubmatch(answer); found != nil {
			return found[1]
		}
		return "00000000-0001-8abc-9abc-0123456789ab"
	}
	event := id("eventId", send("POST", "/api/events/initialize", `{"eventName":"x","totalTickets":1,"maxPerUser":2}`))
	send("POST", "/initialize", `{"name":"x","totalTickets":1}`)
	for _, user := range []string{fmt.Sprintf("%q", secretUser), secretNumber} {
		members := fmt.Sprintf(`"eventId":%q,"userId":%s`, event, user)
		booking := id("bookingId", send("POST", "/api/events/book", "{"+members+"}"))
		send("POST", "/api/events/book", "{"+members+`,"quantity":2}`)
		send("POST", "/api/events/book", "{"+members+`,"quantity":"`+secretUser+`"}`)
		send("POST", "/api/events/book", "{"+members)
		send("POST", "/book", `{"eventId":1,"userId":`+user+`}`)
		send("POST", "/book", `{"eventId":1,"userId":[`+user+`]}`)
		send("POST", "/book", `{"eventId":`+user+`,"userId":1}`)
		send("GET", "/api/bookings/"+booking, "")
		send("POST", "/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":%s}`, booking, user))
		send("POST", "/api/events/cancel", fmt.Sprintf(`{"bookingId":%s,"userId":%s}`, user, user))
		send("POST", "/cancel", `{"eventId":1,"userId":`+user+`}`)
	}
	for _, path := range []string{
		"/status/1?user=" + secretUser, "/status/" + secretUser, "/api/bookings/" + secretUser, "/api/events/" + secretUser,
		"/api/events?cursor=" + secretUser, "/users/" + secretUser + "/" + secretNumber, "/api/users/" + secretUser,
		"/api/events/" + event, "/api/events/" + event + "/bookings", "/readyz", "/metrics",
	} {
		send("GET", path, "")
		send("DELETE", path, "")
	}
	send("PATCH", "/api/events/"+event, `{"totalTickets":2,"state":"`+secretUser+`"}`)
	send("PATCH", "/api/events/"+event, `{"totalTickets":2}`)
	send("GET", "/metrics", "")
	return told.String()
}
