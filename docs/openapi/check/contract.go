package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Exchange is a request, and what came back for it.
type Exchange struct {
	Method        string
	Path          string
	Query         string
	RequestHeader http.Header
	RequestBody   string

	// The route that took the request, as in /status/{eventId}, and what stood for its
	// variables; empty if none did.
	Route     string
	Variables map[string]string

	Status int
	Header http.Header
	Body   string
}

// outcome is one way in which an operation may end.
type outcome struct {
	operation string
	status    int
	code      string // of a problem
}

func (o outcome) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", o.operation, o.status, o.code))
}

// contract is an OpenAPI document, and which of its outcomes were seen.
type contract struct {
	*openapi3.T

	mutex sync.Mutex
	seen  map[outcome]bool
}

// load reads a contract and validates it, with its examples. Clients must accept members that
// they do not know. What is checked here must have none, or the contract could fall behind.
func load(text []byte) (*contract, error) {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, err
	}
	var raw map[string]any
	if text, err = json.Marshal(document); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	components, _ := raw["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for name, schema := range schemas {
		members, _ := schema.(map[string]any)
		if members["properties"] != nil && !strings.HasSuffix(name, "Request") {
			members["additionalProperties"] = false
		}
	}
	if text, err = json.Marshal(raw); err != nil {
		return nil, err
	}
	strict, err := openapi3.NewLoader().LoadFromData(text)
	return &contract{T: strict, seen: map[outcome]bool{}}, err
}

// check returns why an exchange is not as the contract says.
func (c *contract) check(x Exchange) error {
	route := &routers.Route{Spec: c.T, Method: x.Method, Path: x.Route}
	if x.Route != "" {
		if route.PathItem = c.Paths.Value(x.Route); route.PathItem == nil {
			return fmt.Errorf("there is no path %s", x.Route)
		}
		route.Operation = route.PathItem.Operations()[documented(x.Method)]
	}
	if route.Operation == nil {
		route.Operation, route.PathItem = c.anywhere(x.Path), &openapi3.PathItem{}
	}
	if err := c.validate(route, x); err != nil {
		return err
	}
	seen := outcome{operation: route.Operation.OperationID, status: x.Status}
	if seen.status >= http.StatusBadRequest {
		var err error
		if seen.code, err = codeOf(x.Body); err != nil {
			return err
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.seen[seen] = true
	return nil
}

// documented is the method under which the contract has a request: HEAD is GET.
func documented(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}

// codeOf returns the code of a problem.
func codeOf(body string) (string, error) {
	var problem struct {
		Code string `json:"code"`
	}
	err := json.Unmarshal([]byte(body), &problem)
	if err == nil && problem.Code == "" {
		err = errors.New("the problem has no code")
	}
	return problem.Code, err
}

// anywhere is what is answered where there is no operation. OpenAPI has no place for it, so
// the contract has it among its components only.
func (c *contract) anywhere(path string) *openapi3.Operation {
	prefix := "Short"
	if strings.HasPrefix(path, "/api/") {
		prefix = ""
	}
	responses := openapi3.NewResponses()
	for status, name := range map[int]string{404: "PathNotFound", 405: "MethodNotAllowed", 429: "RateLimited"} {
		responses.Set(strconv.Itoa(status), c.Components.Responses[prefix+name])
	}
	return &openapi3.Operation{OperationID: prefix + "anywhere", Responses: responses}
}

func (c *contract) validate(route *routers.Route, x Exchange) error {
	ctx := context.Background()
	request := (&http.Request{
		Method: documented(x.Method), // kin-openapi would not look at a HEAD
		URL:    &url.URL{Path: x.Path, RawQuery: x.Query},
		Header: maps.Clone(x.RequestHeader),
		Body:   io.NopCloser(strings.NewReader(strings.TrimPrefix(x.RequestBody, "\ufeff"))),
	}).WithContext(ctx)
	if request.Header == nil { // what becomes of an empty one on its way
		request.Header = http.Header{}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: readable(x.Variables), Route: route, QueryParams: request.URL.Query(),
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
		},
	}
	// Whatever the service understood has to be as the contract says. So what is not as the
	// contract says must have been refused.
	understood := x.Status < 400 || slices.Contains([]int{404, 409, 422}, x.Status)
	if understood {
		if route.Operation.RequestBody != nil {
			request.Header.Set("Content-Type", "application/json") // none, and other JSON types, are understood too
		}
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return fmt.Errorf("the request was understood: %w", err)
		}
	}
	response := route.Operation.Responses.Status(x.Status)
	if response == nil {
		return fmt.Errorf("%s has no status %d", route.Operation.OperationID, x.Status)
	}
	contentType := x.Header.Get("Content-Type")
	media := response.Value.Content.Get(contentType)
	if media == nil {
		return fmt.Errorf("it has no %s", contentType)
	}
	err := openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: x.Status, Header: x.Header, Body: io.NopCloser(strings.NewReader(x.Body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, ExcludeResponseBody: !strings.Contains(contentType, "json"),
		},
	})
	if err != nil || x.Status < http.StatusBadRequest || route.Operation.OperationID == "readyz" { // which says why not
		return err
	}
	return sameAsExample(media, x.Body)
}

// readable returns the variables of a path as kin-openapi can read them: it knows no
// integer beyond 64 bits, and the contract does.
func readable(variables map[string]string) map[string]string {
	variables = maps.Clone(variables)
	for name, value := range variables {
		if len(value) > len("999999999999999999") && strings.Trim(value, "0123456789") == "" {
			variables[name] = strconv.Itoa(math.MaxInt64)
		}
	}
	return variables
}

// sameAsExample holds a problem against its example: all but those of bad input are
// fixed texts.
func sameAsExample(media *openapi3.MediaType, body string) error {
	code, err := codeOf(body)
	if err != nil || code == "invalid_input" {
		return err
	}
	example := media.Examples[code]
	if example == nil {
		return fmt.Errorf("there is no example of %s", code)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		return err
	}
	want, _ := example.Value.Value.(map[string]any)
	want = maps.Clone(want)
	for _, differs := range []string{"requestId", "traceId", "confirmedTickets", "heldTickets", "heldUntil"} {
		delete(got, differs)
		delete(want, differs)
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the example of %s is %v", code, want)
	}
	return nil
}

// outcomes are all that the contract says, except for what holds anywhere.
func (c *contract) outcomes() []outcome {
	var all []outcome
	for _, path := range c.Paths.Map() {
		for _, operation := range path.Operations() {
			for text, response := range operation.Responses.Map() {
				status, err := strconv.Atoi(text)
				if err != nil {
					panic(err)
				}
				if status < http.StatusBadRequest {
					all = append(all, outcome{operation: operation.OperationID, status: status})
					continue
				}
				for _, media := range response.Value.Content {
					for code := range media.Examples {
						all = append(all, outcome{operation: operation.OperationID, status: status, code: code})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b outcome) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// unseen returns the outcomes that no exchange has had so far.
func (c *contract) unseen() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var unseen []string
	for _, o := range c.outcomes() {
		if !c.seen[o] {
			unseen = append(unseen, o.String())
		}
	}
	return unseen
}
