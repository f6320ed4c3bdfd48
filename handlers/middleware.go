package handlers

import (
	"crypto/rand"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

const requestIDHeader = "X-Request-Id"

// withMiddleware wraps the routes in what all requests pass. What is switched off
// is not there at all.
func (a *API) withMiddleware(next http.Handler) http.Handler {
	if a.RateLimit > 0 {
		next = a.limitRate(next)
	}
	if len(a.APIKeys) > 0 {
		next = a.authenticate(next)
	}
	if len(a.CORSOrigins) > 0 {
		next = allowOrigins(a.CORSOrigins, next)
	}
	next = a.recoverPanics(next)
	if a.AccessLog {
		next = a.logAccess(next)
	}
	return secureHeaders(identify(next))
}

// identify takes the request's id from the client, or makes one, and answers with
// it. The handlers find it where the client would have put it.
func identify(next http.Handler) http.Handler {
	// One random part for the process and a number for the request: it has to be
	// unique, not secret, and costs a tenth of a random one.
	process := rand.Text()[:12] + "-"
	var count atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header[requestIDHeader]
		if len(id) != 1 || !plainID(id[0]) {
			id = []string{process + strconv.FormatUint(count.Add(1), 36)}
			r.Header[requestIDHeader] = id
		}
		w.Header()[requestIDHeader] = id
		next.ServeHTTP(w, r)
	})
}

// plainID keeps out of the log what could be mistaken for more than an id.
func plainID(id string) bool {
	const maxRequestID = 128
	for _, char := range []byte(id) {
		if char <= ' ' || char > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

func (a *API) requestLog(r *http.Request) *logrus.Entry {
	return a.Log.WithFields(logrus.Fields{
		"request_id": r.Header.Get(requestIDHeader), "method": r.Method, "path": r.URL.Path,
	})
}

// recoverPanics answers 500 and keeps the process alive.
func (a *API) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause == http.ErrAbortHandler {
				panic(cause)
			}
			a.requestLog(r).WithField("stack", string(debug.Stack())).Errorf("panic: %v", cause)
			failureFor(r)(w, problemOf(nil))
		}()
		next.ServeHTTP(w, r)
	})
}

// statusRecorder remembers what was answered.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (a *API) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		a.requestLog(r).WithFields(logrus.Fields{
			"status": recorder.status, "duration_ms": float64(time.Since(start).Microseconds()) / 1000,
		}).Info("request")
	})
}
