package scripts_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"boxoffice/scripts"
)

var (
	firstWrite  = regexp.MustCompile(`redis\.call\('(HSET|HDEL|HINCRBY|RPUSH|LTRIM|ZADD)'|write_event\(`)
	plainAnswer = regexp.MustCompile(`return \{'?(\w+)`)
	// noKey is the only answer without an event that there is nothing to be marked for.
	noKey = regexp.MustCompile(`^if not \w+\[1\] then return \{'no_event'`)
)

// unmarked are scripts whose answers need no mark of their own, and why.
var unmarked = map[string]string{
	"number":   "complete.lua is acknowledged after it",
	"bookings": "it only reads",
}

// An answer that is given before a script's first write is marked, so that the service can
// wait for what it rests on: all but those that rest on nothing, or are no answer.
func TestAnswersWithoutAChangeAreMarked(t *testing.T) {
	for _, script := range scripts.All() {
		if unmarked[script.Name] != "" {
			continue
		}
		text, err := os.ReadFile(script.Name + ".lua")
		if err != nil {
			t.Fatal(err)
		}
		_, code, _ := strings.Cut(string(text), "\n\n")
		write := firstWrite.FindStringIndex(code)
		if write == nil || !strings.Contains(code, "unchanged(") {
			t.Errorf("%s.lua writes nothing, or marks nothing", script.Name)
			continue
		}
		for line := range strings.Lines(code[:write[0]]) {
			line = strings.TrimSpace(line)
			found := plainAnswer.FindStringSubmatch(line)
			if found == nil || strings.Contains(line, "unchanged(") {
				continue
			}
			switch word := found[1]; {
			case word == "unknown_format", word == "busy", noKey.MatchString(line):
			default:
				t.Errorf("%s.lua answers %s without a mark: %s", script.Name, word, line)
			}
		}
	}
}
