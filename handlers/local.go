package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// isLocal reports whether a request comes from a program on this machine. A connection from
// loopback alone does not say so: a proxy on this machine passes the world's requests on, and
// a browser on it sends what any web page makes it send.
func (a *API) isLocal(r *http.Request) bool {
	address := parseAddress(r.RemoteAddr)
	return address.IsLoopback() && !contains(a.TrustedProxies, address) &&
		!passedOn(r.Header) && isLoopbackHost(r.Host) && a.isOwnPage(r.Header)
}

// passedOn reports whether a proxy says that it was on the way.
func passedOn(header http.Header) bool {
	for name := range header {
		switch name {
		case "Forwarded", "Via", "X-Real-Ip":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded-") {
			return true
		}
	}
	return false
}

// isLoopbackHost reports whether a Host, with or without a port, names loopback. A page whose
// own name was made to resolve to loopback (DNS rebinding) sends that name. Names below
// localhost are not accepted: not every resolver keeps them from leading elsewhere.
func isLoopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// isOwnPage reports whether no browser says that a page of another site is behind the request.
// An Origin is at home on loopback, or if CORS_ORIGINS names it: the * there names nobody.
// Sec-Fetch-Site covers what browsers send without an Origin, such as images and links.
func (a *API) isOwnPage(header http.Header) bool {
	switch origins := header["Origin"]; len(origins) {
	case 0:
	case 1:
		if a.namesOrigin(origins[0]) {
			return true
		}
		origin, err := url.Parse(origins[0])
		if err != nil || origin.Scheme != "http" && origin.Scheme != "https" || !isLoopbackHost(origin.Host) {
			return false
		}
	default:
		return false
	}
	for _, site := range header["Sec-Fetch-Site"] {
		if !slices.Contains([]string{"same-origin", "same-site", "none"}, site) {
			return false
		}
	}
	return true
}

// namesOrigin reports whether CORSOrigins has an origin, or a pattern such as
// https://*.shop.example that covers it.
func (a *API) namesOrigin(origin string) bool {
	origin = strings.ToLower(origin)
	return slices.ContainsFunc(a.CORSOrigins, func(allowed string) bool {
		allowed = strings.ToLower(allowed)
		before, after, pattern := strings.Cut(allowed, "*")
		if !pattern {
			return origin == allowed
		}
		return before != "" && len(origin) > len(before)+len(after) &&
			strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
	})
}
