package handlers_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/mux"

	"boxoffice/handlers"
)

// contract is docs/openapi.yaml, against which every request and answer of these tests is
// held. That needs an OpenAPI library, which is in another module: docs/openapi/check is
// started once, and answers calls on its standard input and output.
type contract struct {
	*rpc.Client

	process *exec.Cmd
	router  *mux.Router // every API's, whatever its store
}

var theContract = sync.OnceValues(func() (*contract, error) {
	process := exec.Command("go", "run", "-C", "../docs/openapi", "./check", "../openapi.yaml")
	process.Stderr = os.Stderr
	input, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	router := handlers.New(handlers.Options{
		Store: &fake{}, ScrapeHandler: http.NotFoundHandler(),
	}).Routes()
	client := rpc.NewClient(struct {
		io.Reader
		io.WriteCloser
	}{output, input})
	return &contract{Client: client, process: process, router: router}, process.Start()
})

// stop ends the process, which ends with its input.
func (c *contract) stop() error { return errors.Join(c.Close(), c.process.Wait()) }

func callContract[Result any](t testing.TB, method string, argument any) Result {
	t.Helper()
	var result Result
	c, err := theContract()
	if err == nil {
		err = c.Call("Contract."+method, argument, &result)
	}
	if err != nil {
		t.Fatal("docs/openapi/check: ", err)
	}
	return result
}

// exchange is a request, and what came back for it, as docs/openapi/check has it.
type exchange struct {
	Method, Path, Query string
	RequestHeader       http.Header
	RequestBody         string
	Route               string
	Variables           map[string]string
	Status              int
	Header              http.Header
	Body                string
}

// checkContract holds an answer, and the request that it answers, against the contract.
func (a *answer) checkContract(request *http.Request, body string) {
	a.t.Helper()
	c, err := theContract()
	if err != nil {
		a.t.Fatal(err)
	}
	x := exchange{
		Method: request.Method, Path: request.URL.Path, Query: request.URL.RawQuery,
		RequestHeader: request.Header, RequestBody: body,
		Status: a.status, Header: a.header, Body: a.body,
	}
	var match mux.RouteMatch
	if c.router.Match(request, &match); match.Route != nil {
		if x.Route, err = match.Route.GetPathTemplate(); err != nil {
			a.t.Fatal(err)
		}
		x.Variables = match.Vars
	}
	if complaint := callContract[string](a.t, "Check", x); complaint != "" {
		a.t.Errorf("%s\n answered %d %.500s\n which is not as docs/openapi.yaml says: %s", a.request, a.status, a.body, complaint)
	}
}

// reportUnseen fails a run of all tests, which ended with code, if there is in the contract
// what none of them has seen.
func reportUnseen(code int) int {
	if code != 0 || !allTestsRan() {
		return code
	}
	c, err := theContract()
	var unseen []string
	if err == nil {
		err = errors.Join(c.Call("Contract.Unseen", struct{}{}, &unseen), c.stop())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docs/openapi/check:", err)
		return 1
	}
	for _, outcome := range unseen {
		fmt.Fprintln(os.Stderr, "docs/openapi.yaml has an outcome that no test has seen:", outcome)
	}
	return min(len(unseen), 1)
}

// Every route is in the file, and everything in the file has a route.
func TestContractHasEveryRoute(t *testing.T) {
	t.Parallel()
	inFile := setOf(callContract[[]string](t, "Operations", struct{}{}))
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	routed := map[string]bool{}
	err = c.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return nil //nolint:nilerr // the one that answers 405
		}
		for _, method := range methods {
			if method == http.MethodHead { // which is in the file as GET
				method = http.MethodGet
			}
			routed[method+" "+path] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(routed, inFile) {
		t.Errorf("the routes are\n%s\nand docs/openapi.yaml has\n%s", sorted(routed), sorted(inFile))
	}
}

func setOf(texts []string) map[string]bool {
	set := map[string]bool{}
	for _, text := range texts {
		set[text] = true
	}
	return set
}

func sorted(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "\n") }
