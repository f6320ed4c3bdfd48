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

	Warnings []string `json:"warnings,omitempty"` // sentences
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
	if !a.knowsReasons(r) {
		found = discreet(found)
	}
	if !found.Ready() {
		a.fail(w, r, eventFailure, notReadyError(found.Problems))
		return
	}
	writeJSON(w, http.StatusOK, health{Status: "ok", Engine: a.Engine, Version: a.Version, Warnings: found.Warnings})
}

// readyzStarting is readyz while there is no store yet.
func (a *API) readyzStarting(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		a.fail(w, r, eventFailure, errDraining)
		return
	}
	a.fail(w, r, eventFailure, errStarting)
}

// discreet keeps whether bookings can be made, and leaves the reasons to the log.
func discreet(found store.Health) store.Health {
	if found.Ready() {
		return store.Health{}
	}
	return store.Health{Problems: []string{"no event can be booked now; the log of this instance says why"}}
}

// notReadyError lists why no event can be booked.
type notReadyError []string

func (e notReadyError) Error() string { return strings.Join(e, "; ") }
