package handlers

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/sirupsen/logrus"
)

// W3C Trace Context, https://www.w3.org/TR/trace-context-2/: a caller that traces
// names its trace and its span in traceparent. The service sends nothing on except
// commands to Redis, so it shows the trace where people look for it: in the answer's
// headers, in every line of the log and in problems. A request without a trace gets
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

// passTraceOn answers with the caller's trace and a new span, if the caller has a trace.
// The request keeps the caller's header.
func passTraceOn(answer, request http.Header) {
	parent := request[traceparentHeader]
	if len(parent) != 1 || !isTraceparent(parent[0]) {
		return // section 3.2: as if there were none, and no tracestate either
	}
	answer[traceparentHeader] = []string{childOf(parent[0])}
	if state := request[tracestateHeader]; len(state) > 0 && isTracestate(strings.Join(state, ",")) {
		answer[tracestateHeader] = state
	}
}

// isTracestate checks the characters and the length of a header by section 3.3. What its
// list says concerns only those who wrote it.
func isTracestate(header string) bool {
	return len(header) <= maxTracestate &&
		!strings.ContainsFunc(header, func(char rune) bool { return (char < ' ' && char != '\t') || char > '~' })
}

// isTraceparent checks a header by section 3.2.2. A later version may have more fields, after
// the same first four (section 4).
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
	var span [8]byte
	binary.BigEndian.PutUint64(span[:], rand.Uint64()|1) //nolint:gosec // unique, not secret; 0 would be no id
	flags, _ := hex.DecodeString(parent[flagsStart:flagsEnd])
	child := make([]byte, 0, flagsEnd)
	child = append(child, "00"...)
	child = append(child, parent[len("00"):spanStart]...)
	child = hex.AppendEncode(child, span[:])
	child = append(child, '-')
	child = hex.AppendEncode(child, []byte{flags[0] & knownFlags})
	return string(child)
}

// ids are what a request is known by, in the log and in problems.
type ids struct {
	request string
	trace   string // empty without a trace, as are the spans
	span    string // the service's
	parent  string // the caller's
}

// idsOf reads the ids that identify put into the headers of the answer.
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
