package main

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"boxoffice/store/redistest"
)

// composeService is what the test reads of a service of compose.yaml.
type composeService struct {
	Environment map[string]string
	Command     []string
	Ports       []string
	MemLimit    string `yaml:"mem_limit"` //nolint:tagliatelle // Compose calls it so
	Logging     struct {
		Driver  string
		Options map[string]string
	}
}

func readCompose(t *testing.T) map[string]composeService {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Services map[string]composeService }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// The logs of all services are bounded, and the service that needs no key is published to this
// machine only.
func TestComposeIsBounded(t *testing.T) {
	services := readCompose(t)
	for name, service := range services {
		if options := service.Logging.Options; service.Logging.Driver == "" || options["max-size"] == "" || options["max-file"] == "" {
			t.Errorf("the log of %s grows without a bound: %v", name, options)
		}
	}
	boxoffice := services["boxoffice"]
	for _, port := range boxoffice.Ports {
		host, _, err := net.SplitHostPort(strings.TrimSuffix(port, ":3000"))
		if boxoffice.Environment["AUTH"] == authOff && (err != nil || !isLoopback(host)) {
			t.Errorf("everybody can do everything at %s", port)
		}
	}
}

// Redis is set up as operations.md says, so the service has nothing to warn of, and it cannot
// fill the machine.
func TestComposeRedis(t *testing.T) {
	redistest.Require(t)
	redis := readCompose(t)["redis"]
	if redis.Command[0] != "redis-server" || redis.MemLimit == "" {
		t.Errorf("command %q, memory %q", redis.Command, redis.MemLimit)
	}
	server, err := redistest.Start(redis.Command[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	client := server.Client()
	defer func() { _ = client.Close() }()
	for name, wrong := range map[string][]string{
		"maxmemory": {"0"}, "maxmemory-policy": {"allkeys-lru", "volatile-lru"}, "appendonly": {"no"}, "appendfsync": {"no"},
	} {
		got, err := client.ConfigGet(t.Context(), name).Result()
		if err != nil || slices.Contains(append(wrong, ""), got[name]) {
			t.Errorf("%s is %q, %v", name, got[name], err)
		}
	}
	// What tests start has this one already.
	if at := slices.Index(redis.Command, "--save"); at < 0 || redis.Command[at+1] != "" {
		t.Errorf("snapshots are taken: %q", redis.Command)
	}
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_HOST", host)
	t.Setenv("REDIS_PORT", port)
	p := start(t)
	if status, body := p.get("/readyz"); status != 200 || body["warnings"] != nil {
		t.Errorf("%d %v", status, body)
	}
	p.end()
}
