package handlers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"boxoffice/store"
)

// timestamp is an instant as answers show it: RFC 3339, UTC, milliseconds.
type timestamp time.Time

// MarshalText formats the instant.
func (t timestamp) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	writeBody(w, status, jsonType, body)
}

func writeBody(w http.ResponseWriter, status int, contentType []string, body any) {
	out := encoders.Get().(*encoder) //nolint:forcetypeassert // the pool's own
	defer encoders.Put(out)
	out.Reset()
	if err := out.json.Encode(body); err != nil {
		panic(err) // answers are structs of plain values, so this is a mistake in the program
	}
	header := w.Header()
	header["Content-Type"] = contentType
	if out.Len() > maxCountedLength {
		header["Content-Length"] = []string{strconv.Itoa(out.Len())}
	}
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the client is gone if this fails
}

// maxCountedLength is up to how many bytes net/http sets Content-Length by itself, which
// costs less than a header here.
const maxCountedLength = 1024

// Values of headers that all answers share.
var (
	jsonType    = []string{"application/json"}
	problemType = []string{"application/problem+json"}
)

// encoder writes JSON into a buffer of its own.
type encoder struct {
	bytes.Buffer
	json *json.Encoder
}

var encoders = sync.Pool{New: func() any {
	out := new(encoder)
	out.json = json.NewEncoder(&out.Buffer)
	out.json.SetEscapeHTML(false)
	return out
}}

// tagVersion names the version of the event that an answer shows, for If-Match.
func tagVersion(w http.ResponseWriter, event store.Event) {
	w.Header()["Etag"] = []string{versionTag(event.Version)}
}

func versionTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// markReplayed marks an answer that repeats the first one to the same request.
func markReplayed(w http.ResponseWriter, replayed bool) {
	if replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
}
