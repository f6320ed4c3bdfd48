package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"boxoffice/scripts"
)

var headerEntry = regexp.MustCompile(`(?m)^-- (KEYS|ARGV)\[(\d+)\]`)

// The header is the contract that callers read, so its counts must be those
// that the store's calls are held against.
func TestHeadersCountKeysAndArguments(t *testing.T) {
	for _, script := range scripts.All() {
		source, err := os.ReadFile(script.Name + ".lua")
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(source), "\n\n")
		counts := map[string]int{}
		for _, entry := range headerEntry.FindAllStringSubmatch(header, -1) {
			counts[entry[1]]++
		}
		if counts["KEYS"] != script.Keys || counts["ARGV"] != script.Args {
			t.Errorf("%s.lua: header has %d KEYS and %d ARGV, the Script says %d and %d",
				script.Name, counts["KEYS"], counts["ARGV"], script.Keys, script.Args)
		}
		if !strings.Contains(header, "Returns") {
			t.Errorf("%s.lua: header does not say what it returns", script.Name)
		}
		for _, forbidden := range []string{"#!lua", "cmsgpack", "struct.", "bit."} {
			if strings.Contains(script.Source, forbidden) {
				t.Errorf("%s.lua: uses %s, which miniredis has not", script.Name, forbidden)
			}
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
