package handlers

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"boxoffice/store"
)

// requestInfo is what the metrics and the access log need to know of a request and its
// answer. It travels as the handlers' ResponseWriter, which costs less than a context.
type requestInfo struct {
	http.ResponseWriter
	status  int            // 0: nothing was answered yet
	route   *measuredRoute // nil: no route took the request
	counts  *outcomes
	outcome string // confirmed, waiting, ..., or the code of a problem
	event   uint64 // number, 0 = none is meant
	user    string
	keyed   bool // the client sent an Idempotency-Key
}

// The outcomes of requests that succeeded. The others are the codes of problems.
const (
	outcomeOK        = "ok"
	outcomeCreated   = "created"
	outcomeCancelled = "cancelled"
	outcomeReduced   = "reduced"
	outcomeLate      = "late"     // a confirmation after the deadline
	outcomeReplayed  = "replayed" // a repetition, which got the first answer again
)

// What stands for the answer to a client that has hung up: nginx's 499, Client Closed
// Request. A 503 would say that the service was at fault.
const (
	statusClientGone  = 499
	outcomeClientGone = "client_closed_request"
)

// WriteHeader remembers the status.
func (info *requestInfo) WriteHeader(status int) {
	if info.status == 0 && status >= http.StatusOK { // 1xx come before the answer
		info.status = status
	}
	info.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what is underneath.
func (info *requestInfo) Unwrap() http.ResponseWriter { return info.ResponseWriter }

var requestInfos = sync.Pool{New: func() any { return new(requestInfo) }}

// requestInfoOf finds the request's info under other middleware's writers. It is nil if
// neither metrics nor the access log are on.
func requestInfoOf(w http.ResponseWriter) *requestInfo {
	for {
		switch writer := w.(type) {
		case *requestInfo:
			return writer
		case interface{ Unwrap() http.ResponseWriter }:
			w = writer.Unwrap()
		default:
			return nil
		}
	}
}

// observe measures requests and writes the access log, whichever of the two is on.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		info := requestInfos.Get().(*requestInfo) //nolint:forcetypeassert // the pool's own
		*info = requestInfo{ResponseWriter: w}
		if a.Metrics != nil {
			a.Metrics.inFlight.Inc()
		}
		defer func() {
			if a.Metrics != nil {
				a.Metrics.inFlight.Dec()
			}
			if info.status == 0 { // cut off: see http.ErrAbortHandler
				return
			}
			took := time.Since(start)
			if a.Metrics != nil {
				a.Metrics.answered(info, took)
			}
			if a.AccessLog {
				a.logAccess(info, r, took)
			}
			*info = requestInfo{}
			requestInfos.Put(info)
		}()
		next.ServeHTTP(info, r)
		if info.status == 0 {
			info.status = http.StatusOK // what net/http answers then
		}
	})
}

// on names the route in the metrics and the access log of its requests.
func (a *API) on(path, method string, handler http.HandlerFunc) http.HandlerFunc {
	if a.Metrics == nil && !a.AccessLog {
		return handler
	}
	matched := &measuredRoute{path: path, method: method}
	if a.Metrics != nil {
		matched = a.Metrics.route(path, method)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if info := requestInfoOf(w); info != nil {
			info.route = matched
		}
		handler(w, r)
	}
}

// routeOf is the template of the path that took the request. The path itself is not
// logged, as anything may be written in one.
func routeOf(w http.ResponseWriter, r *http.Request) string {
	if info := requestInfoOf(w); info != nil && info.route != nil {
		return info.route.path
	}
	if matched := mux.CurrentRoute(r); matched != nil {
		if path, err := matched.GetPathTemplate(); err == nil {
			return path
		}
	}
	return unmatched
}

// noteRequest remembers what is asked for. The request may be half parsed.
func noteRequest[Request any](a *API, w http.ResponseWriter, request *Request) *requestInfo {
	if a.Metrics == nil && !a.AccessLog {
		return nil
	}
	info := requestInfoOf(w)
	if info == nil {
		return nil
	}
	info.counts = a.Metrics.outcomesOf(request)
	var event store.EventRef
	switch asked := any(request).(type) {
	case *store.BookRequest:
		event, info.user, info.keyed = asked.Event, asked.User, asked.IdempotencyKey != ""
	case *store.HoldRequest:
		event, info.user, info.keyed = asked.Event, asked.User, asked.IdempotencyKey != ""
	case *confirmRequest:
		info.user, info.event, info.keyed = asked.user, store.EventOf(asked.booking), true
		return info
	case *extendRequest:
		info.user, info.event = asked.user, store.EventOf(asked.booking)
		return info
	case *store.CancelRequest:
		info.user, info.event, info.keyed = asked.User, store.EventOf(asked.Booking), true
		return info
	case *store.ReduceRequest:
		info.user, info.event, info.keyed = asked.User, store.EventOf(asked.Booking), true
		return info
	case *store.CancelOldestRequest:
		event, info.user, info.keyed = asked.Event, asked.User, asked.IdempotencyKey != ""
	case *store.InitializeRequest:
		info.keyed = asked.IdempotencyKey != ""
	case *store.UpdateRequest:
		event = asked.Event
	case *store.BookingsRequest:
		event, info.user = asked.Event, asked.User
	case *store.EventRef:
		event = *asked
	}
	info.event = event.Number()
	return info
}

// noteResult remembers the outcome of a request that succeeded.
func noteResult[Result any](a *API, info *requestInfo, result *Result) {
	if info == nil {
		return
	}
	info.outcome = outcomeOK
	switch answered := any(result).(type) {
	case *store.BookResult:
		info.outcome = info.replayed(answered.Replayed, string(answered.Status))
		if a.Metrics != nil && answered.Position > 0 && info.outcome != outcomeReplayed {
			a.Metrics.waitingList.Observe(float64(answered.Position))
		}
	case *store.HoldResult:
		info.outcome = info.replayed(answered.Replayed, string(store.StatusHeld))
	case *store.ConfirmResult:
		info.outcome = info.replayed(answered.Replayed, confirmedOutcome(answered.Late))
	case *store.CancelResult:
		info.outcome = info.replayed(answered.Replayed, outcomeCancelled)
	case *store.ReduceResult:
		info.outcome = info.replayed(answered.Replayed, outcomeReduced)
	case *store.InitializeResult:
		info.outcome, info.event = info.replayed(answered.Replayed, outcomeCreated), answered.Event.Number
	case *store.Booking:
		info.event = answered.EventNumber
	}
}

func confirmedOutcome(late bool) string {
	if late {
		return outcomeLate
	}
	return string(store.StatusConfirmed)
}

// replayed is the outcome of a request that may be a client's retry. Without an
// Idempotency-Key, a replay is the store's own retry.
func (info *requestInfo) replayed(replayed bool, outcome string) string {
	if replayed && info.keyed {
		return outcomeReplayed
	}
	return outcome
}

// noteProblem remembers why a request was refused.
func noteProblem(w http.ResponseWriter, code string) {
	if info := requestInfoOf(w); info != nil {
		info.outcome = code
	}
}

// noteGone remembers that the client has hung up.
func noteGone(w http.ResponseWriter) {
	if info := requestInfoOf(w); info != nil {
		info.status, info.outcome = statusClientGone, outcomeClientGone
	}
}
