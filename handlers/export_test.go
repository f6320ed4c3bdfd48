package handlers

import (
	"maps"
	"slices"

	"github.com/gorilla/mux"
)

// Routes returns the router that the API serves with.
func (a *API) Routes() *mux.Router { return a.routes() }

// StoreErrors returns the store's errors that have a problem code, by code.
func StoreErrors() map[string]error {
	errs := map[string]error{}
	for _, known := range problems {
		errs[known.code] = known.err
	}
	own := []error{errNoRoute, errMethod, errUnauthorized, errForbidden, errRateLimit, errDraining, errStarting}
	maps.DeleteFunc(errs, func(_ string, err error) bool { return slices.Contains(own, err) })
	return errs
}
