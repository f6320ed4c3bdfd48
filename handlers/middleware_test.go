package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// The id of a request is the client's if that is plain, else one of our own.
func TestRequestID(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	const header = "X-Request-Id: "
	for _, kept := range []string{"a", "0198c1e2-7c1d-7abc-9def-0123456789ab", "a/b:c{d}~", strings.Repeat("x", 128)} {
		for _, path := range []string{"/status/1", "/livez", "/unknown", "/book"} {
			c.send("GET", path, "", header+kept).hasHeader("X-Request-Id", kept)
		}
	}
	seen := map[string]bool{}
	for _, headers := range [][]string{
		nil, nil, {header}, {header + " "}, {header + "a b"}, {header + "a\x1b[31m"}, {header + "a\x7f"}, {header + "é"},
		{header + strings.Repeat("x", 129)}, {header + "a", header + "b"},
	} {
		ids := c.send("GET", "/status/1", "", headers...).header.Values("X-Request-Id")
		id := strings.Join(ids, ", ")
		switch {
		case !regexp.MustCompile(`^[!-~]{8,128}$`).MatchString(id) || len(ids) != 1:
			t.Errorf("with %q the id is %q", headers, ids)
		case slices.Contains(headers, header+id):
			t.Errorf("with %q the id is the client's", headers)
		case seen[id]:
			t.Errorf("the id %q was given twice", id)
		}
		seen[id] = true
	}
}

// A panic in the store: the same answer, and the server lives.
func TestPanic(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]any{
		"text": secret, "error": errors.New(secret),
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			f := &fake{fails: func(context.Context) error { panic(cause) }}
			c := serve(t, f, j.into, func(o *handlers.Options) { o.AccessLog = true })
			for _, call := range storeCalls {
				a := c.send(call.method, call.path, call.body, "X-Request-Id: the-id")
				checkInternalError(t, a, call.path)
				lines := j.take(t)
				if len(lines) != 2 || lines[0]["msg"] != "panic: "+secret || lines[0]["request_id"] != "the-id" ||
					!strings.Contains(fmt.Sprint(lines[0]["stack"]), "fake_test.go") || lines[1]["status"] != 500.0 {
					t.Errorf("%s logged %v", a.request, lines)
				}
			}
			f.fails = nil
			c.get("/status/1").is(200, `{}`)
		})
	}
}

// The same over a real connection, which has to live too.
func TestPanicOverAConnection(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { panic(secret) }}, j.into)
	server := httptest.NewServer(c.api)
	defer server.Close()
	for path, want := range map[string]int{"/status/1": 500, "/livez": 200} {
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answered %d, want %d", path, response.StatusCode, want)
		}
	}
}

// http.ErrAbortHandler is net/http's own way to cut a connection, not an error.
func TestAbortIsPassedOn(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, &fake{fails: func(context.Context) error { panic(http.ErrAbortHandler) }}, j.into)
	defer func() {
		if cause, _ := recover().(error); !errors.Is(cause, http.ErrAbortHandler) {
			t.Errorf("recovered %v", cause)
		}
		if lines := j.take(t); len(lines) != 0 {
			t.Errorf("logged %v", lines)
		}
	}()
	c.get("/status/1")
}
