package service

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Target is an instance of the service.
type Target struct {
	URL   string
	addr  string
	head  string // of each request, after the path
	serve string // server name for TLS, or empty
}

// ParseTarget reads a base URL such as http://127.0.0.1:3000.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", text, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || (u.Path != "" && u.Path != "/") {
		return Target{}, fmt.Errorf("target %q is not like http://host:port", text)
	}
	target := Target{URL: u.Scheme + "://" + u.Host, addr: u.Host}
	if u.Scheme == "https" {
		target.serve = u.Hostname()
	}
	if u.Port() == "" {
		target.addr = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	target.head = " HTTP/1.1\r\nHost: " + u.Host + "\r\nUser-Agent: boxoffice-loadtest\r\n"
	return target, nil
}

func (t Target) dial(timeout time.Duration) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: timeout}
	if t.serve != "" {
		return tls.DialWithDialer(dialer, "tcp", t.addr, //nolint:noctx // like a request, it ends by its own timeout
			&tls.Config{ServerName: t.serve, MinVersion: tls.VersionTLS12})
	}
	return dialer.Dial("tcp", t.addr)
}
