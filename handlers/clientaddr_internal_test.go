package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8"),
	}
	for _, test := range []struct {
		remote    string
		forwarded string // lines parted by |
		want      string
		direct    bool
	}{
		// Nobody is believed who is not trusted.
		{"192.0.2.1:1234", "", "192.0.2.1", true},
		{"192.0.2.1:1234", "203.0.113.9", "192.0.2.1", true},
		{"[2001:db8::1]:1", "203.0.113.9", "2001:db8::1", true},
		// What a trusted proxy appended is the client, whatever that wrote before it.
		{"10.0.0.1:1", "203.0.113.9", "203.0.113.9", false},
		{"[::ffff:10.0.0.1]:1", "203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "1.1.1.1, 203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "127.0.0.1, 203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "garbage, 203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "1.1.1.1|203.0.113.9", "203.0.113.9", false},
		{"10.0.0.1:1", "203.0.113.9|", "203.0.113.9", false},
		// Over several trusted ones.
		{"10.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.1.1.1,10.2.2.2", "203.0.113.9", false},
		{"10.0.0.1:1", "203.0.113.9, 10.1.1.1|10.2.2.2", "203.0.113.9", false},
		{"[fd00::1]:1", "2001:db8::7, 10.1.1.1", "2001:db8::7", false},
		// All trusted: the farthest.
		{"10.0.0.1:1", "10.1.1.1, 10.2.2.2", "10.1.1.1", false},
		{"10.0.0.1:1", "", "10.0.0.1", true},
		{"10.0.0.1:1", " , ,", "10.0.0.1", true},
		// What cannot be read ends the chain: the proxy that passed it on answers for it.
		{"10.0.0.1:1", "203.0.113.9, unknown", "10.0.0.1", true},
		{"10.0.0.1:1", "203.0.113.9, _hidden, 10.2.2.2", "10.2.2.2", false},
		// Forms that proxies write.
		{"10.0.0.1:1", "203.0.113.9:4711", "203.0.113.9", false},
		{"10.0.0.1:1", "[2001:db8::7]:4711", "2001:db8::7", false},
		{"10.0.0.1:1", "[2001:db8::7]", "2001:db8::7", false},
		{"10.0.0.1:1", "\t::ffff:203.0.113.9 ", "203.0.113.9", false},
		{"127.0.0.1:1", "203.0.113.9", "203.0.113.9", false},
		{"127.0.0.1:1", "", "127.0.0.1", true},
		// No address at all.
		{"@", "203.0.113.9", "invalid IP", true},
		{"", "203.0.113.9", "invalid IP", true},
	} {
		request := &http.Request{RemoteAddr: test.remote, Header: http.Header{}}
		if test.forwarded != "" {
			request.Header["X-Forwarded-For"] = strings.Split(test.forwarded, "|")
		}
		address, direct := clientAddress(request, trusted)
		if address.String() != test.want || direct != test.direct {
			t.Errorf("%s, forwarded for %q: %s, %v; want %s, %v",
				test.remote, test.forwarded, address, direct, test.want, test.direct)
		}
	}
}

func TestSubscriber(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "2001:db8:1:2:ffff::": "2001:db8:1:2::",
		"2001:db8:1:3::": "2001:db8:1:3::",
	} {
		if got := subscriber(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s is of %s, want %s", address, got, want)
		}
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1:1", "1.1.1.1, 203.0.113.9, 10.1.1.1")
	f.Add("[::1%eth0]:1", "[2001:db8::7]:80,,[")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, forwarded string) {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.RemoteAddr = remote
		request.Header["X-Forwarded-For"] = []string{forwarded}
		address, direct := clientAddress(request, trusted)
		if !direct && !contains(trusted, parseAddress(remote)) {
			t.Errorf("%q was believed, who is not trusted", remote)
		}
		if !direct && !address.IsValid() {
			t.Errorf("%q gave no address", forwarded)
		}
		// What a client writes in front changes nothing once a proxy appended who it is.
		request.Header["X-Forwarded-For"] = []string{forwarded + ", 203.0.113.9"}
		if contains(trusted, parseAddress(remote)) {
			if address, _ := clientAddress(request, trusted); address.String() != "203.0.113.9" {
				t.Errorf("%q forged %s", forwarded, address)
			}
		}
	})
}
