package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

// BenchmarkAccess is what keys, limits and CORS add to BenchmarkBook. Each round has
// headers of its own, as on a connection.
func BenchmarkAccess(b *testing.B) {
	const body = `{"eventId":"00000000-0001-8850-bd94-5d60d3b0a36a","userId":"u1234567"}`
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, kind := range []struct {
		name   string
		change func(*handlers.Options)
	}{
		{"off", func(*handlers.Options) {}},
		{"keys", withKeys(b)},
		{"limit", limitedTo(1e9)},
		{"keys and limit", func(o *handlers.Options) { withKeys(b)(o); o.RateLimit = 1e9 }},
		{"keys, limit, proxy, CORS", func(o *handlers.Options) {
			withKeys(b)(o)
			o.RateLimit, o.TrustedProxies, o.CORSOrigins = 1e9, proxies, []string{shop}
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			options := handlers.Options{Store: instantStore{}, Log: logrus.New(), RequestTimeout: 5 * time.Second, OpenToAll: true}
			kind.change(&options)
			api := handlers.New(options)
			reader := strings.NewReader(body)
			request := httptest.NewRequest(http.MethodPost, "/api/events/book", reader)
			request.RemoteAddr = "10.0.0.1:1234"
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+bookingKey)
			request.Header.Set("X-Forwarded-For", "198.51.100.1, 192.0.2.1")
			request.Header.Set("X-Request-Id", "bench")
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				request.Body = io.NopCloser(reader)
				api.ServeHTTP(discard{http.Header{}}, request)
			}
		})
	}
}
