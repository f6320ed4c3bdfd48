package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

// checkAccess checks the settings for access and rate limits.
func (c *config) checkAccess(p *problems) {
	const slowest, fastest = 0.001, 1e6
	p.requiref(c.RateLimit == 0 || c.RateLimit >= slowest && c.RateLimit <= fastest, "RATE_LIMIT",
		"not 0 or from %v to %.0f", slowest, fastest)
	p.requiref(c.Auth == "auto" || c.Auth == "on" || c.Auth == authOff, "AUTH", "not auto, on or off")
	for i, entry := range c.APIKeys {
		if _, err := handlers.ParseAPIKey(entry); err != nil {
			p.addf("API_KEYS", "entry %d: %v", i+1, err)
		}
	}
	for i, proxy := range c.TrustedProxies {
		_, err := parseNetwork(proxy)
		p.requiref(err == nil, "TRUSTED_PROXIES", "entry %d is not an address or a network such as 10.0.0.0/8", i+1)
	}
	for i, origin := range c.CORSOrigins {
		p.requiref(validOrigin(origin), "CORS_ORIGINS", "entry %d is not * or an origin such as https://shop.example", i+1)
	}
}

// validOrigin tells whether a browser may send this as its Origin, or, with a * as
// the first label of the host, such ones.
func validOrigin(origin string) bool {
	if origin == "*" {
		return true
	}
	parsed, err := url.Parse(strings.Replace(origin, "://*.", "://", 1))
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Hostname() != "" &&
		!strings.Contains(parsed.Host, "*") && parsed.String() == parsed.Scheme+"://"+parsed.Host
}

// parseNetwork reads a network, or an address as the network of it alone.
func parseNetwork(text string) (netip.Prefix, error) {
	text = strings.TrimSpace(text)
	if network, err := netip.ParsePrefix(text); err == nil {
		if network.Addr().Is4In6() {
			return netip.Prefix{}, errors.New("an IPv4 network must be written in IPv4 notation")
		}
		return network.Masked(), nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.Unmap().Prefix(address.Unmap().BitLen())
}

func (c *config) trustedProxies() []netip.Prefix {
	var networks []netip.Prefix
	for _, proxy := range c.TrustedProxies {
		if network, err := parseNetwork(proxy); err == nil { // checked when it was read
			networks = append(networks, network)
		}
	}
	return networks
}

// accessKeys returns the accepted API keys; none means that no key is required. It
// refuses to serve without keys by accident, and logs a warning where that is intended.
func (c *config) accessKeys(log *logrus.Logger) ([]handlers.APIKey, error) {
	loopback := isLoopback(c.Host)
	if c.Auth == authOff {
		if !loopback {
			log.Warnf("AUTH=off: anyone who can reach %s can create events, book and cancel", c.Host)
		}
		return nil, nil
	}
	keys, err := c.apiKeys()
	switch {
	case err != nil:
		return nil, err
	case len(keys) > 0:
		for _, key := range keys {
			log.WithFields(fieldsOf(key)).Info("API key")
		}
		return keys, nil
	case c.Auth == "on":
		return nil, errors.New("AUTH=on needs at least one key in API_KEYS or API_KEYS_FILE; boxoffice key makes one")
	case !loopback:
		return nil, errors.New("setting HOST: not loopback, and no API keys are configured: set API_KEYS or API_KEYS_FILE " +
			"(boxoffice key makes one), or AUTH=off to let anyone who can reach it do everything")
	}
	return nil, nil
}

// isLoopback tells whether only this machine can reach an address to listen on. A name
// may be anything, but for the one that RFC 6761 keeps for loopback.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// authOff is the value of AUTH with which everybody may do everything.
const authOff = "off"

// hasKeyFile reports whether API_KEYS_FILE has a say.
func (c *config) hasKeyFile() bool { return c.APIKeysFile != "" && c.Auth != authOff }

// apiKeys reads the keys of both settings.
func (c *config) apiKeys() ([]handlers.APIKey, error) {
	if c.APIKeysFile == "" {
		return c.keysWith(nil)
	}
	text, err := c.readKeyFile()
	if err != nil {
		return nil, err
	}
	return c.keysWith(text)
}

func (c *config) readKeyFile() ([]byte, error) {
	text, err := readRegular(c.APIKeysFile)
	if err != nil {
		return nil, fmt.Errorf("setting API_KEYS_FILE: %w", err)
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

// keysWith returns the keys of API_KEYS and of a file's text. Its errors name the place, never
// the text: somebody may have put a key there, not its hash.
func (c *config) keysWith(file []byte) ([]handlers.APIKey, error) {
	var keys []handlers.APIKey
	seen := map[[sha256.Size]byte]bool{}
	add := func(where string, entry string) error {
		key, err := handlers.ParseAPIKey(strings.TrimSpace(entry))
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", where, err)
		case isPlaceholderKey(key):
			return fmt.Errorf("%s: the key is a placeholder or empty; boxoffice key makes one", where)
		case seen[key.Hash]:
			return fmt.Errorf("%s: the hash of %s appears twice; join the scopes of one key with +", where, key.Name)
		}
		seen[key.Hash] = true
		keys = append(keys, key)
		return nil
	}
	for i, entry := range c.APIKeys {
		if err := add(fmt.Sprintf("setting API_KEYS, entry %d", i+1), entry); err != nil {
			return nil, err
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(file))
	for number := 1; lines.Scan(); number++ {
		entry, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(entry) == "" {
			continue
		}
		if err := add(fmt.Sprintf("setting API_KEYS_FILE, line %d", number), entry); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("setting API_KEYS_FILE: %w", err)
	}
	if c.APIKeysFile != "" && len(keys) == 0 {
		return nil, errors.New("setting API_KEYS_FILE: there is no key in the file")
	}
	return keys, nil
}

// makeKey makes a key, and prints it with its entry for API_KEYS.
func makeKey(args []string, output io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: boxoffice key SCOPE [NAME]; SCOPE is organizer, booking or metrics, or several of them joined by +")
	}
	secret := "boxoffice_" + rand.Text() // 128 random bits; the prefix is for scanners that look for leaked keys
	entry := fmt.Sprintf("%s:%x", args[0], sha256.Sum256([]byte(secret)))
	if len(args) > 1 {
		entry += ":" + args[1]
	}
	if _, err := handlers.ParseAPIKey(entry); err != nil {
		return err
	}
	fmt.Fprintf(output, "key      %s\nsetting  %s\n", secret, entry)
	return nil
}
