package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const testKey = "boxoffice_TESTTESTTESTTESTTESTTESTTE"

func hashOf(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

// withKey sends a request as who has the key, and returns the status.
func (p *program) withKey(method, path, key, body string) int {
	p.t.Helper()
	request, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	status, _ := decode(p.t, response)
	return status
}

// refused runs the program, which has to end before it listens, and returns why.
func refused(t *testing.T) string {
	t.Helper()
	t.Setenv("PORT", "0")
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listening := make(chan string, 1)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, c, &output{}, listening) }()
	select {
	case address := <-listening:
		t.Errorf("it listens on %s with HOST=%s", address, c.Host)
		cancel()
		return fmt.Sprint(<-ended)
	case err := <-ended:
		if err == nil {
			t.Fatal("it ended without an error")
		}
		return err.Error()
	}
}

// Without keys nobody but this machine is served, unless that is said.
func TestNoKeysNoEntryFromElsewhere(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::", "[::]", "192.0.2.1", "boxoffice.example", "::ffff:0.0.0.0", "127.1"} {
		t.Run(host, func(t *testing.T) {
			t.Setenv("HOST", host)
			reason := refused(t)
			for _, want := range []string{"setting HOST", "API_KEYS", "API_KEYS_FILE", "AUTH=off"} {
				if !strings.Contains(reason, want) {
					t.Errorf("no word of %s in %q", want, reason)
				}
			}
		})
	}
	t.Run("an empty HOST is all addresses", func(t *testing.T) {
		c := config{Host: "", Auth: "auto"}
		if _, err := c.accessKeys(nil); err == nil {
			t.Error("it would be served")
		}
	})
	for _, host := range []string{"127.0.0.1", "127.9.9.9", "localhost", "::1"} {
		t.Run(host, func(t *testing.T) {
			c := config{Host: host, Auth: "auto"}
			if keys, err := c.accessKeys(nil); err != nil || len(keys) != 0 {
				t.Errorf("%v, %v", keys, err)
			}
		})
	}
}

// On all addresses with a key: who has it enters, nobody else does.
func TestKeysOnAllAddresses(t *testing.T) {
	t.Setenv("HOST", "0.0.0.0")
	t.Setenv("API_KEYS", "organizer+booking:"+hashOf(testKey)+":test")
	t.Setenv("LOG_LEVEL", "trace")
	p := start(t)
	p.url = "http://127.0.0.1:" + p.url[strings.LastIndex(p.url, ":")+1:]
	const create = `{"name":"x","totalTickets":1}`
	for key, want := range map[string]int{"": 401, testKey + "x": 401, hashOf(testKey): 401, testKey: 201} {
		if got := p.withKey("POST", "/initialize", key, create); got != want {
			t.Errorf("with key %q: %d, want %d", key, got, want)
		}
	}
	if got := p.withKey("POST", "/book", testKey, `{"eventId":1,"userId":7}`); got != 201 {
		t.Errorf("booking answered %d", got)
	}
	if got := p.withKey("GET", "/readyz", "", ""); got != 200 {
		t.Errorf("/readyz answered %d", got)
	}
	p.end()
	if log := p.log.String(); strings.Contains(log, testKey) || strings.Contains(log, hashOf(testKey)) || !strings.Contains(log, "key=test") {
		t.Errorf("the log names no key, or tells one:\n%s", log)
	}
}

// Keys that are there are asked for on loopback too: a proxy may be in front.
func TestKeysOnLoopback(t *testing.T) {
	t.Setenv("API_KEYS", "booking:"+hashOf(testKey))
	p := start(t)
	for key, want := range map[string]int{"": 401, testKey: 403} {
		if got := p.withKey("POST", "/initialize", key, `{"name":"x","totalTickets":1}`); got != want {
			t.Errorf("with key %q: %d, want %d", key, got, want)
		}
	}
	p.end()
}

func TestAuthOff(t *testing.T) {
	t.Setenv("HOST", "0.0.0.0")
	t.Setenv("AUTH", "off")
	t.Setenv("API_KEYS", "booking:"+hashOf(testKey))
	p := start(t)
	p.url = "http://127.0.0.1:" + p.url[strings.LastIndex(p.url, ":")+1:]
	if got := p.withKey("POST", "/initialize", "", `{"name":"x","totalTickets":1}`); got != 201 {
		t.Errorf("answered %d", got)
	}
	p.end()
	if !strings.Contains(p.log.String(), "AUTH=off: anyone who can reach 0.0.0.0") {
		t.Errorf("the log does not say so:\n%s", p.log)
	}
}

func TestAuthOnNeedsKeys(t *testing.T) {
	t.Setenv("AUTH", "on")
	if reason := refused(t); !strings.Contains(reason, "AUTH=on") {
		t.Error(reason)
	}
}

func TestKeysFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := config{Host: "0.0.0.0", Auth: "auto", APIKeysFile: file, APIKeys: []string{"metrics:" + hashOf("a") + ":prometheus"}}
	write("# who may\n\nbooking:" + hashOf("b") + ":shop # since May\r\n  organizer:" + hashOf("c") + "\n")
	keys, err := c.apiKeys()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(keys), fmt.Sprintf("[metrics:%s:prometheus booking:%s:shop organizer:%s:%s]",
		hashOf("a"), hashOf("b"), hashOf("c"), hashOf("c")[:8]); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	write("\ufeffbooking:" + hashOf("b") + ":shop\n")
	if keys, err = c.apiKeys(); err != nil || len(keys) != 2 {
		t.Errorf("with a byte order mark: %v, %v", keys, err)
	}
	for text, want := range map[string]string{
		"booking:" + hashOf("b") + "\n" + testKey + "\n":                               "line 2",
		"booking:" + testKey + "\n":                                                    "line 1",
		"booking:" + hashOf("a") + "\n":                                                "appears twice",
		"booking:" + hashOf("b") + "\n\norganizer:" + hashOf("b") + "\n":               "line 3",
		"booking:" + hashOf("b") + ":" + strings.Repeat("x", 100_000) + testKey + "\n": "API_KEYS_FILE",
	} {
		write(text)
		if _, err := c.apiKeys(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%.80q: %v, want an error that tells %s, and not the key", text, err, want)
		}
	}
	c.APIKeysFile += "x"
	if _, err := c.apiKeys(); err == nil || !strings.Contains(err.Error(), "API_KEYS_FILE") {
		t.Error(err)
	}
}

// What boxoffice key prints is a key and the setting that goes with it.
func TestMakeKey(t *testing.T) {
	form := regexp.MustCompile(`^key      (boxoffice_[A-Z2-7]{26})\nsetting  (booking\+metrics:([0-9a-f]{64}):shop)\n$`)
	var first, second bytes.Buffer
	for _, made := range []*bytes.Buffer{&first, &second} {
		if err := makeKey([]string{"booking+metrics", "shop"}, made); err != nil {
			t.Fatal(err)
		}
		parts := form.FindStringSubmatch(made.String())
		if parts == nil || hashOf(parts[1]) != parts[3] {
			t.Fatalf("%q", made)
		}
		c := config{Host: "0.0.0.0", Auth: "on", APIKeys: []string{parts[2]}}
		if keys, err := c.apiKeys(); err != nil || len(keys) != 1 || keys[0].Name != "shop" {
			t.Errorf("%v, %v", keys, err)
		}
	}
	if first.String() == second.String() {
		t.Error("two keys are the same")
	}
	for _, args := range [][]string{nil, {"admin"}, {"booking", "a,b"}, {"booking", "a#b"}, {"booking", ""}, {"booking", "a", "b"}} {
		if err := makeKey(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func accessProblems(c *config) error {
	p := &problems{}
	c.checkAccess(p)
	return p.err()
}

func TestAccessSettings(t *testing.T) {
	good := config{Auth: "auto"}
	for name, change := range map[string]func(*config){
		"RATE_LIMIT=0.001": func(c *config) { c.RateLimit = 0.001 },
		"an address":       func(c *config) { c.TrustedProxies = []string{"10.0.0.1", "::1", "10.1.2.3/8"} },
		"all origins":      func(c *config) { c.CORSOrigins = []string{"*"} },
		"subdomains and ports": func(c *config) {
			c.CORSOrigins = []string{"https://*.shop.example", "http://localhost:5173", "http://[::1]:80"}
		},
	} {
		c := good
		change(&c)
		if err := accessProblems(&c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	zero := 0.0
	for name, change := range map[string]func(*config){
		"RATE_LIMIT NaN":      func(c *config) { c.RateLimit = zero / zero },
		"RATE_LIMIT infinite": func(c *config) { c.RateLimit = 1 / zero },
		"RATE_LIMIT tiny":     func(c *config) { c.RateLimit = 1e-9 },
		"TRUSTED_PROXIES":     func(c *config) { c.TrustedProxies = []string{"10.0.0.0/33"} },
		"TRUSTED_PROXIES v6":  func(c *config) { c.TrustedProxies = []string{"::ffff:10.0.0.0/104"} },
	} {
		c := good
		change(&c)
		if err := accessProblems(&c); err == nil || !strings.Contains(err.Error(), strings.Fields(name)[0]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, origin := range []string{
		"", "shop.example", "https://", "https://shop.example/", "https://shop.example/x", "ftp://shop.example", "https://*",
		"https://a*.example", "https://*shop.example", "https://*.*.example", "https://u@shop.example", "https://shop.example?x", "null", "**",
	} {
		c := good
		c.CORSOrigins = []string{origin}
		if err := accessProblems(&c); err == nil || !strings.Contains(err.Error(), "CORS_ORIGINS") {
			t.Errorf("%q: %v", origin, err)
		}
	}
	c := config{TrustedProxies: []string{"10.1.2.3/8", "::ffff:10.0.0.1", "::1"}}
	if got := c.trustedProxies(); fmt.Sprint(got) !=
		"[10.0.0.0/8 10.0.0.1/32 ::1/128]" {
		t.Error(got)
	}
}

// At start the log names each key's scopes as the setting does, in both formats.
func TestLogNamesScopes(t *testing.T) {
	t.Setenv("API_KEYS", "organizer+booking:"+hashOf(testKey)+":office")
	for format, want := range map[string]string{"text": "scopes=organizer+booking", "json": `"scopes":"organizer+booking"`} {
		t.Setenv("LOG_FORMAT", format)
		p := start(t)
		p.end()
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("LOG_FORMAT=%s lacks %s:\n%s", format, want, p.log)
		}
	}
}
