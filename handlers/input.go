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
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"
)

// Bounds of what clients may send.
const (
	maxBody           = 16 << 10 // bytes
	maxUser           = 128      // characters
	maxName           = 200      // characters
	maxTickets        = 1_000_000_000
	maxIdempotencyKey = 255 // characters
	maxPage           = 500 // entries
	defaultPage       = 50  // entries
)

// inputError is a request that cannot be understood or is out of bounds. Its
// problems are sentences that name what is wrong.
type inputError struct {
	status   int
	code     string
	problems []string
}

func (e *inputError) Error() string { return strings.Join(e.problems, "; ") }

func badInput(format string, args ...any) error {
	return &inputError{status: http.StatusBadRequest, code: "invalid_input", problems: []string{fmt.Sprintf(format, args...)}}
}

// joinProblems makes one error of all that is wrong, or nil.
func joinProblems(errs ...error) error {
	var all []string
	for _, err := range errs {
		if input, ok := errors.AsType[*inputError](err); ok {
			all = append(all, input.problems...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &inputError{status: http.StatusBadRequest, code: "invalid_input", problems: all}
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// members are those of a JSON object, by their exact names: a struct would take
// USERID for userId. What they hold is looked at one by one later, so that all that
// is wrong can be told at once.
type members []member

type member struct {
	name  string
	value gjson.Result
}

// get returns the last member of the name, as JSON decoders do, or one that is missing.
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
			problems: []string{fmt.Sprintf("The body has more than %d bytes", maxBody)}}
	}
	text := bytes.Trim(buffer.Bytes(), " \t\r\n") // what is space to JSON, and no other
	switch {
	case len(text) == 0:
		return nil, badInput("The body is empty, it must be a JSON object")
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

// usualMembers is how many most requests have.
const usualMembers = 4

// whyInvalid tells what is wrong with JSON, and where.
func whyInvalid(text []byte) string {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &syntax) {
		return fmt.Sprintf("%v (after %d bytes)", syntax, syntax.Offset)
	}
	return "it is not clear why"
}

// checkContentType takes JSON, and a request that does not say what it sends.
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

func missing(value gjson.Result) bool { return value.Type == gjson.Null }

// userField reads who books: a string, or an exact integer that is the same user
// as the string of its digits.
func userField(value gjson.Result) (string, error) {
	if missing(value) {
		return "", badInput("userId is required")
	}
	user := value.Str
	switch {
	case isInteger(value):
		user = value.Raw
	case value.Type != gjson.String:
		return "", badInput("userId must be a string or an integer")
	}
	return user, checkText("userId", user, maxUser, unicode.IsControl)
}

// isInteger tells whether a value is a number that is written as an integer, however long.
func isInteger(value gjson.Result) bool {
	return value.Type == gjson.Number && integral(value.Raw)
}

func integral(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	return digits != "" && text != "-0"
}

func checkText(field, text string, most int, refused func(rune) bool) error {
	if text == "" {
		return badInput("%s must not be empty", field)
	}
	if utf8.RuneCountInString(text) > most {
		return badInput("%s must have at most %d characters", field, most)
	}
	if refused != nil && strings.ContainsFunc(text, refused) {
		return badInput("%s must not contain control characters", field)
	}
	// What the JSON decoder puts in place of half a surrogate pair: with it, two
	// different texts would be taken for one.
	if strings.ContainsRune(text, utf8.RuneError) {
		return badInput("%s must be valid Unicode", field)
	}
	return nil
}

// nameField reads an event's name; label is what the message calls it.
func nameField(label string, value gjson.Result) (string, error) {
	if missing(value) {
		return "", badInput("%s is required", label)
	}
	if value.Type != gjson.String {
		return "", badInput("%s must be a string", label)
	}
	name := value.Str
	if strings.TrimSpace(name) == "" {
		return "", badInput("%s must not be empty", label)
	}
	return name, checkText(label, name, maxName, nil)
}

// integerField reads an integer within bounds.
func integerField(field string, value gjson.Result, least, most int64) (int64, error) {
	if missing(value) {
		return 0, badInput("%s is required", field)
	}
	if !isInteger(value) {
		return 0, badInput("%s must be an integer", field)
	}
	number, err := strconv.ParseInt(value.Raw, 10, 64)
	if err != nil || number < least || number > most {
		return 0, badInput("%s must be from %d to %d", field, least, most)
	}
	return number, nil
}

// optionalField reads an integer within bounds, or the default where there is none.
func optionalField(field string, value gjson.Result, least, most, otherwise int64) (int64, error) {
	if missing(value) {
		return otherwise, nil
	}
	return integerField(field, value, least, most)
}

func quantityField(value gjson.Result) (int64, error) {
	return optionalField("quantity", value, 1, maxTickets, 1)
}

// limitFields reads the two limits that an event may have.
func limitFields(maxPerUser, waitingList gjson.Result) (perUser, waiting int64, err error) {
	perUser, perUserErr := optionalField("maxPerUser", maxPerUser, 0, maxTickets, 0)
	waiting, waitingErr := optionalField("waitingListLimit", waitingList, 0, maxTickets, 0)
	return perUser, waiting, joinProblems(perUserErr, waitingErr)
}

func uuidField(field string, value gjson.Result) (uuid.UUID, error) {
	if missing(value) {
		return uuid.Nil, badInput("%s is required", field)
	}
	if value.Type != gjson.String {
		return uuid.Nil, badInput("%s must be a UUID in a string", field)
	}
	return parseUUID(field, value.Str)
}

// parseUUID takes the form of RFC 9562 section 4 only, in either case.
func parseUUID(field, text string) (uuid.UUID, error) {
	const textLength = 36
	id, err := uuid.Parse(text)
	if err != nil || len(text) != textLength {
		return uuid.Nil, badInput("%s must be a UUID", field)
	}
	return id, nil
}

// idempotencyKey reads the header of a request that may be repeated.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || len(key) == 0 || len(key) > maxIdempotencyKey {
		return "", badInput("Idempotency-Key must be one header of 1 to %d characters", maxIdempotencyKey)
	}
	for _, char := range []byte(key) {
		if char <= ' ' || char > '~' {
			return "", badInput("Idempotency-Key must consist of visible ASCII characters")
		}
	}
	return key, nil
}

// page is which part of a list is asked for.
type page struct {
	cursor string
	limit  int
}

func parsePage(r *http.Request) (page, error) {
	query := r.URL.Query()
	p := page{cursor: query.Get("cursor"), limit: defaultPage}
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxPage {
			return page{}, badInput("limit must be from 1 to %d", maxPage)
		}
		p.limit = limit
	}
	return p, nil
}
