package handlers

import (
	"net/http"

	"github.com/rs/cors"
)

// The values are shared by all answers, so that setting them allocates nothing. Set and Add of
// http.Header do not change them in place.
var (
	noSniff        = []string{"nosniff"}
	noStore        = []string{"no-store"}
	nothingAllowed = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer     = []string{"no-referrer"}
	sameOrigin     = []string{"same-origin"}
)

// secureHeaders forbids browsers, and caches on the way, to store an answer or to take it for
// anything but data. A handler that serves something else sets its own headers. HSTS is left
// to whatever terminates TLS, which the service cannot see.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header["X-Content-Type-Options"] = noSniff
		header["Cache-Control"] = noStore
		header["Content-Security-Policy"] = nothingAllowed
		header["Referrer-Policy"] = noReferrer
		header["Cross-Origin-Resource-Policy"] = sameOrigin
		next.ServeHTTP(w, r)
	})
}

// allowOrigins lets pages of these origins call the service (CORS). No cookies or other
// credentials kept by the browser are involved: a page has to have an API key.
func allowOrigins(origins []string, next http.Handler) http.Handler {
	const preflightSeconds = 600 // for which a browser need not ask again
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", "Traceparent", "Tracestate",
		},
		ExposedHeaders: []string{
			"Idempotent-Replayed", "Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate", "X-Request-ID",
		},
		MaxAge: preflightSeconds,
	}).Handler(next)
}
