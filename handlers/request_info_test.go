package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// The request's own end is the store's deadline too: a client that hangs up is not worked
// for. It is neither an outage in the log nor a 503 in the metrics; one that has closed its
// sending half only gets the 503.
func TestClientThatHangsUp(t *testing.T) {
	t.Parallel()
	gone, hangUp := context.WithCancel(context.Background())
	f := &fake{fails: func(ctx context.Context) error {
		hangUp()
		return hang(ctx)
	}}
	var j journal
	c := serve(t, f, j.into, measure, func(o *handlers.Options) { o.AccessLog = true })
	const body = `{"eventId":1,"userId":7}`
	request := httptest.NewRequestWithContext(gone, http.MethodPost, "/book", strings.NewReader(body))
	c.do(request, body).is(503, `{"code":"unavailable"}`).hasHeader("Retry-After", "1")
	lines := j.take(t)
	if len(lines) != 1 || lines[0]["level"] != "info" || lines[0]["status"] != 499.0 || lines[0]["outcome"] != "client_closed_request" {
		t.Errorf("logged %v", lines)
	}
	c.scrape().check(t, samples{
		`boxoffice_http_requests_total{code="499",method="POST",route="/book"}`: 1,
		`boxoffice_http_requests_total{code="503",method="POST",route="/book"}`: 0,
		`boxoffice_bookings_total{outcome="client_closed_request"}`:             1,
	})
}
