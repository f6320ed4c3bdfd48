package main

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// secret is a setting that nobody may see, and the setting that names a file with it.
type secret struct {
	setting     string
	value, file *string
}

func (c *config) secrets() []secret {
	return []secret{
		{"LOG_USER_SALT", &c.LogUserSalt, &c.LogSaltFile},
		{"REDIS_URL", &c.RedisURL, &c.RedisURLFile},
		{"REDIS_PASSWORD", &c.RedisPassword, &c.RedisPasswordFile},
		{"REDIS_SENTINEL_PASSWORD", &c.RedisSentinelPassword, &c.RedisSentinelPassFile},
	}
}

func isSecret(setting string) bool {
	return slices.ContainsFunc(new(config).secrets(), func(one secret) bool { return one.setting == setting })
}

// readSecretFiles reads the files that hold secrets. The line break at the end of a file, which
// editors add, is not a part of the secret.
func (c *config) readSecretFiles(p *problems) {
	for _, one := range c.secrets() {
		if *one.file == "" {
			continue
		}
		setting := one.setting + "_FILE"
		if *one.value != "" {
			p.addf(setting, "%s is set too; only one of them can be", one.setting)
			continue
		}
		text, err := readRegular(*one.file)
		value := string(bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")))
		switch {
		case err != nil:
			p.addf(setting, "%w", err)
		case strings.TrimSpace(value) == "":
			p.addf(setting, "the file is empty")
		case strings.ContainsFunc(value, unicode.IsControl):
			p.addf(setting, "the file has more than one line, or control characters")
		default:
			*one.value = value
		}
	}
}

// applyURL sets what REDIS_URL says, in the form that IANA has registered for redis and rediss.
func (c *config) applyURL(set map[string]bool, p *problems) {
	if c.RedisURL == "" {
		return
	}
	for _, other := range []string{
		"REDIS_HOST", "REDIS_PORT", "REDIS_ADDRS", "REDIS_SENTINEL_MASTER", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE",
		"REDIS_DB", "REDIS_TLS",
	} {
		p.requiref(!set[other], other, "REDIS_URL is set too, and says it")
	}
	where, err := url.Parse(c.RedisURL)
	if err != nil {
		p.addf("REDIS_URL", "not a URL; special characters in the password must be percent-encoded")
		return
	}
	port, database := where.Port(), strings.TrimPrefix(where.Path, "/")
	switch {
	case where.Scheme != "redis" && where.Scheme != "rediss" || where.Hostname() == "":
		p.addf("REDIS_URL", "not of the form redis://user:password@host:port/db, or rediss:// for TLS")
	case where.RawQuery != "" || where.Fragment != "":
		p.addf("REDIS_URL", "a ? or # stands in it; in a password, special characters must be percent-encoded, "+
			"and options are settings of their own")
	}
	c.RedisHost, c.RedisAddrs = where.Hostname(), nil
	c.RedisTLS = where.Scheme == "rediss"
	c.RedisUsername = where.User.Username()
	c.RedisPassword, _ = where.User.Password()
	p.requiref(c.RedisUsername == "" || c.RedisPassword != "", "REDIS_URL", "its user has no effect without a password")
	if port != "" {
		c.RedisPort, err = strconv.Atoi(port)
		p.requiref(err == nil && c.RedisPort >= 1 && c.RedisPort <= maxPort, "REDIS_URL", "its port is not a TCP port")
	}
	if database != "" {
		c.RedisDB, err = strconv.Atoi(database)
		p.requiref(err == nil && c.RedisDB >= 0, "REDIS_URL", "what follows the host is not the number of a database")
	}
}
