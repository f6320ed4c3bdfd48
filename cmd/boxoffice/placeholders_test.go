package main

import (
	"strings"
	"testing"
)

// What stands where a secret belongs is refused by the name of its setting, and not repeated.
func TestPlaceholdersNeverStart(t *testing.T) {
	t.Setenv("REDIS_ADDRS", "a:1")
	t.Setenv("REDIS_SENTINEL_MASTER", "x")
	for _, setting := range []string{"REDIS_PASSWORD", "REDIS_SENTINEL_PASSWORD", "LOG_USER_SALT"} {
		for _, text := range []string{
			"change-me-change-me", "CHANGE_ME_CHANGE_ME", "<your-password-here>", "secret-secret-secret", "<redis password>!",
			"password12345678", "xxxxxxxxxxxxxxxx", "ReplaceMe:ReplaceMe", "[insert the secret here]",
		} {
			t.Setenv(setting, text)
			_, err := readConfig("no such file")
			if err == nil || !strings.Contains(err.Error(), "setting "+setting+": the secret is a placeholder") ||
				strings.Contains(err.Error(), text) {
				t.Errorf("%s=%s: %v", setting, text, err)
			}
		}
		for _, text := range []string{
			"", "correct horse battery", "9f86d081884c7d659a2f", "8271-2838-1234-9921", "!!!@@@###$$$%%%^^^&&&", "changemaker-2931-x",
		} {
			t.Setenv(setting, text)
			if _, err := readConfig("no such file"); err != nil {
				t.Errorf("%s=%q: %v", setting, text, err)
			}
		}
	}
	for _, text := range []string{"change-me", "changeme", "secret", "password", "Change.Me!", "foobared"} {
		if !isPlaceholder(text) {
			t.Errorf("%q is no placeholder", text)
		}
	}
}

// Neither is the hash of one an API key.
func TestPlaceholderKeys(t *testing.T) {
	for _, key := range []string{"", "change-me", "changeme", "secret", "password"} {
		c := config{APIKeys: []string{"organizer:" + hashOf(testKey), "booking:" + hashOf(key)}}
		if _, err := c.apiKeys(); err == nil || !strings.Contains(err.Error(), "API_KEYS, entry 2") {
			t.Errorf("%q: %v", key, err)
		}
	}
}
