package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// members are those of a JSON object, by their exact names: encoding/json would take
// USERID for userId. Their values are checked one by one later, so that the answer can
// list everything that is wrong.
type members []member

type member struct {
	name  string
	value gjson.Result
}

// get returns the last member with the name, as JSON decoders do, or a missing value.
func (m members) get(name string) gjson.Result {
	for _, one := range slices.Backward(m) {
		if one.name == name {
			return one.value
		}
	}
	return gjson.Result{}
}

// readBody decodes a JSON object.
func readBody(r *http.Request) (members, error) {
	if err := checkContentType(r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, maxBody+1)); err != nil {
		return nil, badInput("The body could not be read")
	}
	if buffer.Len() > maxBody {
		return nil, &inputError{status: http.StatusRequestEntityTooLarge, code: "body_too_large",
			problems: []string{fmt.Sprintf("The body is larger than %d bytes", maxBody)}}
	}
	text := bytes.Trim(buffer.Bytes(), " \t\r\n") // what JSON counts as space, and nothing else
	switch {
	case len(text) == 0:
		return nil, badInput("The body is empty; it must be a JSON object")
	case !utf8.Valid(text):
		return nil, badInput("The body is not valid UTF-8")
	}
	if !gjson.ValidBytes(text) {
		return nil, badInput("The body is not valid JSON: %v", whyInvalid(text))
	}
	object := gjson.ParseBytes(text)
	if !object.IsObject() {
		return nil, badInput("The body must be a JSON object")
	}
	body := make(members, 0, usualMembers)
	object.ForEach(func(name, value gjson.Result) bool {
		body = append(body, member{name: name.Str, value: value})
		return true
	})
	return body, nil
}

// usualMembers is how many members most requests have.
const usualMembers = 4

// whyInvalid says what is wrong with JSON, and where.
func whyInvalid(text []byte) string {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &syntax) {
		return fmt.Sprintf("%v (after %d bytes)", syntax, syntax.Offset)
	}
	return "the reason is unknown"
}

// checkContentType accepts JSON, and requests without a content type.
func checkContentType(header string) error {
	if header == "" || header == "application/json" {
		return nil
	}
	media, _, err := mime.ParseMediaType(header)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	return &inputError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type",
		problems: []string{"Content-Type must be application/json"}}
}
