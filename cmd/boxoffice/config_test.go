package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestHelpListsEverySetting(t *testing.T) {
	var help output
	if err := boxoffice(context.Background(), []string{"-h"}, &help); err != nil {
		t.Fatal(err)
	}
	for field := range reflect.TypeFor[config]().Fields() {
		tag := field.Tag
		for _, want := range []string{tag.Get("envconfig"), tag.Get("default"), tag.Get("desc")} {
			if !strings.Contains(strings.Join(strings.Fields(help.String()), " "), want) { // long ones are wrapped
				t.Errorf("-h has no word of %q", want)
			}
		}
		if tag.Get("desc") == "" {
			t.Errorf("%s has no description", field.Name)
		}
	}
}

func TestSettingsComeFromTheEnvironmentThenTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, []byte("PORT=4000\nREQUEST_TIMEOUT=2s\nREDIS_ADDRS=a:1,b:2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PORT", "5000")
	for _, setting := range []string{"REQUEST_TIMEOUT", "REDIS_ADDRS"} { // godotenv sets them for good
		t.Setenv(setting, "")
		if err := os.Unsetenv(setting); err != nil {
			t.Fatal(err)
		}
	}
	c, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 5000 || c.RequestTimeout != 2*time.Second || len(c.RedisAddrs) != 2 || c.Host != "127.0.0.1" {
		t.Errorf("%+v", c)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for setting, value := range map[string]string{
		"PORT":                  "http",
		"LOG_FORMAT":            "xml",
		"LOG_LEVEL":             "loud",
		"REQUEST_TIMEOUT":       "5",
		"SHUTDOWN_TIMEOUT":      "-1s",
		"RATE_LIMIT":            "-1",
		"AUTH":                  "maybe",
		"API_KEYS":              "booking:abc",
		"TRUSTED_PROXIES":       "10.0.0.0/8,proxy.example",
		"CORS_ORIGINS":          "https://shop.example,shop.example",
		"REDIS_ADDRS":           "no-port",
		"REDIS_SENTINEL_MASTER": "mymaster",
		"REDIS_PORT":            "99999",
		"REDIS_POOL_SIZE":       "-1",
		"REDIS_DB":              "-1",
		"REDIS_URL":             "http://a",
		"REDIS_KEY_PREFIX":      "{x}",
		"REDIS_PASSWORD":        "a5-71c\n",
		"REDIS_USERNAME":        "x", // on the embedded engine
		"REDIS_STORE_ID":        "x", // on the embedded engine
		"REDIS_READ_TIMEOUT":    "-1s",
		"DRAIN_DELAY":           "-1s",
		"WRITE_TIMEOUT":         "1s",
		"METRICS":               "yes please",
		"LOG_USER_SALT":         "too short",
		"MAX_IN_FLIGHT":         "-1",
		"DURABILITY":            "replicated", // on the embedded engine
		"ACK_REPLICAS":          "0",
		"ACK_TIMEOUT":           "-1s",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Setenv(setting, value)
			if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), setting) {
				t.Errorf("%s=%s: %v, want an error that names the setting", setting, value, err)
			}
		})
	}
	t.Run("waiting for replicas", func(t *testing.T) {
		t.Setenv("DURABILITY", "replicated")
		t.Setenv("REDIS_HOST", "a")
		c, err := readConfig("no such file")
		if err != nil {
			t.Fatal(err)
		}
		if redis, err := c.redis(); err != nil || redis.AckReplicas != 1 || redis.AckSynced || redis.AckTimeout != 1500*time.Millisecond {
			t.Errorf("%+v, %v", redis, err)
		}
		for _, value := range []string{"1us", "2s"} { // the latter is REDIS_READ_TIMEOUT
			t.Setenv("ACK_TIMEOUT", value)
			if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), "ACK_TIMEOUT") {
				t.Errorf("ACK_TIMEOUT=%s: %v", value, err)
			}
		}
		t.Setenv("DURABILITY", "synced")
		t.Setenv("ACK_TIMEOUT", "1s")
		if c, err := readConfig("no such file"); err != nil {
			t.Error(err)
		} else if redis, err := c.redis(); err != nil || redis.AckReplicas != 0 || !redis.AckSynced {
			t.Errorf("%+v, %v", redis, err)
		}
		t.Setenv("DURABILITY", "both")
		if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), "DURABILITY") {
			t.Errorf("DURABILITY=both: %v", err)
		}
		t.Setenv("DURABILITY", "local")
		t.Setenv("ACK_TIMEOUT", "2s")
		if c, err := readConfig("no such file"); err != nil {
			t.Errorf("an ACK_TIMEOUT that is not used: %v", err)
		} else if redis, err := c.redis(); err != nil || redis.AckReplicas != 0 || redis.AckSynced {
			t.Errorf("%+v, %v", redis, err)
		}
	})
	t.Run("host and addresses", func(t *testing.T) {
		t.Setenv("REDIS_HOST", "a")
		t.Setenv("REDIS_ADDRS", "b:1")
		if _, err := readConfig("no such file"); err == nil {
			t.Error("both were taken")
		}
	})
}

func TestArgumentsThatAreWrong(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"-x"}} {
		if err := boxoffice(context.Background(), args, &output{}); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// A value of the wrong kind is refused in the words of -h, not in those of Go.
func TestSettingErrorsSayWhatIsExpected(t *testing.T) {
	for setting, want := range map[string]string{
		"PORT":            "setting PORT: not an integer",
		"ACCESS_LOG":      "setting ACCESS_LOG: not true or false",
		"RATE_LIMIT":      "setting RATE_LIMIT: not a number",
		"REQUEST_TIMEOUT": "setting REQUEST_TIMEOUT: not a time such as 500ms, 5s or 2m",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Setenv(setting, "x")
			if _, err := readConfig("no such file"); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
