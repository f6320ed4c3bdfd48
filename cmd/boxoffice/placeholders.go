package main

import (
	"crypto/sha256"
	"slices"
	"strings"
	"unicode"

	"boxoffice/handlers"
)

// placeholders are the words that examples write where a secret belongs, and that people make
// up in their stead. A secret of nothing else is none.
var placeholders = []string{
	"a", "admin", "api", "boxoffice", "change", "changeit", "changeme", "default", "dummy", "example", "fill", "fixme", "foobared",
	"here", "in", "insert", "it", "key", "me", "my", "pass", "passwd", "password", "placeholder", "please", "redis", "replace",
	"replaceme", "root", "salt", "secret", "sentinel", "test", "the", "this", "todo", "token", "user", "xxx", "your",
}

// isPlaceholder reports whether a text stands for a secret that was never filled in: change-me,
// <YOUR_PASSWORD>, secret123, xxxx.
func isPlaceholder(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(char rune) bool { return !unicode.IsLetter(char) && !unicode.IsDigit(char) })
	for _, word := range words {
		if letters := strings.TrimRight(word, "0123456789"); letters != "" {
			word = letters
		}
		if strings.Trim(word, "x") != "" && !slices.Contains(placeholders, word) {
			return false
		}
	}
	return len(words) > 0
}

// checkSecrets refuses placeholders, by the name of the setting: a service that starts with
// one has a secret that everybody knows.
func (c *config) checkSecrets(p *problems) {
	for _, one := range c.secrets() {
		setting := one.setting
		switch {
		case setting == "REDIS_URL": // its password is REDIS_PASSWORD here
			continue
		case setting == "REDIS_PASSWORD" && c.RedisURL != "":
			setting = "REDIS_URL"
		case *one.file != "":
			setting += "_FILE"
		}
		p.requiref(!isPlaceholder(*one.value), setting, "the secret is a placeholder; put one of your own there")
	}
}

// isPlaceholderKey reports whether the key behind a hash is empty or a common placeholder.
func isPlaceholderKey(key handlers.APIKey) bool {
	const shortest = 4 // of the words that anybody takes for a key
	for _, text := range append([]string{"change-me", "change_me", "CHANGE_ME", "CHANGEME", "your-key", "api-key"}, placeholders...) {
		if len(text) >= shortest && key.Hash == sha256.Sum256([]byte(text)) {
			return true
		}
	}
	return key.Hash == sha256.Sum256(nil)
}
