package handlers

import "github.com/gorilla/mux"

// Routes returns the router that the API serves with.
func (a *API) Routes() *mux.Router { return a.routes() }
