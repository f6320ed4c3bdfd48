package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const healthUsage = `
boxoffice health checks whether the instance on this machine with the same HOST and PORT
is alive, for a container that has no other program to check with. The exit code is 1 if
it is not. Redis does not matter here: restarting a service does not bring its Redis back.
To decide where to send traffic, use GET /readyz.
`

// healthTimeout is shorter than the time-out of the image's health check, so that the
// error is printed.
const healthTimeout = 2 * time.Second

// health requests /livez of the instance that serves with the same settings.
func health(ctx context.Context, c config, output io.Writer) error {
	host := c.Host
	if address := net.ParseIP(host); host == "" || address != nil && address.IsUnspecified() {
		host = "127.0.0.1" // not localhost, which an image without /etc/hosts does not know
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(c.Port)) + "/livez"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	// Not the default client: HTTP_PROXY must not apply to this machine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s answered %s", url, response.Status)
	}
	fmt.Fprintln(output, "ok")
	return nil
}
