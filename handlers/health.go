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

// livez says that the process serves; it never asks Redis.
func (a *API) livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// readyz says whether requests sent here can succeed now, and on what they run. What
// may lose bookings is a warning: an instance that is taken out of service for it
// would lose the service too.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		a.fail(w, r, eventFailure, errDraining)
		return
	}
	found := a.Health(r.Context())
	if len(a.APIKeys) > 0 { // who asks for keys is on a network, and addresses of Redis are no business of its clients
		found = discreet(found)
	}
	if !found.Ready() {
		a.fail(w, r, eventFailure, notReadyError(found.Problems))
		return
	}
	writeJSON(w, http.StatusOK, health{Status: "ok", Engine: a.Engine, Version: a.Version, Warnings: found.Warnings})
}

// discreet says whether bookings can be made, and leaves the reasons to the log.
func discreet(found store.Health) store.Health {
	if found.Ready() {
		return store.Health{}
	}
	return store.Health{Problems: []string{"no event can be booked now, the log of this instance says why"}}
}

// notReadyError lists why no event can be booked.
type notReadyError []string

func (e notReadyError) Error() string { return strings.Join(e, "; ") }
