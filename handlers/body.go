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

// readBody decodes a JSON object.
func readBody(r *http.Request) (members, error) {
	if err := checkContentType(r.Header); err != nil {
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
	text := bytes.TrimPrefix(buffer.Bytes(), []byte("\ufeff")) // RFC 8259, section 8.1, allows to ignore a byte order mark
	text = bytes.Trim(text, " \t\r\n")                         // what JSON counts as space, and nothing else
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

// checkContentType accepts JSON in UTF-8, which nothing has been done to, and requests without a
// content type.
func checkContentType(header http.Header) error {
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupportedMedia(true)
	}
	content := header.Get("Content-Type")
	if content == "" || content == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(content)
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return unsupportedMedia(false)
	}
	if charset, given := params["charset"]; given && !slices.Contains(charsets, strings.ToLower(charset)) {
		return unsupportedMedia(false)
	}
	return nil
}

// charsets are names of UTF-8, and of what is a part of it.
var charsets = []string{"utf-8", "utf8", "us-ascii"}

func unsupportedMedia(encoding bool) error {
	return &inputError{
		status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", encoding: encoding,
		problems: []string{"The body must be JSON in UTF-8 and not compressed: Content-Type application/json, no Content-Encoding"},
	}
}
