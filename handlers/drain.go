package handlers

import (
	"net/http"
	"sync/atomic"
)

// Drain begins the end: from now on /readyz answers 503, so that no new clients are sent
// here, and every answer tells its client to close the connection.
func (a *API) Drain() { a.draining.Store(true) }

var closeConnection = []string{"close"}

// tellClose makes answers say Connection: close while the instance drains. What counts is the
// moment when the answer begins, as the request may have come before. A request of a client
// that was told cannot be on its way when the connection is closed.
func (a *API) tellClose(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&closingWriter{ResponseWriter: w, draining: &a.draining}, r)
	})
}

type closingWriter struct {
	http.ResponseWriter
	draining *atomic.Bool
	begun    bool
}

func (c *closingWriter) begin() {
	if !c.begun && c.draining.Load() {
		c.Header()["Connection"] = closeConnection
	}
	c.begun = true
}

// WriteHeader writes the status.
func (c *closingWriter) WriteHeader(status int) {
	if status >= http.StatusOK { // 1xx come before the answer
		c.begin()
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body.
func (c *closingWriter) Write(part []byte) (int, error) {
	c.begin()
	return c.ResponseWriter.Write(part)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (c *closingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
