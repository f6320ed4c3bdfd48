package main

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unset takes settings out of the environment, until the test ends.
func unset(t *testing.T, settings ...string) {
	t.Helper()
	for _, setting := range settings {
		t.Setenv(setting, "")
		if err := os.Unsetenv(setting); err != nil {
			t.Fatal(err)
		}
	}
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A line that is wrong is named by its place, and its text is nowhere.
func TestErrorsOfTheFileKeepItsText(t *testing.T) {
	unset(t, "REDIS_HOST", "REDIS_PASSWORD", "PORT")
	for name, test := range map[string]struct{ text, want string }{
		"a dash":          {"# comment\nLOG-LEVEL=debug\nREDIS_PASSWORD=hunter2x\n", "line 2: not of the form NAME=value"},
		"no equals":       {"hunter2x\n", "line 1: not of the form"},
		"a colon":         {"REDIS_PASSWORD: hunter2x\n", "line 1: not of the form"},
		"open quotes":     {"REDIS_HOST=a\nREDIS_PASSWORD='hunter2x\n", "setting REDIS_PASSWORD (FILE, line 2): quotes"},
		"a number":        {"\nPORT=hunter2x\n", "setting PORT (FILE, line 2): not an integer"},
		"twice":           {"PORT=1\nPORT=hunter2x\n", "setting PORT (FILE, line 2): it is set in the file before"},
		"an unknown one":  {"REDIS_PASWORD=hunter2x\n", "setting REDIS_PASWORD (FILE, line 1): there is no such setting"},
		"a bad setting":   {"LOG_FORMAT=hunter2x\n", "setting LOG_FORMAT (FILE, line 1): not text or json"},
		"a file as value": {"REDIS_HOST=a\nREDIS_PASSWORD_FILE=/hunter2x\n", "setting REDIS_PASSWORD_FILE (FILE, line 2): no such file"},
		"text after":      {"REDIS_HOST=a\nREDIS_PASSWORD='hunter2x' y\n", "setting REDIS_PASSWORD (FILE, line 2): quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			unset(t, "REDIS_HOST", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "PORT", "LOG_FORMAT", "REDIS_PASWORD")
			file := written(t, "x.env", test.text)
			_, err := readConfig(file)
			want := strings.ReplaceAll(test.want, "FILE,", file+",")
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2x") {
				t.Errorf("%v\nwant %s", err, want)
			}
		})
	}
}

// A secret arrives as it stands in the file, or is refused by its name.
func TestSecretsOfTheFileAreNotChanged(t *testing.T) {
	for text, want := range map[string]string{
		`q7wz`:          "q7wz",
		`'Pa$S3CRET'`:   "Pa$S3CRET",
		`'a #b'`:        "a #b",
		`"with blanks"`: "with blanks",
		`a#b`:           "a#b",
		`  q7wz  `:      "q7wz",
		`' q7wz '`:      " q7wz ",
		`'a\nb'`:        `a\nb`,

		`Pa$S3CRET`:   "",
		`"Pa$S3CRET"`: "",
		`${HOME}7`:    "",
		`a #b`:        "",
		` # mine`:     "",
		`q7wz # mine`: "",
		`"a\nb"`:      "",
		`'a'b'`:       "",
		`''''`:        "",
	} {
		t.Run(text, func(t *testing.T) {
			unset(t, "REDIS_HOST", "REDIS_PASSWORD")
			c, err := readConfig(written(t, "x.env", "REDIS_HOST=a # any\nREDIS_PASSWORD="+text+"\r\n"))
			switch {
			case want == "" && (err == nil || !strings.Contains(err.Error(), "setting REDIS_PASSWORD (")):
				t.Errorf("%v, %q", err, c.RedisPassword)
			case want != "" && (err != nil || c.RedisPassword != want || c.RedisHost != "a"):
				t.Errorf("%v, %q at %q", err, c.RedisPassword, c.RedisHost)
			}
		})
	}
}

func TestSettingsAreTrimmedDecimalAndMayBeEmpty(t *testing.T) {
	for setting, value := range map[string]string{
		"PORT": " 03000 ", "REDIS_ADDRS": "a:1, b:2,", "TRUSTED_PROXIES": " 10.0.0.1 , ::1", "LOG_LEVEL": " warn ",
		"REQUEST_TIMEOUT": " 3s", "RATE_LIMIT": "0010", "HOST": "", "REDIS_DB": "", "AUTH": "  ", "REDIS_PASSWORD": "  ",
	} {
		t.Setenv(setting, value)
	}
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 3000 || strings.Join(c.RedisAddrs, "|") != "a:1|b:2" || len(c.trustedProxies()) != 2 || c.LogLevel != "warn" ||
		c.RateLimit != 10 || c.Host != "127.0.0.1" || c.Auth != "auto" || c.RedisPassword != "" {
		t.Errorf("%+v", c)
	}
	for setting, values := range map[string][]string{
		"PORT": {"0x10", "1e3", "3_000", "１２", "3000.0"}, "RATE_LIMIT": {"NaN", "inf", "0x1p4", "1e3", ".5"},
	} {
		for _, value := range values {
			t.Setenv(setting, value)
			if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), "setting "+setting+": not a") {
				t.Errorf("%s=%s: %v", setting, value, err)
			}
		}
		t.Setenv(setting, "")
	}
}

// What Redis is to be asked with is never left out silently.
func TestVoidAndUnknownSettings(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]string
		want     string
	}{
		"TLS is off":     {map[string]string{"REDIS_HOST": "a", "REDIS_TLS_CA": "/x"}, "REDIS_TLS_CA: it has no effect without REDIS_TLS=true"},
		"a name alone":   {map[string]string{"REDIS_HOST": "a", "REDIS_TLS_SERVER_NAME": "b"}, "REDIS_TLS_SERVER_NAME: it has no effect"},
		"no host":        {map[string]string{"REDIS_PORT": "6380"}, "REDIS_PORT: it has no effect without REDIS_URL, REDIS_HOST"},
		"another's port": {map[string]string{"REDIS_ADDRS": "a:1", "REDIS_PORT": "6380"}, "REDIS_PORT: it has no effect without REDIS_HOST"},
		"no sentinels":   {map[string]string{"REDIS_HOST": "a", "REDIS_SENTINEL_PASSWORD": "x7"}, "REDIS_SENTINEL_PASSWORD: it has no"},
		"no password":    {map[string]string{"REDIS_HOST": "a", "REDIS_USERNAME": "u"}, "REDIS_USERNAME: it has no effect without a password"},
		"a user alone":   {map[string]string{"REDIS_URL": "redis://u@a"}, "REDIS_URL: its user has no effect"},
		"host and port":  {map[string]string{"REDIS_HOST": "a:6379"}, "REDIS_HOST: not the name"},
		"a URL":          {map[string]string{"REDIS_HOST": "redis://a"}, "REDIS_HOST: not the name"},
		"embedded":       {map[string]string{"REDIS_TLS": "true"}, "REDIS_TLS: it has no effect"},
		"a typing error": {map[string]string{"REDIS_HOSTS": "a"}, "REDIS_HOSTS: there is no such setting; see"},
		"service links":  {map[string]string{"REDIS_SERVICE_HOST": "a", "REDIS_PORT_6379_TCP": "b"}, "enableServiceLinks: false"},
		"half a pair":    {map[string]string{"REDIS_HOST": "a", "REDIS_TLS": "true", "REDIS_TLS_CERT": "/x"}, "each needs the other"},
		"twice":          {map[string]string{"REDIS_HOST": "a", "REDIS_PASSWORD": "x7", "REDIS_PASSWORD_FILE": "/x"}, "only one of them can be"},
	} {
		t.Run(name, func(t *testing.T) {
			for setting, value := range test.settings {
				t.Setenv(setting, value)
			}
			if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
	t.Setenv("REDIS_PORT", "6379") // a default is no demand
	t.Setenv("REDIS_TLS", "false")
	if _, err := readConfig("no such file"); err != nil {
		t.Error(err)
	}
}

// A comment where a value belongs is no value.
func TestCommentsInPlaceOfValues(t *testing.T) {
	unset(t, "REDIS_HOST", "PORT")
	c, err := readConfig(written(t, "x.env", "REDIS_HOST= # none yet\nPORT=\t# as usual\n"))
	if err != nil || c.RedisHost != "" || c.Port != 3000 {
		t.Errorf("%v, %q, %d", err, c.RedisHost, c.Port)
	}
}

func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	t.Setenv("PORT", "x")
	t.Setenv("AUTH", "maybe")
	t.Setenv("REDIS_HOSTS", "a")
	_, err := readConfig(written(t, "x.env", "=\n"))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range []string{"4 things are wrong", "line 1", "\n  setting PORT", "\n  setting AUTH", "\n  setting REDIS_HOSTS"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

func TestSecretsInFiles(t *testing.T) {
	t.Setenv("REDIS_ADDRS", "a:1")
	t.Setenv("REDIS_SENTINEL_MASTER", "x")
	get := map[string]func(c config) string{
		"REDIS_PASSWORD":          func(c config) string { return c.RedisPassword },
		"REDIS_SENTINEL_PASSWORD": func(c config) string { return c.RedisSentinelPassword },
		"LOG_USER_SALT":           func(c config) string { return c.LogUserSalt },
	}
	for setting, value := range get {
		for text, want := range map[string]string{
			"Pa$S3CRET #and more": "Pa$S3CRET #and more", "Pa$S3CRET and more\n": "Pa$S3CRET and more",
			" Pa$S3CRET and more\r\n": " Pa$S3CRET and more",
			"":                        "", "\n": "", "two secrets\nof two lines each\n": "", "change-me-change-me\n": "",
		} {
			t.Setenv(setting+"_FILE", written(t, "secret", text))
			c, err := readConfig("no such file")
			if want == "" {
				if err == nil || !strings.Contains(err.Error(), "setting "+setting+"_FILE: ") {
					t.Errorf("%s_FILE with %q: %v", setting, text, err)
				}
			} else if err != nil || value(c) != want {
				t.Errorf("%s_FILE with %q: %q, %v", setting, text, value(c), err)
			}
		}
		t.Setenv(setting+"_FILE", "")
	}
}

func TestRedisURL(t *testing.T) {
	for text, want := range map[string]config{
		"redis://a":                       {RedisHost: "a", RedisPort: 6379},
		"redis://a:1/2":                   {RedisHost: "a", RedisPort: 1, RedisDB: 2},
		"redis://:p%40ss%2F7@[::1]:6380/": {RedisHost: "::1", RedisPort: 6380, RedisPassword: "p@ss/7"},
		"rediss://u:p4ss7@a.example":      {RedisHost: "a.example", RedisPort: 6379, RedisUsername: "u", RedisPassword: "p4ss7", RedisTLS: true},
	} {
		for _, setting := range []string{"REDIS_URL", "REDIS_URL_FILE"} {
			unset(t, "REDIS_URL", "REDIS_URL_FILE")
			t.Setenv(setting, text)
			if setting == "REDIS_URL_FILE" {
				t.Setenv(setting, written(t, "url", text+"\n"))
			}
			c, err := readConfig("no such file")
			if err != nil || c.RedisHost != want.RedisHost || c.RedisPort != want.RedisPort || c.RedisDB != want.RedisDB ||
				c.RedisUsername != want.RedisUsername || c.RedisPassword != want.RedisPassword || c.RedisTLS != want.RedisTLS {
				t.Errorf("%s: %v, %+v", text, err, c)
			}
		}
	}
	unset(t, "REDIS_URL", "REDIS_URL_FILE")
	for _, text := range []string{
		"a:6379", "http://hunter2x", "redis://", "redis:///1", "redis://a/hunter2x", "redis://a/-1", "redis://a?hunter2x=1",
		"redis://:hunter2x#@a",
		"redis://:hunter2x%zz@a", "redis://a:hunter2x", "redis://a:99999", "redis://:change-me@a", "unix:///hunter2x",
	} {
		t.Setenv("REDIS_URL", text)
		if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), "setting REDIS_URL: ") ||
			strings.Contains(err.Error(), "hunter2x") {
			t.Errorf("%s: %v", text, err)
		}
	}
	t.Setenv("REDIS_URL", "redis://a")
	for setting, value := range map[string]string{
		"REDIS_HOST": "a", "REDIS_PORT": "1", "REDIS_ADDRS": "a:1", "REDIS_USERNAME": "u", "REDIS_PASSWORD": "x7",
		"REDIS_DB": "1", "REDIS_TLS": "true",
	} {
		t.Setenv(setting, value)
		if _, err := readConfig("no such file"); err == nil || !strings.Contains(err.Error(), "setting "+setting+": REDIS_URL is set too") {
			t.Errorf("%s: %v", setting, err)
		}
		unset(t, setting)
	}
}

// The least version, and the name that a certificate must have.
func TestTLSOfRedis(t *testing.T) {
	t.Setenv("REDIS_URL", "rediss://a")
	t.Setenv("REDIS_TLS_SERVER_NAME", "b.example")
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	redis, err := c.redis()
	if err != nil || redis.TLS == nil || redis.TLS.ServerName != "b.example" || redis.TLS.MinVersion != tls.VersionTLS12 {
		t.Errorf("%v, %+v", err, redis.TLS)
	}
}

func TestHelpIsAtMostAHundredColumnsWide(t *testing.T) {
	var help output
	if err := boxoffice(context.Background(), []string{"-h"}, &help); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(help.String()) {
		if width := len([]rune(strings.TrimRight(line, "\n"))); width > 100 {
			t.Errorf("%d columns: %s", width, line)
		}
	}
}

// A .env that is no file is named at once: nobody waits for what may never be written to it.
func TestFileThatIsNone(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "x.env")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pipe, t.TempDir()} {
		if _, err := readConfig(name); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	file := written(t, "y.env", "\ufeffPORT=1234\n")
	unset(t, "PORT")
	if c, err := readConfig(file); err != nil || c.Port != 1234 {
		t.Errorf("with a byte order mark: %+v, %v", c, err)
	}
}
