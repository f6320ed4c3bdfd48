package handlers

import (
	"crypto/rand"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"

	"github.com/sirupsen/logrus"
)

const requestIDHeader = "X-Request-Id"

// withMiddleware wraps the routes in what all requests pass through. What is switched off
// is left out.
func (a *API) withMiddleware(next http.Handler) http.Handler {
	if a.limiters != nil {
		next = a.limitRate(next)
	}
	if a.keyed {
		next = a.authenticate(next)
	}
	if len(a.CORSOrigins) > 0 {
		next = allowOrigins(a.CORSOrigins, next)
	}
	next = a.recoverPanics(next)
	if a.AccessLog || a.Metrics != nil {
		next = a.observe(next)
	}
	return a.tellClose(secureHeaders(identify(next)))
}

// identify puts the ids of a request into the headers of its answer, where the handlers find
// them: the client's request id, or a new one, and the client's trace, if there is one.
func identify(next http.Handler) http.Handler {
	// A random part for the process and a number for the request: an id has to be unique,
	// not secret, and this costs a tenth of a random one.
	process := rand.Text()[:12] + "-"
	var count atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header[requestIDHeader]
		if len(id) != 1 || !plainID(id[0]) {
			id = []string{process + strconv.FormatUint(count.Add(1), 36)}
		}
		answer := w.Header()
		answer[requestIDHeader] = id
		passTraceOn(answer, r.Header)
		next.ServeHTTP(w, r)
	})
}

// plainID keeps texts out of the log that could pass for more than an id.
func plainID(id string) bool {
	const maxRequestID = 128
	return id != "" && len(id) <= maxRequestID && visibleASCII(id)
}

func (a *API) requestLog(w http.ResponseWriter, r *http.Request) *logrus.Entry {
	fields := idsOf(w, r).fields()
	fields["method"], fields["route"] = methodLabel(r.Method), routeOf(w, r)
	return a.Log.WithFields(fields)
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
			a.requestLog(w, r).WithField("stack", string(debug.Stack())).Errorf("panic: %v", cause)
			p := problemOf(nil)
			noteProblem(w, p.code)
			failureFor(r)(w, p)
		}()
		next.ServeHTTP(w, r)
	})
}
