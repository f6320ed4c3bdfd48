package scripts_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"boxoffice/scripts"
)

var (
	firstWrite  = regexp.MustCompile(`redis\.call\('(HSET|HDEL|RPUSH|LTRIM|ZADD)'|commit(_edits)?\(`)
	plainAnswer = regexp.MustCompile(`return \{?'?(\w+)`)
)

// unmarked are scripts whose answers need no mark of their own, and why.
var unmarked = map[string]string{
	"identify": "no change rests on the answer",
	"number":   "complete.lua is acknowledged after it",
	"register": "no answer rests on it",
	"retire":   "no answer rests on it",
	"lease":    "no answer rests on it",
	"writable": "no answer rests on it",
	"find":     "it only reads",
	"list":     "it only reads",
	"live":     "it only reads",
	"promoted": "it only reads",
}

// An answer that is given before a script's first write is marked, so that the service can
// wait for what it rests on: all but those that are no answer. Where there is no event,
// load_event says that there is nothing to mark.
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
		if before, rest, ok := strings.Cut(code, "local function "+decider); ok {
			_, after, _ := strings.Cut(rest, "\nend\n")
			code = before + after // what it returns is answered further down
		}
		write := firstWrite.FindStringIndex(code)
		if write == nil || !strings.Contains(code[:write[0]], "unchanged(") {
			t.Errorf("%s.lua writes nothing, or marks nothing", script.Name)
			continue
		}
		// A refusal by a function of its own is marked there.
		refuses := regexp.MustCompile(`local function refuse\(word\) return unchanged\(`).MatchString(code)
		for line := range strings.Lines(code[:write[0]]) {
			line = strings.TrimSpace(line)
			found := plainAnswer.FindStringSubmatch(line)
			if found == nil || found[1] == "unchanged" || strings.Contains(line, "unchanged(") {
				continue
			}
			switch word := found[1]; word {
			case "unknown_format", "corrupt", "busy":
			case "refuse":
				if !refuses {
					t.Errorf("%s.lua refuses without a mark: %s", script.Name, line)
				}
			default:
				t.Errorf("%s.lua answers %s without a mark: %s", script.Name, word, line)
			}
		}
	}
}
