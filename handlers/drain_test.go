package handlers_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"boxoffice/handlers"
)

// From the beginning of the drain every answer says that the connection will be closed, and
// before that none does.
func TestDrainTellsEveryClient(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{}, withKeys(t), measure, limitedTo(1e9), behind)
	all := func(want string) {
		t.Helper()
		for _, call := range storeCalls {
			for _, key := range []string{organizerKey, bookingKey} { // one of them is not enough
				c.send(call.method, call.path, call.body, bearer(key)).hasHeader("Connection", want)
			}
			c.send(call.method, call.path, "{", bearer(bothKey)).hasHeader("Connection", want)
		}
		for _, path := range []string{"/livez", "/readyz", "/docs", "/openapi.yaml", "/metrics", "/nowhere"} {
			c.send("GET", path, "", bearer(metricsKey)).hasHeader("Connection", want)
		}
		c.send("DELETE", "/livez", "").hasHeader("Connection", want)
		preflight := httptest.NewRequest("OPTIONS", "/book", nil)
		preflight.Header.Set("Origin", shop)
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		if got := c.recorded(preflight).Result().Header.Get("Connection"); got != want {
			t.Errorf("a preflight is answered with Connection %q, want %q", got, want)
		}
	}
	all("")
	c.api.Drain()
	all("close")
}

// draining begins the drain while the body of a request is read.
type draining struct {
	strings.Reader
	api *handlers.API
}

func (d *draining) Read(p []byte) (int, error) {
	d.api.Drain()
	return d.Reader.Read(p)
}

// The answer to a request that came before the drain says so too, if it is given after.
func TestDrainTellsWhoIsInFlight(t *testing.T) {
	t.Parallel()
	c := serve(t, &fake{})
	body := `{"eventId":1,"userId":7}`
	c.do(httptest.NewRequest("POST", "/book", &draining{*strings.NewReader(body), c.api}), body).
		is(201, `{}`).hasHeader("Connection", "close")
}
