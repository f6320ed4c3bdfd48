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
boxoffice health asks the instance that serves on this machine with the same HOST and
PORT whether it is alive, for a container that has no other program to ask with. The exit
code is 1 if it is not. Redis has no say in it: nothing is gained by restarting a service
whose Redis is away. Where traffic may be sent, GET /readyz tells.
`

// healthTimeout is shorter than the time-out of the image's health check, so that what
// is wrong is told.
const healthTimeout = 2 * time.Second

// health asks the instance that serves with the same settings for /livez.
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
	// Not the default client: HTTP_PROXY is for what is elsewhere.
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
