package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is where a request comes from: the other end of the connection or, if that
// is a trusted proxy, the last address in X-Forwarded-For that is not one. Each proxy appends
// the address that it sees, so whatever stands before the last untrusted one is only what
// that client claims. direct is true if the address is the connection's. An address that
// cannot be read, such as a Unix socket's, is the zero address.
func clientAddress(r *http.Request, trusted []netip.Prefix) (address netip.Addr, direct bool) {
	address = parseAddress(r.RemoteAddr)
	if !contains(trusted, address) {
		return address, true
	}
	direct = true
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for rest, more := line, true; more; {
			var item string
			if comma := strings.LastIndexByte(rest, ','); comma < 0 {
				item, more = rest, false
			} else {
				rest, item = rest[:comma], rest[comma+1:]
			}
			if item = strings.Trim(item, " \t"); item == "" {
				continue
			}
			next := parseAddress(item)
			if !next.IsValid() {
				return address, direct // what is beyond is unknown, so the proxy stands for it
			}
			address, direct = next, false
			if !contains(trusted, address) {
				return address, direct
			}
		}
	}
	return address, direct
}

// parseAddress reads an address, with or without a port.
func parseAddress(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// subscriber is what one client can be expected to hold: one IPv4 address, or an IPv6 /64,
// in which it has 2^64 addresses to choose from.
func subscriber(address netip.Addr) netip.Addr {
	const ipv6Network = 64 // bits
	if !address.Is6() {
		return address
	}
	network, err := address.Prefix(ipv6Network)
	if err != nil {
		return address
	}
	return network.Addr()
}
