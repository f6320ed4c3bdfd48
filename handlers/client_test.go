package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// client sends requests to an API and checks the answers.
type client struct {
	t   testing.TB
	api *handlers.API

	impossible bool // what its store answers is what no real one does
}

// start serves an empty embedded store.
func start(t testing.TB) *client {
	t.Helper()
	return serve(t, open(t, store.Config{}))
}

// serve serves any store, with options as they are in production unless changed.
func serve(t testing.TB, s handlers.Store, changes ...func(*handlers.Options)) *client {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	options := handlers.Options{
		Store: s, Log: log, RequestTimeout: 20 * time.Second, Engine: "a test's", Version: "v1",
		OpenToAll: true, // a test's requests come from elsewhere
	}
	if asked, ok := s.(interface {
		Health(context.Context) store.Health
	}); ok {
		options.Health = asked.Health
	}
	for _, change := range changes {
		change(&options)
	}
	return &client{t: t, api: handlers.New(options)}
}

// answer is the answer to a request.
type answer struct {
	t       testing.TB
	request string
	status  int
	header  http.Header
	body    string
}

func (c *client) get(path string) *answer { c.t.Helper(); return c.send("GET", path, "") }

func (c *client) post(path, body string, headers ...string) *answer {
	c.t.Helper()
	return c.send("POST", path, body, headers...)
}

func (c *client) patch(path, body string, headers ...string) *answer {
	c.t.Helper()
	return c.send("PATCH", path, body, headers...)
}

// send sends a request; headers are written as "Name: value". What holds for all
// answers is checked here, so each test checks it.
func (c *client) send(method, path, body string, headers ...string) *answer {
	c.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request := httptest.NewRequest(method, path, reader)
	request.Header.Set("Content-Type", "application/json")
	for i, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if i == 0 && name == "Content-Type" {
			request.Header.Del(name)
		}
		request.Header.Add(name, value)
	}
	return c.do(request, body)
}

func (c *client) do(request *http.Request, body string) *answer {
	c.t.Helper()
	// Far beyond the deadline that the handlers set, so that without it a test fails
	// and does not hang.
	const patience = 40 * time.Second
	ctx, cancel := context.WithTimeout(request.Context(), patience)
	defer cancel()
	request = request.WithContext(ctx)
	recorder := c.recorded(request)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.t.Fatalf("%s %s was not answered within %s", request.Method, request.URL, patience)
	}
	a := &answer{
		c.t, fmt.Sprintf("%s %.120s %.200q", request.Method, request.URL, body),
		recorder.Code, recorder.Result().Header, recorder.Body.String(),
	}
	a.checkForm(request.URL.Path)
	if !c.impossible {
		a.checkContract(request, body)
	}
	return a
}

// accessLogged switches the access log on.
func accessLogged(o *handlers.Options) { o.AccessLog = true }

// limitedTo limits clients to a rate, in requests per second.
func limitedTo(perSecond float64) func(*handlers.Options) {
	return func(o *handlers.Options) { o.RateLimit = perSecond }
}

// recorded is do without its checks.
func (c *client) recorded(request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	c.api.ServeHTTP(recorder, request)
	return recorder
}

// explainedIn is the member of a problem that says what is wrong, in the API of a path.
func explainedIn(path string) string {
	if strings.HasPrefix(path, "/api/") {
		return "detail"
	}
	return "message"
}

// documents are the paths whose answers are not JSON, with their types.
var documents = map[string]string{
	"/openapi.yaml": "application/yaml", "/docs": "text/html; charset=utf-8",
	"/metrics": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
}

// checkForm checks what all answers have in common.
func (a *answer) checkForm(path string) {
	a.t.Helper()
	contentType := "application/json"
	switch {
	case a.status >= 400 && strings.HasPrefix(path, "/api/"), path == "/readyz" && a.status == http.StatusServiceUnavailable:
		contentType = "application/problem+json"
		a.holds(fmt.Sprintf(`{"type":"<text>","title":"<text>","status":%d,"detail":"<text>","code":"<text>","error":"<text>"}`,
			a.status))
	case a.status >= 400:
		a.holds(`{"message":"<text>","code":"<text>"}`)
	case documents[path] != "":
		contentType = documents[path]
	}
	a.hasHeader("Content-Type", contentType)
	if told := a.header.Get("Content-Length"); told != "" { // else net/http tells it, see TestLengthIsTold
		a.hasHeader("Content-Length", strconv.Itoa(len(a.body)))
	}
	if a.header.Get("X-Request-Id") == "" {
		a.t.Errorf("%s: no X-Request-Id", a.request)
	}
}

// is checks the status, and the body as holds does.
func (a *answer) is(status int, want string) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s\n answered %d %s want %d %s", a.request, a.status, a.body, status, want)
	}
	return a.holds(want)
}

// holds checks the body: a JSON pattern, see differences.
func (a *answer) holds(want string) *answer {
	a.t.Helper()
	if found := differences(parse(a.t, want), parse(a.t, a.body), "body"); len(found) > 0 {
		a.t.Fatalf("%s\n answered %d %s but %s", a.request, a.status, a.body, strings.Join(found, "; "))
	}
	return a
}

func (a *answer) hasHeader(name, want string) *answer {
	a.t.Helper()
	if got := strings.Join(a.header.Values(name), ", "); got != want {
		a.t.Errorf("%s\n answered %d with %s %q, want %q", a.request, a.status, name, got, want)
	}
	return a
}

// value returns a member of the body; path is as in "event.uuid".
func (a *answer) value(path string) any {
	a.t.Helper()
	value := parse(a.t, a.body)
	for name := range strings.SplitSeq(path, ".") {
		members, _ := value.(map[string]any)
		value = members[name]
	}
	if value == nil {
		a.t.Fatalf("%s\n answered %s without %s", a.request, a.body, path)
	}
	return value
}

func (a *answer) text(path string) string {
	a.t.Helper()
	text, _ := a.value(path).(string)
	return text
}

func (a *answer) integer(path string) int64 {
	a.t.Helper()
	number, _ := a.value(path).(json.Number)
	integer, err := number.Int64()
	if err != nil {
		a.t.Fatalf("%s\n answered %s, in which %s is no integer", a.request, a.body, path)
	}
	return integer
}

// event is an event that a test made.
type event struct {
	uuid   string
	number int64
}

func (e event) path() string { return "/api/events/" + e.uuid }

// event makes an event; settings are further members of the body, as in `"maxPerUser":1`.
func (c *client) event(total int, settings ...string) event {
	c.t.Helper()
	body := append([]string{`"eventName":"Concert"`, fmt.Sprintf(`"totalTickets":%d`, total)}, settings...)
	created := c.post("/api/events/initialize", "{"+strings.Join(body, ",")+"}").is(201, `{}`)
	return event{created.text("eventId"), created.integer("number")}
}

// bookBody is a body for booking through either API; user is JSON.
func (e event) bookBody(path, user string, members ...string) string {
	id := strconv.Quote(e.uuid)
	if path == "/book" || path == "/cancel" {
		id = strconv.FormatInt(e.number, 10)
	}
	all := append([]string{`"eventId":` + id, `"userId":` + user}, members...)
	return "{" + strings.Join(all, ",") + "}"
}

// book books through the event API, and returns the answer whatever it is.
func (c *client) book(e event, user string, members ...string) *answer {
	c.t.Helper()
	return c.post("/api/events/book", e.bookBody("/api/events/book", strconv.Quote(user), members...))
}

// confirmed books a ticket that has to be confirmed, and returns the booking's id.
func (c *client) confirmed(e event, user string, members ...string) string {
	c.t.Helper()
	return c.book(e, user, members...).is(200, `{"status":"Confirmed"}`).text("bookingId")
}

// waiting books a ticket that has to wait, and returns the booking's id.
func (c *client) waiting(e event, user string, members ...string) string {
	c.t.Helper()
	return c.book(e, user, members...).is(201, `{"status":"Waiting List"}`).text("bookingId")
}

// cancel cancels through the event API.
func (c *client) cancel(booking, user string) *answer {
	c.t.Helper()
	return c.post("/api/events/cancel", fmt.Sprintf(`{"bookingId":%q,"userId":%q}`, booking, user))
}

// stands checks where a booking stands now.
func (c *client) stands(booking, status string, position int) *answer {
	c.t.Helper()
	want := fmt.Sprintf(`{"bookingId":%q,"status":%q,"position":"<absent>"}`, booking, status)
	if position > 0 {
		want = fmt.Sprintf(`{"bookingId":%q,"status":%q,"position":%d}`, booking, status, position)
	}
	return c.get("/api/bookings/"+booking).is(200, want)
}

// names checks that a text of the body says what it is about.
func (a *answer) names(member, what string) *answer {
	a.t.Helper()
	if !strings.Contains(a.text(member), what) {
		a.t.Errorf("%s\n answered %d %s whose %s does not name %s", a.request, a.status, a.body, member, what)
	}
	return a
}
