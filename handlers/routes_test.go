package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// paths are all paths, with the methods that each has.
func paths(e event) map[string]string {
	return map[string]string{
		"/api/events/initialize":               "POST",
		"/api/events/book":                     "POST",
		"/api/events/cancel":                   "POST",
		"/api/events/hold":                     "POST",
		"/api/bookings/" + someID + "/confirm": "POST",
		"/api/bookings/" + someID + "/extend":  "POST",
		"/api/events/status/" + e.uuid:         "GET, HEAD",
		"/api/events":                          "GET, HEAD",
		"/api/events/" + e.uuid:                "GET, HEAD, PATCH",
		"/api/events/" + e.uuid + "/bookings":  "GET, HEAD",
		"/api/bookings/" + e.uuid:              "GET, HEAD, PATCH",
		"/initialize":                          "POST",
		"/book":                                "POST",
		"/cancel":                              "POST",
		"/status/1":                            "GET, HEAD",
		"/livez":                               "GET, HEAD",
		"/readyz":                              "GET, HEAD",
		"/openapi.yaml":                        "GET, HEAD",
		"/docs":                                "GET, HEAD",
	}
}

func TestWrongMethod(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(1)
	for path, allow := range paths(e) {
		allowed := strings.Split(allow, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			a := c.send(method, path, "")
			if slices.Contains(allowed, method) {
				if a.status == 405 {
					t.Errorf("%s answered 405, and is allowed", a.request)
				}
				continue
			}
			want := `{"code":"method_not_allowed","message":"Method not allowed"}`
			if strings.HasPrefix(path, "/api/") {
				want = `{"code":"method_not_allowed","error":"Method not allowed","details":"<text>"}`
			}
			a.is(405, want).hasHeader("Allow", allow)
		}
	}
	c.get(e.path()).is(200, `{"version":1}`)
}

func TestUnknownPath(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, path := range []string{
		"/", "/x", "/book/", "/book/1", "/status", "/status/", "/status/1/", "/status/1/x", "/Book", "/initialize.json",
		"/favicon.ico", "/livez/", "/healthz", "/api", "/apix",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			c.send(method, path, "").is(404, `{"message":"Path not found","code":"route_not_found"}`).hasHeader("Allow", "")
		}
	}
	for _, path := range []string{
		"/api/", "/api/x", "/api/events/", "/api/events/1/2", "/api/events/1/bookings/", "/api/events/1/bookings/2",
		"/api/bookings", "/api/bookings/", "/api/bookings/1/2", "/api/events/status/", "/api/Events",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			c.send(method, path, "").is(404, `{"error":"Resource not found",
				"details":"Specified resource could not be found","code":"route_not_found"}`).hasHeader("Allow", "")
		}
	}
}

// HEAD answers as GET does, and both tell how long the answer is, short or long.
func TestLengthIsTold(t *testing.T) {
	t.Parallel()
	c := start(t)
	e := c.event(100)
	for range 20 {
		c.book(e, "ann")
	}
	server := httptest.NewServer(c.api)
	defer server.Close()
	ask := func(method, path string) (status int, told int64, body []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		if body, err = io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.ContentLength, body
	}
	for path, allow := range paths(e) {
		if !strings.HasPrefix(allow, "GET") || strings.Contains(path, "/bookings/") {
			continue
		}
		get, length, body := ask("GET", path)
		head, headLength, _ := ask("HEAD", path)
		if get != 200 || head != 200 || length != int64(len(body)) || headLength != length {
			t.Errorf("%s: GET answered %d and %d bytes, told as %d; HEAD %d, told as %d", path, get, len(body), length, head, headLength)
		}
	}
}

// A path is taken as it is: a redirect to a cleaner one would make a GET of a POST.
func TestUncleanPathsAreNotFound(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, path := range []string{"//book", "/./book", "/x/../book", "/book/", "/api/events//book"} {
		if got := c.post(path, `{}`); got.status != 404 && got.status != 405 {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
}
