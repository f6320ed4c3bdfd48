package handlers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"golang.org/x/time/rate"
)

// knownKey is an accepted key, with what limits its rate (nil: nothing).
type knownKey struct {
	APIKey
	limiter *rate.Limiter
}

// SetAPIKeys replaces the accepted keys at once. A key that stays keeps what it has used of
// its rate. It is for an API that was made with keys: that one is never open without a key
// again, however few are left.
func (a *API) SetAPIKeys(keys []APIKey) {
	a.replacing.Lock()
	defer a.replacing.Unlock()
	var before []knownKey
	if known := a.keys.Load(); known != nil {
		before = *known
	}
	next := make([]knownKey, len(keys))
	for i, key := range keys {
		next[i].APIKey = key
		if a.limiters == nil {
			continue
		}
		next[i].limiter = a.limiters.fresh()
		for _, old := range before {
			if old.Hash == key.Hash {
				next[i].limiter = old.limiter
			}
		}
	}
	a.keys.Store(&next)
}

type keyContext struct{}

// keyOf is the key that the request came with, nil if there is none or it is unknown.
func keyOf(r *http.Request) *knownKey {
	key, _ := r.Context().Value(keyContext{}).(*knownKey)
	return key
}

// keyName is the name of the key that the request came with, empty if it has none.
func keyName(r *http.Request) string {
	if key := keyOf(r); key != nil {
		return key.Name
	}
	return ""
}

// organizes reports whether a request may do what organizers do: its key has the scope, or none is
// asked for.
func organizes(r *http.Request) bool {
	key := keyOf(r)
	return key == nil || key.Scopes&ScopeOrganizer != 0
}

// authenticate finds the key that a request came with. What a key opens is in the table of
// routes.
func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := a.findKey(r.Header["Authorization"]); key != nil {
			r = r.WithContext(context.WithValue(r.Context(), keyContext{}, key))
		}
		next.ServeHTTP(w, r)
	})
}

// findKey looks up the key of a request. The comparison takes as long for a wrong key as for
// a right one, and all keys are compared.
func (a *API) findKey(authorization []string) *knownKey {
	if len(authorization) != 1 {
		return nil
	}
	token, ok := bearerToken(authorization[0])
	if !ok {
		return nil
	}
	var buffer [maxToken]byte // on the stack: no copy of a key stays behind on the heap
	hash := sha256.Sum256(buffer[:copy(buffer[:], token)])
	keys := *a.keys.Load()
	var found *knownKey
	for i := range keys {
		if subtle.ConstantTimeCompare(hash[:], keys[i].Hash[:]) == 1 {
			found = &keys[i]
		}
	}
	return found
}
