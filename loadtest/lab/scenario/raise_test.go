package scenario_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/lab/scenario"
	"boxoffice/loadtest/service"
)

// The audit must know which raises were acknowledged.
func TestRaisesAreKnownByTheirAnswers(t *testing.T) {
	const id = "00000000-0001-8aaa-8aaa-aaaaaaaaaaaa"
	fails := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte(`{"eventId":"` + id + `","version":7}`))
	}))
	defer server.Close()
	target, err := service.ParseTarget(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	scenarioRun := &scenario.Run{Service: service.New([]service.Target{target}, time.Second, time.Second)}
	event, err := scenarioRun.NewEvent(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, fails = range []bool{false, true, false} {
		if err := scenarioRun.Raise(t.Context(), event, 5); (err != nil) != fails {
			t.Fatalf("fails=%t: %v", fails, err)
		}
	}
	want := []audit.Raise{{Total: 15, AnswerVersion: 7}, {Total: 20}, {Total: 25, AnswerVersion: 7}}
	if got := scenarioRun.TakeEvents(); len(got) != 1 || !slices.Equal(got[0].Raised, want) {
		t.Errorf("got %+v, want the raises %+v", got, want)
	}
}
