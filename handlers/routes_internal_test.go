package handlers

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"
)

// Every route says who may take it, and means it. Only those listed here are open to
// everybody: to open another one has to be written down twice.
func TestEveryRouteHasAScope(t *testing.T) {
	t.Parallel()
	open := []string{"/livez", "/readyz", "/openapi.yaml", "/docs"}
	log := logrus.New()
	log.SetOutput(t.Output())
	a := New(Options{
		Store: unusedStore{}, Log: log,
		APIKeys: []APIKey{{Name: "any", Scopes: ScopeBooking, Hash: sha256.Sum256([]byte("key"))}},
	})
	declared := map[string]Scope{}
	for _, r := range a.table() {
		for _, method := range r.methods() {
			declared[method+" "+r.path] = r.scopes
		}
	}
	routes := 0
	err := a.routes().Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		allowed, err := route.GetMethods()
		if err != nil {
			return nil //nolint:nilerr // the route of all other methods, which answers 405
		}
		for _, method := range allowed {
			routes++
			scopes := declared[method+" "+path]
			if scopes == 0 {
				t.Errorf("%s %s: it has no scope", method, path)
			}
			if isOpen := slices.Contains(open, path); isOpen != (scopes == anybody) {
				t.Errorf("%s %s: open to everybody is %v, want %v", method, path, scopes == anybody, isOpen)
			}
			if scopes == anybody {
				continue
			}
			request := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			recorder := httptest.NewRecorder()
			a.ServeHTTP(recorder, request)
			if recorder.Code != http.StatusUnauthorized {
				t.Errorf("%s %s without a key answered %d", method, path, recorder.Code)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if routes < 20 {
		t.Errorf("only %d routes were looked at", routes)
	}
}

// unusedStore must not be called.
type unusedStore struct{ Store }

// A route that declares no scope is not open: no key opens it.
func TestRouteWithoutScopeIsClosed(t *testing.T) {
	t.Parallel()
	all := ScopeOrganizer | ScopeBooking | ScopeMetrics
	log := logrus.New()
	log.SetOutput(t.Output())
	a := New(Options{Store: unusedStore{}, Log: log, APIKeys: []APIKey{{Name: "all", Scopes: all, Hash: sha256.Sum256([]byte("key"))}}})
	handler := a.authenticate(a.guard(route{method: http.MethodDelete, path: "/x", handler: func(http.ResponseWriter, *http.Request) {
		t.Error("it was called")
	}}))
	for authorization, want := range map[string]int{"": http.StatusUnauthorized, "Bearer key": http.StatusForbidden} {
		request := httptest.NewRequest(http.MethodDelete, "/x", nil)
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("with %q: %d, want %d", authorization, recorder.Code, want)
		}
	}
}
