package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/kelseyhightower/envconfig"
)

// problems are what is wrong with the settings. None of them repeats the text of a setting or
// of a file: it may be a secret, or one that got into the wrong place.
type problems struct {
	list []error
	// places are the lines of the file that settings come from, such as ".env, line 3".
	places map[string]string
}

func (p *problems) addf(setting, format string, args ...any) {
	name := setting
	if place := p.places[setting]; place != "" {
		name += " (" + place + ")"
	}
	p.list = append(p.list, fmt.Errorf("setting %s: %w", name, fmt.Errorf(format, args...)))
}

func (p *problems) requiref(holds bool, setting, format string, args ...any) {
	if !holds {
		p.addf(setting, format, args...)
	}
}

// err joins the problems, or is nil if there are none.
func (p *problems) err() error {
	if len(p.list) < 2 {
		return errors.Join(p.list...)
	}
	texts := make([]string, len(p.list))
	for i, problem := range p.list {
		texts[i] = "\n  " + problem.Error()
	}
	return fmt.Errorf("%d things are wrong with the settings:%s", len(p.list), strings.Join(texts, ""))
}

// readConfig reads the environment, and a file for what the environment does not set. The file
// may be missing. An empty setting is one that is not set. The error names everything that is
// wrong.
func readConfig(dotenv string) (config, error) {
	p := &problems{places: map[string]string{}}
	file := readEnvFile(dotenv, p)
	checkUnknown(file, p)
	set := map[string]bool{}
	for field := range reflect.TypeFor[config]().Fields() {
		name := field.Tag.Get("envconfig")
		text, found := os.LookupEnv(name)
		if found {
			delete(p.places, name)
		} else {
			text = file[name]
		}
		text = normalize(name, text, field.Type, p)
		set[name] = text != "" && text != field.Tag.Get("default")
		if err := setEnv(name, text); err != nil {
			p.addf(name, "%w", err)
		}
	}
	var c config
	if err := envconfig.Process("", &c); err != nil {
		p.list = append(p.list, errors.New("the settings cannot be read")) // normalize has read each of them
		return config{}, p.err()
	}
	c.readSecretFiles(p)
	c.applyURL(set, p)
	c.checkVoid(set, p)
	c.check(p)
	return c, p.err()
}

// setEnv makes a setting the one that envconfig reads.
func setEnv(name, text string) error {
	if text == "" {
		return os.Unsetenv(name)
	}
	return os.Setenv(name, text)
}

var decimal = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?$`)

// normalize returns a setting as envconfig has to read it: trimmed, numbers as decimal ones, the
// entries of lists without blanks around them. A secret is taken as it stands.
func normalize(name, text string, kind reflect.Type, p *problems) string {
	if isSecret(name) {
		switch {
		case strings.TrimSpace(text) == "":
			return ""
		case strings.ContainsFunc(text, unicode.IsControl):
			p.addf(name, "it has a line break or another control character, perhaps at its end")
			return ""
		}
		return text
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	var err error
	switch {
	case kind == reflect.TypeFor[time.Duration]():
		_, err = time.ParseDuration(text)
		p.requiref(err == nil, name, "not a time such as 500ms, 5s or 2m")
	case kind.Kind() == reflect.Int:
		var number int
		number, err = strconv.Atoi(text)
		p.requiref(err == nil, name, "not an integer")
		text = strconv.Itoa(number)
	case kind.Kind() == reflect.Float64:
		if !decimal.MatchString(text) {
			err = strconv.ErrSyntax
		}
		p.requiref(err == nil, name, "not a number")
	case kind.Kind() == reflect.Bool:
		_, err = strconv.ParseBool(text)
		p.requiref(err == nil, name, "not true or false")
	case kind.Kind() == reflect.Slice:
		var entries []string
		for entry := range strings.SplitSeq(text, ",") {
			if entry = strings.TrimSpace(entry); entry != "" {
				entries = append(entries, entry)
			}
		}
		text = strings.Join(entries, ",")
	}
	if err != nil {
		return ""
	}
	return text
}

// testServer is the setting of the project's own tests, which also start the service.
const testServer = "REDIS_SERVER"

// serviceLink is a variable that Kubernetes sets in every pod for each of its Services.
var serviceLink = regexp.MustCompile(`_(SERVICE_(HOST|PORT\w*)|PORT_\d+_\w+)$`)

// checkUnknown refuses settings of Redis that do not exist: something was meant by them.
func checkUnknown(file map[string]string, p *problems) {
	names := slices.Collect(maps.Keys(file))
	for _, one := range os.Environ() {
		name, _, _ := strings.Cut(one, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	known := map[string]bool{testServer: true}
	for field := range reflect.TypeFor[config]().Fields() {
		known[field.Tag.Get("envconfig")] = true
	}
	linked := false
	for _, name := range slices.Compact(names) {
		switch {
		case !strings.HasPrefix(name, "REDIS_") || known[name]:
		case !serviceLink.MatchString(name):
			p.addf(name, "there is no such setting; see boxoffice -h")
		case !linked:
			linked = true
			p.addf(name, "there is no such setting; Kubernetes sets it and others for a Service of this name, "+
				"unless the pod has enableServiceLinks: false")
		}
	}
}

// checkVoid refuses settings of Redis that another setting would have to make effective: what is
// asked for is done or refused.
func (c *config) checkVoid(set map[string]bool, p *problems) {
	needs := func(there bool, what string, settings ...string) {
		for _, setting := range settings {
			p.requiref(there || !set[setting], setting, "it has no effect without %s", what)
		}
	}
	if c.isEmbedded() {
		needs(false, redisSettings,
			"REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_DB", "REDIS_STORE_ID", "REDIS_TLS",
			"REDIS_TLS_CA", "REDIS_TLS_CERT", "REDIS_TLS_KEY", "REDIS_TLS_SERVER_NAME",
			"REDIS_SENTINEL_USERNAME", "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINEL_PASSWORD_FILE")
		return
	}
	needs(c.RedisHost != "", "REDIS_HOST", "REDIS_PORT")
	needs(c.RedisPassword != "", "a password", "REDIS_USERNAME") // the client would not log in
	needs(c.RedisSentinelPassword != "", "a password", "REDIS_SENTINEL_USERNAME")
	needs(c.RedisTLS, "REDIS_TLS=true", "REDIS_TLS_CA", "REDIS_TLS_CERT", "REDIS_TLS_KEY", "REDIS_TLS_SERVER_NAME")
	needs(c.RedisSentinelMaster != "", "REDIS_SENTINEL_MASTER",
		"REDIS_SENTINEL_USERNAME", "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINEL_PASSWORD_FILE")
}
