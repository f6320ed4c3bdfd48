package handlers

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Scope is what an API key may be used for. A key may have several; none includes another.
type Scope uint8

// The scopes. What each opens is in the table of routes.
const (
	ScopeOrganizer Scope = 1 << iota // create and change events, list who booked
	ScopeBooking                     // book, cancel, read a booking
	ScopeMetrics                     // read /metrics
)

// scopeNames are the scopes as settings and challenges write them.
var scopeNames = []struct {
	scope Scope
	name  string
}{{ScopeOrganizer, "organizer"}, {ScopeBooking, "booking"}, {ScopeMetrics, "metrics"}}

// String names the scopes, as in "organizer+booking".
func (s Scope) String() string { return s.join("+") }

func (s Scope) join(separator string) string {
	var names []string
	for _, known := range scopeNames {
		if s&known.scope != 0 {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, separator)
}

// ParseScopes reads what String writes. Its error does not repeat the text, which may
// be a key in the wrong place.
func ParseScopes(text string) (Scope, error) {
	var scopes Scope
next:
	for name := range strings.SplitSeq(text, "+") {
		for _, known := range scopeNames {
			if name == known.name {
				scopes |= known.scope
				continue next
			}
		}
		return 0, errors.New("a scope is organizer, booking or metrics, several joined by +")
	}
	return scopes, nil
}

// APIKey is a key as the service knows it: never the key itself, only its hash.
type APIKey struct {
	Name   string // for people; the start of the hash, if none was given
	Scopes Scope
	Hash   [sha256.Size]byte // SHA-256 of the key
}

// String is the key as ParseAPIKey reads it.
func (k APIKey) String() string {
	return fmt.Sprintf("%s:%s:%s", k.Scopes, hex.EncodeToString(k.Hash[:]), k.Name)
}

// ParseAPIKey reads "scope:hash" or "scope:hash:name": one or more scopes joined by +,
// 64 hexadecimal digits, and a name. Its errors do not repeat the entry.
func ParseAPIKey(entry string) (APIKey, error) {
	scopes, rest, found := strings.Cut(entry, ":")
	if !found {
		return APIKey{}, errors.New("a key is written scope:hash or scope:hash:name")
	}
	var key APIKey
	var err error
	if key.Scopes, err = ParseScopes(scopes); err != nil {
		return APIKey{}, err
	}
	hash, name, named := strings.Cut(rest, ":")
	decoded, err := hex.DecodeString(hash)
	if err != nil || len(decoded) != len(key.Hash) {
		return APIKey{}, errors.New("the hash is not 64 hexadecimal digits")
	}
	copy(key.Hash[:], decoded)
	if !named {
		name = hex.EncodeToString(key.Hash[:4])
	}
	if !plainID(name) || strings.ContainsAny(name, ",#") { // which separate the entries of a list
		return APIKey{}, errors.New("a name has 1 to 128 visible ASCII characters, no comma and no #")
	}
	key.Name = name
	return key, nil
}

// What a route may require instead of a single scope.
const (
	anybody Scope = 1 << 7 // no key
	readers       = ScopeOrganizer | ScopeBooking
)

// guard serves a route only to those whose key opens it. If there are no keys at all, it is
// the route's own handler.
func (a *API) guard(r route) http.HandlerFunc {
	if len(a.APIKeys) == 0 || r.scopes == anybody {
		return r.handler
	}
	// The challenges of RFC 6750, section 3: no error code if no key was presented.
	missing, wrong := []string{"Bearer"}, []string{`Bearer error="invalid_token"`}
	insufficient := []string{`Bearer error="insufficient_scope", scope="` + r.scopes.join(" ") + `"`}
	return func(w http.ResponseWriter, request *http.Request) {
		key := keyOf(request)
		var challenge []string
		refusal := errUnauthorized
		switch {
		case key == nil && request.Header["Authorization"] == nil:
			challenge = missing
		case key == nil:
			challenge = wrong
		case key.Scopes&r.scopes == 0:
			challenge, refusal = insufficient, errForbidden
		default:
			r.handler(w, request)
			return
		}
		w.Header()["Www-Authenticate"] = challenge
		a.fail(w, request, failureFor(request), refusal)
	}
}

type keyContext struct{}

// keyOf is the key that the request came with, nil if there is none or it is unknown.
func keyOf(r *http.Request) *APIKey {
	key, _ := r.Context().Value(keyContext{}).(*APIKey)
	return key
}

// keyName is the name of the key that the request came with, empty if it has none.
func keyName(r *http.Request) string {
	if key := keyOf(r); key != nil {
		return key.Name
	}
	return ""
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
func (a *API) findKey(authorization []string) *APIKey {
	if len(authorization) != 1 {
		return nil
	}
	token, ok := bearerToken(authorization[0])
	if !ok {
		return nil
	}
	var buffer [maxToken]byte // on the stack: no copy of a key stays behind on the heap
	hash := sha256.Sum256(buffer[:copy(buffer[:], token)])
	var found *APIKey
	for i := range a.APIKeys {
		if subtle.ConstantTimeCompare(hash[:], a.APIKeys[i].Hash[:]) == 1 {
			found = &a.APIKeys[i]
		}
	}
	return found
}

const maxToken = 256 // bytes

// bearerToken takes the token out of credentials, RFC 6750, section 2.1. The name of the
// scheme may be in upper or lower case, RFC 9110, section 11.1.
func bearerToken(credentials string) (string, bool) {
	const scheme = "Bearer "
	if len(credentials) <= len(scheme) || !strings.EqualFold(credentials[:len(scheme)], scheme) {
		return "", false
	}
	token := strings.TrimLeft(credentials[len(scheme):], " ")
	characters := strings.TrimRight(token, "=")
	if characters == "" || len(token) > maxToken {
		return "", false
	}
	for _, char := range []byte(characters) {
		if !tokenCharacters[char] {
			return "", false
		}
	}
	return token, true
}

var tokenCharacters = func() (table [256]bool) {
	for _, char := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		table[char] = true
	}
	return table
}()
