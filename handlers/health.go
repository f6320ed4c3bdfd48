package handlers

import (
	"net/http"
	"strings"

	"boxoffice/store"
)

const (
	livezPath  = "/livez"
	readyzPath = "/readyz"
)

type health struct {
	Status  string `json:"status"`
	Engine  string `json:"engine,omitempty"`
	Version string `json:"version,omitempty"`

	Conditions []store.ConditionKind `json:"conditions,omitempty"`
	Warnings   []string              `json:"warnings,omitempty"` // sentences
}

// livez answers if the process serves; it never asks Redis.
func (a *API) livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// readyz says whether requests sent here can succeed now, and what the store runs on. What
// may lose bookings is a warning: taking all instances out of service for it would only end
// the service as well.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		a.fail(w, r, eventFailure, errDraining)
		return
	}
	found := a.Health(r.Context())
	problems, warnings := found.Problems(), found.Warnings()
	if !a.knowsReasons(r) {
		problems, warnings = []string{"no event can be booked now; the log of this instance says why"}, nil
	}
	if !found.Ready() {
		a.fail(w, r, eventFailure, &notReadyError{found.Kinds(), problems})
		return
	}
	writeJSON(w, http.StatusOK, health{
		Status: "ok", Engine: a.Engine, Version: a.Version, Conditions: found.Kinds(), Warnings: warnings,
	})
}

// readyzStarting is readyz while there is no store yet.
func (a *API) readyzStarting(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		a.fail(w, r, eventFailure, errDraining)
		return
	}
	a.fail(w, r, eventFailure, errStarting)
}

// notReadyError says why no event can be booked.
type notReadyError struct {
	conditions []store.ConditionKind // warnings included
	problems   []string
}

func (e *notReadyError) Error() string { return strings.Join(e.problems, "; ") }
