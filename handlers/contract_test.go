package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gorilla/mux"

	"boxoffice/docs"
	"boxoffice/handlers"
)

// contract is docs/openapi.yaml, against which every request and answer of these
// tests is held.
type contract struct {
	*openapi3.T

	router *mux.Router // every API's, whatever its store
	mutex  sync.Mutex
	seen   map[outcome]bool
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

var loadContract = sync.OnceValues(func() (*contract, error) {
	document, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI)
	if err != nil {
		return nil, err
	}
	if err := document.Validate(context.Background()); err != nil { // its examples too
		return nil, err
	}
	// Clients have to bear members that they do not know; these tests must not, or the
	// file could fall behind.
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var raw map[string]any
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
	router := handlers.New(handlers.Options{
		Store: &fake{}, Metrics: handlers.NewMetrics("v1"), ServeMetrics: true,
	}).Routes()
	return &contract{T: strict, router: router, seen: map[outcome]bool{}}, err
})

func theContract(t testing.TB) *contract {
	t.Helper()
	c, err := loadContract()
	if err != nil {
		t.Fatal("docs/openapi.yaml: ", err)
	}
	return c
}

// exchange is a request, and what came back for it.
type exchange struct {
	request *http.Request
	body    string // of the request
	answer  *answer
}

// check holds an exchange against the contract.
func (c *contract) check(ctx context.Context, x exchange) {
	t := x.answer.t
	t.Helper()
	route := &routers.Route{Spec: c.T, Method: x.request.Method}
	var match mux.RouteMatch
	if c.router.Match(x.request, &match); match.Route != nil {
		template, err := match.Route.GetPathTemplate()
		if err != nil {
			t.Fatal(err)
		}
		route.Path, route.PathItem = template, c.Paths.Value(template)
		if route.PathItem == nil {
			t.Errorf("docs/openapi.yaml lacks the path %s", template)
			return
		}
		route.Operation = route.PathItem.Operations()[documented(route.Method)]
	}
	if route.Operation == nil {
		route.Operation, route.PathItem = c.anywhere(x.request.URL.Path), &openapi3.PathItem{}
	}
	if err := c.validate(ctx, route, match.Vars, x); err != nil {
		t.Errorf("%s\n answered %d %.500s\n which is not as docs/openapi.yaml says: %v", x.answer.request, x.answer.status, x.answer.body, err)
		return
	}
	seen := outcome{operation: route.Operation.OperationID, status: x.answer.status}
	if seen.status >= http.StatusBadRequest {
		seen.code = x.answer.text("code")
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.seen[seen] = true
}

// documented is the method under which the file has a request: HEAD is GET.
func documented(method string) string {
	if method == http.MethodHead {
		return http.MethodGet
	}
	return method
}

// anywhere is what is answered where there is no operation: OpenAPI has no place for
// it, so the file has it among its components only.
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

func (c *contract) validate(ctx context.Context, route *routers.Route, vars map[string]string, x exchange) error {
	a := x.answer
	request := x.request.Clone(ctx)
	request.Method = documented(request.Method) // kin-openapi would not look at a HEAD
	request.Body = io.NopCloser(strings.NewReader(x.body))
	input := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: readable(vars), Route: route, QueryParams: request.URL.Query(),
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
		},
	}
	// Whatever the service understood has to be as the file says: so what is not
	// as the file says must have been refused.
	understood := a.status < 400 || slices.Contains([]int{404, 409, 422}, a.status)
	if understood {
		if route.Operation.RequestBody != nil {
			request.Header.Set("Content-Type", "application/json") // none, and other JSON types, are understood too
		}
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return fmt.Errorf("the request was understood: %w", err)
		}
	}
	response := route.Operation.Responses.Status(a.status)
	if response == nil {
		return fmt.Errorf("%s has no status %d", route.Operation.OperationID, a.status)
	}
	contentType := a.header.Get("Content-Type")
	media := response.Value.Content.Get(contentType)
	if media == nil {
		return fmt.Errorf("it has no %s", contentType)
	}
	err := openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, ExcludeResponseBody: !strings.Contains(contentType, "json"),
		},
	})
	if err != nil || a.status < http.StatusBadRequest || route.Operation.OperationID == "readyz" { // which says why not
		return err
	}
	return sameAsExample(media, a)
}

// readable returns the variables of a path as kin-openapi can read them: it knows no
// integer beyond 64 bits, and the contract does.
func readable(vars map[string]string) map[string]string {
	vars = maps.Clone(vars)
	for name, value := range vars {
		if len(value) > len("999999999999999999") && strings.Trim(value, "0123456789") == "" {
			vars[name] = strconv.Itoa(math.MaxInt64)
		}
	}
	return vars
}

// sameAsExample holds a problem against its example: all but those of bad input are
// fixed texts.
func sameAsExample(media *openapi3.MediaType, a *answer) error {
	code := a.text("code")
	if code == "invalid_input" {
		return nil
	}
	example := media.Examples[code]
	if example == nil {
		return fmt.Errorf("there is no example of %s", code)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		return err
	}
	delete(got, "requestId")
	delete(got, "traceId")
	if want := example.Value.Value; !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the example of %s is %v", code, want)
	}
	return nil
}

// outcomes are all that the file says, but for what holds anywhere.
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
					all = append(all, outcome{operation.OperationID, status, ""})
					continue
				}
				for _, media := range response.Value.Content {
					for code := range media.Examples {
						all = append(all, outcome{operation.OperationID, status, code})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b outcome) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// unseen tells, after all tests, what of the contract none of them has seen.
func (c *contract) unseen() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []string
	for _, o := range c.outcomes() {
		if !c.seen[o] {
			found = append(found, "docs/openapi.yaml has an outcome that no test has seen: "+o.String())
		}
	}
	return found
}

// Every route is in the file, and everything in the file has a route.
func TestContractHasEveryRoute(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	routed := map[string]bool{}
	err := c.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return nil //nolint:nilerr // the one that answers 405
		}
		for _, method := range methods {
			routed[documented(method)+" "+path] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	inFile := map[string]bool{}
	for path, item := range c.Paths.Map() {
		for method := range item.Operations() {
			inFile[method+" "+path] = true
		}
	}
	if !maps.Equal(routed, inFile) {
		t.Errorf("the routes are\n%s\nand docs/openapi.yaml has\n%s", sorted(routed), sorted(inFile))
	}
}

func sorted(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "\n") }

// A response's examples are one for each of its codes, so that both can be counted on.
func TestContractHasAnExampleOfEachCode(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(theContract(t).Components.Responses)
	if err != nil {
		t.Fatal(err)
	}
	var responses map[string]struct {
		Content map[string]struct {
			Schema struct {
				Properties struct {
					Code struct {
						Enum []string `json:"enum"`
					} `json:"code"`
				} `json:"properties"`
			} `json:"schema"`
			Examples map[string]any `json:"examples"`
		} `json:"content"`
	}
	if err := json.Unmarshal(text, &responses); err != nil {
		t.Fatal(err)
	}
	problems := 0
	for name, response := range responses {
		for _, media := range response.Content {
			codes := media.Schema.Properties.Code.Enum
			if len(codes) == 0 {
				continue
			}
			problems++
			slices.Sort(codes)
			if examples := slices.Sorted(maps.Keys(media.Examples)); !slices.Equal(codes, examples) {
				t.Errorf("%s has the codes %v and examples of %v", name, codes, examples)
			}
		}
	}
	if problems < 20 {
		t.Errorf("only %d responses have codes", problems)
	}
}
