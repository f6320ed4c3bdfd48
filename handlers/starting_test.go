package handlers_test

import (
	"context"
	"testing"

	"boxoffice/handlers"
	"boxoffice/store"
)

// Before there is a store, an instance is alive and not ready, and carries nothing out; then
// it serves like any other.
func TestStarting(t *testing.T) {
	t.Parallel()
	var j journal
	c := serve(t, nil, withKeys(t), measure, j.into)
	refused := func(path, code string) {
		t.Helper()
		c.get(path).is(503, `{"code":"`+code+`"}`).hasHeader("Retry-After", "1")
	}
	c.get("/livez").is(200, `{}`)
	refused("/readyz", "starting")
	for _, call := range storeCalls {
		c.send(call.method, call.path, call.body, bearer(bothKey)).is(503, `{"code":"starting"}`).hasHeader("Retry-After", "1")
	}
	c.get("/metrics").is(401, `{}`)
	c.send("GET", "/metrics", "", bearer(metricsKey))
	if text := j.text.String(); text != "" {
		t.Errorf("each of these requests would be a line of the log:\n%s", text)
	}

	f := &fake{}
	c.api.Connect(f, "a test's", func(context.Context) store.Health { return store.Health{} })
	c.get("/readyz").is(200, `{"status":"ok"}`)
	for _, call := range storeCalls {
		if a := c.send(call.method, call.path, call.body, bearer(bothKey)); a.status >= 300 {
			t.Errorf("%s was answered %d %s", a.request, a.status, a.body)
		}
	}
	c.api.Drain()
	refused("/readyz", "draining")

	starting := serve(t, nil, func(o *handlers.Options) { o.OpenToAll = true })
	starting.api.Drain()
	starting.get("/readyz").is(503, `{"code":"draining"}`)
}
