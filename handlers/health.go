package handlers

import (
	"context"
	"net/http"
)

const (
	livezPath  = "/livez"
	readyzPath = "/readyz"
)

type health struct {
	Status  string `json:"status"`
	Engine  string `json:"engine,omitempty"`
	Version string `json:"version,omitempty"`
}

// livez says that the process serves; it never asks Redis.
func (a *API) livez(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// readyz says whether requests sent here can succeed now, and on what they run.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		a.fail(w, r, eventFailure, errDraining)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.ReadyTimeout)
	defer cancel()
	if err := a.Store.Ping(ctx); err != nil {
		a.fail(w, r, eventFailure, err)
		return
	}
	writeJSON(w, http.StatusOK, health{"ok", a.Engine, a.Version})
}
