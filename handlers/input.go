package handlers

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	encoding bool // the body's encoding is what is wrong
}

func (e *inputError) Error() string { return strings.Join(e.problems, "; ") }

func badInput(format string, args ...any) error {
	return &inputError{status: http.StatusBadRequest, code: "invalid_input", problems: []string{fmt.Sprintf(format, args...)}}
}

// joinProblems joins input errors into one; it is nil if there are none.
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

func missing(value gjson.Result) bool { return value.Type == gjson.Null }

// userField reads a user: a string, or an exact integer, which is the same user as the string
// of its digits.
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
	return user, checkText("userId", user, maxUser)
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

// nameField reads an event's name; label is what the message calls it.
func nameField(label string, value gjson.Result) (string, error) {
	if missing(value) {
		return "", badInput("%s is required", label)
	}
	if value.Type != gjson.String {
		return "", badInput("%s must be a string", label)
	}
	return value.Str, checkText(label, value.Str, maxName)
}

// integerField reads a number of tickets.
func integerField(field string, value gjson.Result) (int64, error) {
	return integerUpTo(field, value, 1, maxTickets)
}

func integerUpTo(field string, value gjson.Result, least, most int64) (int64, error) {
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

// quantityField reads a number of tickets, 1 if there is none.
func quantityField(value gjson.Result) (int64, error) {
	if missing(value) {
		return 1, nil
	}
	return integerField("quantity", value)
}

// boolField reads true or false, or what is meant if it is missing.
func boolField(field string, value gjson.Result, otherwise bool) (bool, error) {
	switch {
	case missing(value):
		return otherwise, nil
	case !value.IsBool():
		return otherwise, badInput("%s must be true or false", field)
	}
	return value.Bool(), nil
}

// secondsField reads how long something is to last, 0 if that is left to the event.
func secondsField(value gjson.Result, most int64) (int64, error) {
	if missing(value) {
		return 0, nil
	}
	return integerUpTo("seconds", value, 1, most)
}

// referenceField reads the shop's own text, which may be missing.
func referenceField(value gjson.Result) (string, error) {
	if missing(value) {
		return "", nil
	}
	if value.Type != gjson.String {
		return "", badInput("reference must be a string")
	}
	return value.Str, checkText("reference", value.Str, maxName)
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

// parseUUID accepts only the form of RFC 9562, section 4, in upper or lower case.
func parseUUID(field, text string) (uuid.UUID, error) {
	const textLength = 36
	id, err := uuid.Parse(text)
	if err != nil || len(text) != textLength {
		return uuid.Nil, badInput("%s must be a UUID", field)
	}
	return id, nil
}

// idempotencyKey reads the header that makes a request safe to repeat.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || len(key) == 0 || len(key) > maxIdempotencyKey {
		return "", badInput("Idempotency-Key must be one header of 1 to %d characters", maxIdempotencyKey)
	}
	if !visibleASCII(key) {
		return "", badInput("Idempotency-Key must consist of visible ASCII characters")
	}
	return key, nil
}

var (
	entityTag  = regexp.MustCompile(`(?:W/)?"[^"]*"`)
	entityTags = regexp.MustCompile(`^[ \t,]*(?:(?:W/)?"[^"]*"[ \t]*(?:,[ \t,]*|$))+$`) // empty elements are ignored
)

// ifMatch reads the versions that an event may have for a change to be made, by RFC 9110,
// sections 5.6.1 and 13.1.1: nil if any will do. A tag that is weak, or is no version, matches none.
func ifMatch(r *http.Request) (versions []int64, err error) {
	values := r.Header.Values("If-Match")
	text := strings.TrimSpace(strings.Join(values, ","))
	switch {
	case len(values) == 0 || text == "*":
		return nil, nil
	case !entityTags.MatchString(text):
		return nil, badInput(`If-Match must be * or entity tags in quotes, such as "7"`)
	}
	versions = []int64{}
	for _, tag := range entityTag.FindAllString(text, -1) {
		number, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err == nil && number > 0 && tag == versionTag(number) {
			versions = append(versions, number)
		}
	}
	return versions, nil
}

// visibleASCII is true of a text of visible ASCII characters only, without spaces.
func visibleASCII(text string) bool {
	return !strings.ContainsFunc(text, func(char rune) bool { return char <= ' ' || char > '~' })
}

// page is the part of a list that a request asks for.
type page struct {
	cursor string
	limit  int
}

func parsePage(r *http.Request) (page, error) {
	query := r.URL.Query() // strictQuery has checked it
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

// strictQuery serves requests whose query has only the parameters that the route takes, each once.
func (a *API) strictQuery(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			if err := checkQuery(r.URL.RawQuery, route.query); err != nil {
				a.fail(w, r, failureFor(r), err)
				return
			}
		}
		route.handler(w, r)
	}
}

func checkQuery(raw string, allowed []string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return badInput("The query is malformed: its parameters are name=value, separated by &, with %% only before two hexadecimal digits")
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch meant := slices.IndexFunc(allowed, func(one string) bool { return plain(one) == plain(name) }); {
		case slices.Contains(allowed, name) && len(query[name]) > 1:
			wrong = append(wrong, badInput("The query parameter %s is given twice", name))
		case slices.Contains(allowed, name):
		case meant >= 0:
			wrong = append(wrong, badInput("%s is no query parameter of this request; did you mean %s?", shown(name), allowed[meant]))
		default:
			wrong = append(wrong, badInput("%s is no query parameter of this request", shown(name)))
		}
		if len(wrong) == maxMemberProblems {
			break
		}
	}
	return joinProblems(wrong...)
}
