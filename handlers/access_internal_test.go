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
			scopes, declared := accessTo(method, path)
			if !declared {
				t.Errorf("%s %s: access says nothing of it", method, path)
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

// unusedStore fails whoever calls it.
type unusedStore struct{ Store }

// A route that nobody thought of is not open.
func TestUndeclaredRouteIsTheOrganizers(t *testing.T) {
	t.Parallel()
	if scopes, declared := accessTo(http.MethodDelete, "/api/events/{eventId}"); scopes != ScopeOrganizer || declared {
		t.Errorf("%s, %v", scopes, declared)
	}
}
