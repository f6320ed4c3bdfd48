package handlers

import (
	"crypto/sha256"
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
	ScopeOrganizer Scope = 1 << iota // create and change events, list and cancel bookings
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
	either        = ScopeOrganizer | ScopeBooking
)

// guard serves a route only to those who may use it: who has a key that opens it or, where no
// keys are configured, programs on this machine.
func (a *API) guard(r route) http.HandlerFunc {
	if r.scopes == anybody || !a.keyed && a.OpenToAll {
		return r.handler
	}
	if !a.keyed {
		return a.guardLocal(r.handler)
	}
	// The challenges of RFC 6750, section 3: no error code if no key was presented.
	missing, wrong := []string{"Bearer"}, []string{`Bearer error="invalid_token"`}
	return func(w http.ResponseWriter, request *http.Request) {
		key := keyOf(request)
		var challenge []string
		refusal := errUnauthorized
		switch {
		case key == nil && request.Header["Authorization"] == nil:
			challenge = missing
		case key == nil:
			challenge = wrong
		default:
			scopes := r.scopesOf(request)
			if key.Scopes&scopes != 0 {
				r.handler(w, request)
				return
			}
			challenge, refusal = []string{`Bearer error="insufficient_scope", scope="` + scopes.join(" ") + `"`}, errForbidden
		}
		w.Header()["Www-Authenticate"] = challenge
		a.fail(w, request, failureFor(request), refusal)
	}
}

func (a *API) guardLocal(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if a.isLocal(r) {
			handler(w, r)
			return
		}
		w.Header()["Www-Authenticate"] = []string{"Bearer"}
		a.fail(w, r, failureFor(r), errUnauthorized)
	}
}

// knowsReasons reports whether the answer to a request may say more of the store than the kinds
// of what is wrong: not to a network, which must not learn the addresses of Redis, but to those
// who run the service.
func (a *API) knowsReasons(r *http.Request) bool {
	if key := keyOf(r); key != nil && key.Scopes&(ScopeOrganizer|ScopeMetrics) != 0 {
		return true
	}
	return a.isLocal(r) || !a.keyed && a.OpenToAll
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
