package scripts_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"boxoffice/scripts"
)

var (
	headerEntry = regexp.MustCompile(`(?m)^-- (KEYS|ARGV)\[(\d+)\]`)
	codeEntry   = regexp.MustCompile(`\b(KEYS|ARGV)\[(\d+)\]`)
	comment     = regexp.MustCompile(`--.*`)
	returnsPart = regexp.MustCompile(`(?s)\n-- Returns(?: for each \w+)?  \{(.*?)\}(?:, in one list)?\n(.*)$`)
	// A line that begins with words, with two blanks or a colon before what they mean.
	headerWords = regexp.MustCompile(`^--   ([a-z_]+(?:, [a-z_]+)*)(?:,?$|: |  )`)
	headerText  = regexp.MustCompile(`^--    `)
	// A function that is defined at the top.
	sharedFunction = regexp.MustCompile(`(?m)^local function (\w+)`)
	lowerCase      = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
)

// parts returns the two parts of a script's own file.
func parts(t *testing.T, script scripts.Script) (header, code string) {
	t.Helper()
	source, err := os.ReadFile(script.Name + ".lua")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(script.Source, string(source)) {
		t.Errorf("%s.lua is not the end of what Redis runs", script.Name)
	}
	header, code, _ = strings.Cut(string(source), "\n\n")
	return header, comment.ReplaceAllString(code, "")
}

// entries counts how many KEYS and ARGV are named.
func entries(pattern *regexp.Regexp, text string) map[string]int {
	named := map[string]bool{}
	counts := map[string]int{}
	for _, entry := range pattern.FindAllStringSubmatch(text, -1) {
		if !named[entry[1]+entry[2]] {
			counts[entry[1]]++
		}
		named[entry[1]+entry[2]] = true
	}
	return counts
}

// The header is the contract that callers read, so its counts must be those that the
// code has, and that the store's calls are held against.
func TestHeadersCountKeysAndArguments(t *testing.T) {
	for _, script := range scripts.All() {
		header, code := parts(t, script)
		want := map[string]int{"KEYS": script.Keys, "ARGV": script.Args + script.ItemArgs}
		maps.DeleteFunc(want, func(_ string, count int) bool { return count == 0 })
		if got := entries(headerEntry, header); !maps.Equal(got, want) {
			t.Errorf("%s.lua: header has %v, the Script says %v", script.Name, got, want)
		}
		if script.ItemArgs > 0 {
			want["ARGV"] = script.Args // those of items are counted in a loop
		}
		if got := entries(codeEntry, code); !maps.Equal(got, want) {
			t.Errorf("%s.lua: code uses %v, the Script says %v", script.Name, got, want)
		}
		for _, forbidden := range []string{"#!lua", "cmsgpack", "struct.", "bit."} {
			if strings.Contains(script.Source, forbidden) {
				t.Errorf("%s.lua: uses %s, which miniredis has not", script.Name, forbidden)
			}
		}
	}
}

// The same of what a script returns: each word of the code is in the header, each word of
// the header is in the code, and each answer has as many items as the header names.
func TestHeadersNameEveryWord(t *testing.T) {
	for _, script := range scripts.All() {
		header, _ := parts(t, script)
		part := returnsPart.FindStringSubmatch(header)
		if part == nil {
			t.Errorf("%s.lua: header does not end with what the script returns", script.Name)
			continue
		}
		items := strings.Count(part[1], ",") + 1
		if script.ItemArgs > 0 && items != script.ItemAnswers {
			t.Errorf("%s.lua: header has answers of %d items, the Script says %d", script.Name, items, script.ItemAnswers)
		}
		named := map[string]bool{}
		for line := range strings.SplitSeq(part[2], "\n") {
			words := headerWords.FindStringSubmatch(line)
			switch {
			case words != nil:
				for word := range strings.SplitSeq(words[1], ", ") {
					named[word] = true
				}
			case !headerText.MatchString(line):
				t.Errorf("%s.lua: under Returns neither words nor more about them: %q", script.Name, line)
			}
		}

		found, err := answers(script.Source)
		if err != nil {
			t.Errorf("%s.lua: %v", script.Name, err)
		}
		for word, lengths := range found {
			if !lowerCase.MatchString(word) {
				t.Errorf("%s.lua: the word %q is not lower-case", script.Name, word)
			}
			if !named[word] {
				t.Errorf("%s.lua: header does not name the word %s", script.Name, word)
			}
			if !slices.Equal(lengths, []int{items}) {
				t.Errorf("%s.lua: %s comes with %d items, the header says %d", script.Name, word, lengths, items)
			}
		}
		for word := range named {
			if found[word] == nil {
				t.Errorf("%s.lua: header names the word %s, which the code never returns", script.Name, word)
			}
		}
	}
}

// The test of the headers is worth what it sees of the code.
func TestAnswersAreFound(t *testing.T) {
	const helpers = `
		local function unchanged(key, answer) return answer end
		local function refuse(word) return {'no_' .. word, 0} end
		local function load(key)
			if key == '' then return nil, {'absent', 0} end
			return {name = key}, nil
		end
	`
	for _, test := range []struct{ code, want string }{
		{`return {'one', 1}`, "one"},
		{`if KEYS[1] then return {'one', 1} elseif x then return {'two', 2} end return {'three', 3}`, "one three two"},
		{`return unchanged('', {'one', 1})`, "one"},
		{`return unchanged('a', unchanged('b', refuse('event')))`, "no_event"},
		{`local event, refusal = load(KEYS[1]) if not event then return refusal end return {'one', 1}`, "absent one"},
		{`local found = {load(KEYS[1])} if not found[1] then return found[2] end return {'one', 1}`, "absent one"},
		{`local found = {load(KEYS[1]), 1} return found[2]`, "error"},
		{`local word, n = 'one', 1 if n == 2 then word = 'two' end return {word, n}`, "one two"},
		{`local word = KEYS[1] == '' and 'one' or 'two' return {word, 1}`, "one two"},
		{`local answer = {'one', 1} return answer`, "one"},
		{`local word = 'one' local function f() word = 'two' end f() return {word, 1}`, "one two"},
		{`for i = 1, 2 do while true do return {'one', i} end; end return {'two', 2}`, "one two"},
		{`if event.state ~= 'open' then return {'event_' .. event.state, 1} end return {'one', 1}`, "event_closed event_paused one"},
		{`return {'event_' .. state, 1}`, "event_closed event_open event_paused"},
		{`if x then return redis.error_reply('CORRUPT') end return {'one', 1}`, "one"},

		{`local function decide(n) if n == 1 then return 'one', n end return 'two', 2 end return {decide(1)}`, "one two"},
		{`local function decide(n) return n, 1 end return {decide(1)}`, "error"},
		{`local function decide() return {'one', 1} end return {decide()}`, "error"},

		{`return {KEYS[1], 1}`, "error"},
		{`return {redis.call('GET', KEYS[1]), 1}`, "error"},
		{`return {'no_' .. KEYS[1], 1}`, "error"},
		{`return {word, 1}`, "error"},
		{`return {1, 'one'}`, "error"},
		{`return {word = 'one'}`, "error"},
		{`return {}`, "error"},
		{`return {{'one'}}`, "error"},
		{`return 'one'`, "error"},
		{`return nil`, "error"},
		{`return redis.call('GET', KEYS[1])`, "error"},
		{`return {'one'}, {'two'}`, "error"},
		{`for _, word in pairs(words) do return {word, 1} end return {'one', 1}`, "error"},
		{`local answer = {'one', 1} answer[1] = 'two' return answer`, "error"},
		{`local word = 'one' word = word .. 's' return {word, 1}`, "error"},
		{`local function f(...) return ... end return f({'one', 1})`, "error"},
		{`if x then return {'one', 1} end`, "error"},
		{``, "error"},
	} {
		found, err := answers(helpers + test.code)
		got := strings.Join(slices.Sorted(maps.Keys(found)), " ")
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: found %s, want %s (%v)", test.code, got, test.want, err)
		}
	}
}

// luacheck does not report a shared function that one script does not use, so this finds
// those that none does.
func TestSharedFunctionsAreUsed(t *testing.T) {
	used, shared := map[string]bool{}, map[string]bool{}
	for _, script := range scripts.All() {
		code := comment.ReplaceAllString(script.Source, "")
		for _, function := range sharedFunction.FindAllStringSubmatch(code, -1) {
			name := function[1]
			shared[name] = true
			if len(regexp.MustCompile(`\b`+name+`\b`).FindAllString(code, -1)) > 1 {
				used[name] = true
			}
		}
	}
	for name := range shared {
		if !used[name] {
			t.Errorf("no script uses the function %s", name)
		}
	}
}

// luacheck has to see the scripts as Redis does: joined.
func TestLuacheckOnJoinedScripts(t *testing.T) {
	luacheck, err := exec.LookPath("luacheck")
	if err != nil {
		if os.Getenv("REQUIRE_REDIS") != "" {
			t.Fatal("REQUIRE_REDIS is set, and luacheck is not installed")
		}
		t.Skip("luacheck is not installed")
	}
	config, err := filepath.Abs("../.luacheckrc")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts.All() {
		file := filepath.Join(t.TempDir(), script.Name+".lua")
		if err := os.WriteFile(file, []byte(script.Source), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(luacheck, "--config", config, "--no-color", file).CombinedOutput(); err != nil {
			t.Errorf("luacheck: %v\n%s", err, out)
		}
	}
}
