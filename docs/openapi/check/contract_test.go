package main

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"slices"
	"strings"
	"testing"
)

const contractFile = "../../openapi.yaml"

func theContract(t *testing.T) *contract {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := load(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

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

// livez is an exchange that is as the contract says.
func livez() Exchange {
	return Exchange{
		Method: http.MethodGet, Path: "/livez", Route: "/livez", Status: http.StatusOK, Body: `{"status":"ok"}`,
		Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"x"}},
	}
}

// The check finds what is not as the contract says.
func TestCheckComplains(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	for name, change := range map[string]func(*Exchange){
		"no path":              func(x *Exchange) { x.Route = "/nowhere" },
		"has no status 201":    func(x *Exchange) { x.Status = http.StatusCreated },
		"it has no text/plain": func(x *Exchange) { x.Header.Set("Content-Type", "text/plain") },
		"response body":        func(x *Exchange) { x.Body = `{"status":7}` },
		"additional":           func(x *Exchange) { x.Body = `{"status":"ok","more":1}` },
		"the request was": func(x *Exchange) {
			x.Method, x.Path, x.Route, x.RequestBody = "POST", "/book", "/book", `{"eventId":"x"}`
		},
		"not one of the allowed":  notFound("no_such"),
		"the example of route_no": notFound("route_not_found"),
	} {
		x := livez()
		change(&x)
		if err := c.check(x); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want a complaint of %q, got %v", name, err)
		}
	}
}

// notFound is the answer of a path that does not exist, without its text.
func notFound(code string) func(*Exchange) {
	return func(x *Exchange) {
		x.Path, x.Route, x.Status, x.Body = "/x", "", http.StatusNotFound, `{"message":"","code":"`+code+`"}`
	}
}

// The tests of handlers call all of it over a connection.
func TestServe(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	served := make(chan error)
	go func() { served <- serve(contractFile, there) }()
	client := rpc.NewClient(here)
	call := func(method string, request, reply any) {
		t.Helper()
		if err := client.Call("Contract."+method, request, reply); err != nil {
			t.Fatal(method, err)
		}
	}
	var operations, codes, before, after []string
	call("Operations", Nothing{}, &operations)
	call("Codes", Nothing{}, &codes)
	if !slices.Contains(operations, "GET /livez") || !slices.Contains(codes, "rate_limited") {
		t.Errorf("%v, %v", operations, codes)
	}
	var complaint string
	call("Unseen", Nothing{}, &before)
	call("Check", livez(), &complaint)
	call("Unseen", Nothing{}, &after)
	if complaint != "" || !slices.Contains(before, "livez 200") || len(after) != len(before)-1 || slices.Contains(after, "livez 200") {
		t.Errorf("complained %q; unseen were %d, and are %v", complaint, len(before), after)
	}
	_ = client.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
