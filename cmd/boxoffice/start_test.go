package main

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	resp "github.com/alicebob/miniredis/v2/server"
)

// loadingRedis is a Redis that reads its file until it is loaded.
func loadingRedis(t *testing.T) (address string, loaded *atomic.Bool) {
	t.Helper()
	redis := miniredis.RunT(t)
	loaded = new(atomic.Bool)
	redis.Server().SetPreHook(func(peer *resp.Peer, command string, _ ...string) bool {
		switch {
		case !loaded.Load():
			peer.WriteError("LOADING Redis is loading the dataset in memory")
		case command == "INFO":
			peer.WriteBulk("cluster_enabled:0") // miniredis knows no such section
		default:
			return false
		}
		return true
	})
	return redis.Addr(), loaded
}

// waiting runs the program against a Redis that is not there yet, and returns it with its
// address.
func waiting(t *testing.T) *program {
	t.Helper()
	t.Setenv("PORT", "0")
	t.Setenv("LOG_FORMAT", "text")
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	p := &program{t: t, log: &output{}, ended: make(chan error, 1)}
	p.stop = func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
	}
	go func() { p.ended <- run(ctx, c, p.log, nil) }()
	waitFor(t, p.log, "waiting for Redis")
	found := regexp.MustCompile(`http://[0-9.]+:[0-9]+`).FindString(p.log.String())
	if found == "" {
		t.Fatalf("the log does not say where it can be asked:\n%s", p.log)
	}
	p.url = found
	return p
}

// A start waits, alive and not ready, for a Redis that loads; it serves once that has loaded.
func TestStartWaitsForRedis(t *testing.T) {
	address, loaded := loadingRedis(t)
	t.Setenv("REDIS_ADDRS", address)
	p := waiting(t)
	for range 3 {
		if status, _ := p.get("/livez"); status != http.StatusOK {
			t.Errorf("/livez answered %d", status)
		}
		if status, body := p.get("/readyz"); status != http.StatusServiceUnavailable || body["code"] != "starting" {
			t.Errorf("/readyz answered %d %v", status, body)
		}
		status, body := p.post("/initialize", `{"name":"x","totalTickets":1}`)
		if status != http.StatusServiceUnavailable || body["code"] != "starting" {
			t.Errorf("answered %d %v", status, body)
		}
	}
	if metrics := scraped(t, p.url+"/metrics"); !strings.Contains(metrics, "\nboxoffice_redis_up 0\n") {
		t.Errorf("Redis is not said to be down:\n%s", metrics)
	}
	eventually(t, "the log says why", func() bool { return strings.Contains(p.log.String(), "LOADING") })
	loaded.Store(true)
	waitFor(t, p.log, "listening on "+p.url)
	if status, body := p.post("/initialize", `{"name":"x","totalTickets":1}`); status != http.StatusCreated {
		t.Errorf("answered %d %v", status, body)
	}
	if status, body := p.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz answered %d %v", status, body)
	}
	if metrics := scraped(t, p.url+"/metrics"); !strings.Contains(metrics, "\nboxoffice_redis_up 1\n") {
		t.Errorf("Redis is not said to be up:\n%s", metrics)
	}
	p.end()
}

// It can be ended while it waits.
func TestStartEndsWhileItWaits(t *testing.T) {
	for address, reason := range map[string]string{"127.0.0.1:1": "connection refused", "redis.invalid:6379": "redis.invalid"} {
		t.Run(reason, func(t *testing.T) {
			t.Setenv("REDIS_ADDRS", address)
			p := waiting(t)
			if !strings.Contains(p.log.String(), reason) {
				t.Errorf("the log does not say why:\n%s", p.log)
			}
			if status, body := p.get("/readyz"); status != http.StatusServiceUnavailable || body["code"] != "starting" {
				t.Errorf("/readyz answered %d %v", status, body)
			}
			p.end()
		})
	}
}

// What waiting does not mend ends the start.
func TestStartEndsForGood(t *testing.T) {
	redis := miniredis.RunT(t)
	redis.RequireAuth("another")
	t.Setenv("REDIS_ADDRS", redis.Addr())
	if reason := refused(t); !strings.Contains(reason, "NOAUTH") {
		t.Error(reason)
	}
	t.Setenv("REDIS_PASSWORD", "not that one")
	if reason := refused(t); !strings.Contains(reason, "WRONGPASS") {
		t.Error(reason)
	}
}
