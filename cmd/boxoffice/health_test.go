package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// askHealth runs `boxoffice health` for an instance at an address.
func askHealth(t *testing.T, host, address string) error {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOST", host)
	t.Setenv("PORT", port)
	return boxoffice(context.Background(), []string{"health"}, &output{})
}

// The image's health check says what the service does: it is alive while it serves,
// and while it drains, whatever address it listens on.
func TestHealth(t *testing.T) {
	p := start(t)
	address := strings.TrimPrefix(p.url, "http://")
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "::", ""} {
		if err := askHealth(t, host, address); err != nil {
			t.Errorf("it serves, and is asked at %q: %v", host, err)
		}
	}
	connection, _ := p.openRequest(1)
	p.stop()
	waitFor(t, p.log, "draining")
	_ = connection.Close()
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
	if err := askHealth(t, "127.0.0.1", address); err == nil || !strings.Contains(err.Error(), "not healthy") {
		t.Errorf("it has ended: %v", err)
	}
}

// Something that answers at the port, and is not well, is not healthy.
func TestHealthOfAnInstanceThatIsNotWell(t *testing.T) {
	var asked string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		w.WriteHeader(status)
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	if err := askHealth(t, "127.0.0.1", address); err != nil || asked != "/livez" {
		t.Errorf("%q was asked: %v", asked, err)
	}
	status = http.StatusInternalServerError
	if err := askHealth(t, "127.0.0.1", address); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("it answers 500: %v", err)
	}
}

func TestHealthTakesNoArgument(t *testing.T) {
	if err := boxoffice(context.Background(), []string{"health", "all"}, &output{}); err == nil {
		t.Error("an argument was taken")
	}
}

// The image checks itself with what the binary has.
func TestImageHasAHealthCheck(t *testing.T) {
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if want := `CMD ["/boxoffice", "health"]`; !strings.Contains(string(dockerfile), want) {
		t.Errorf("the Dockerfile has no HEALTHCHECK with %s", want)
	}
}
