package handlers

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/sirupsen/logrus"
)

// W3C Trace Context, https://www.w3.org/TR/trace-context-2/: a caller that traces
// names its trace and its span in traceparent. The service sends nothing onwards but
// commands to Redis, so it passes the trace on where people look for it: in the
// answer, in every line of the log and in error answers. A request without one gets
// none: its request id does the same within the service.

const (
	traceparentHeader = "Traceparent"
	tracestateHeader  = "Tracestate"
)

// Where the fields of traceparent are: version-traceid-parentid-flags.
const (
	traceStart, traceEnd = 3, 35
	spanStart, spanEnd   = 36, 52
	flagsStart, flagsEnd = 53, 55

	maxTracestate = 512  // characters: what section 3.3.1.5 asks to propagate at least
	knownFlags    = 0x03 // sampled, random trace id
)

// passTraceOn answers with the caller's trace and a span of our own, if the caller
// has a trace. The caller's header stays in the request.
func passTraceOn(answer, request http.Header) {
	parent := request[traceparentHeader]
	if len(parent) != 1 || !isTraceparent(parent[0]) {
		return // section 3.2: as if there were none; its tracestate goes with it
	}
	answer[traceparentHeader] = []string{childOf(parent[0])}
	if state := request[tracestateHeader]; len(state) > 0 && isTracestate(strings.Join(state, ",")) {
		answer[tracestateHeader] = state
	}
}

// isTracestate checks the characters and the length of a header, as section 3.3 has them.
// What is in its list is the affair of those who wrote it.
func isTracestate(header string) bool {
	return len(header) <= maxTracestate &&
		!strings.ContainsFunc(header, func(char rune) bool { return (char < ' ' && char != '\t') || char > '~' })
}

// isTraceparent checks a header by section 3.2.2. Of a version to come, which may
// have more fields, the first four are as they are now (section 4).
func isTraceparent(header string) bool {
	if len(header) < flagsEnd || header[:2] == "ff" || !isLowerHex(header[:2]) {
		return false
	}
	if len(header) > flagsEnd && (header[:2] == "00" || header[flagsEnd] != '-') {
		return false
	}
	trace, span := header[traceStart:traceEnd], header[spanStart:spanEnd]
	return header[traceStart-1] == '-' && header[spanStart-1] == '-' && header[flagsStart-1] == '-' &&
		isLowerHex(trace) && isLowerHex(span) && isLowerHex(header[flagsStart:flagsEnd]) &&
		strings.Trim(trace, "0") != "" && strings.Trim(span, "0") != ""
}

func isLowerHex(text string) bool {
	for _, char := range []byte(text) {
		if (char < '0' || char > '9') && (char < 'a' || char > 'f') {
			return false
		}
	}
	return true
}

// childOf is a traceparent of version 00 in the same trace, with a new span.
func childOf(parent string) string {
	const digits = "0123456789abcdef"
	var child [flagsEnd]byte
	copy(child[:], "00")
	copy(child[2:], parent[2:flagsEnd])
	span := rand.Uint64() | 1 //nolint:gosec // unique, not secret; 0 would be no id
	for i := range spanEnd - spanStart {
		child[spanStart+i] = digits[span>>(4*i)&0xf]
	}
	flags, _ := hex.DecodeString(parent[flagsStart:flagsEnd])
	hex.Encode(child[flagsStart:], []byte{flags[0] & knownFlags})
	return string(child[:])
}

// ids are what a request is known by, in the log and in error answers.
type ids struct {
	request string
	trace   string // empty without a trace, as are the spans
	span    string // ours
	parent  string // the caller's
}

// idsOf reads what identify noted.
func idsOf(w http.ResponseWriter, r *http.Request) ids {
	known := answerIDs(w)
	if known.trace != "" {
		known.parent = r.Header[traceparentHeader][0][spanStart:spanEnd]
	}
	return known
}

func answerIDs(w http.ResponseWriter) ids {
	var known ids
	header := w.Header()
	if id := header[requestIDHeader]; len(id) == 1 {
		known.request = id[0]
	}
	if trace := header[traceparentHeader]; len(trace) == 1 {
		known.trace, known.span = trace[0][traceStart:traceEnd], trace[0][spanStart:spanEnd]
	}
	return known
}

func (i ids) fields() logrus.Fields {
	fields := logrus.Fields{"request_id": i.request}
	if i.trace != "" {
		fields["trace_id"], fields["span_id"], fields["parent_id"] = i.trace, i.span, i.parent
	}
	return fields
}
