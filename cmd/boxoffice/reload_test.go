package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
)

const otherKey = "boxoffice_OTHEROTHEROTHEROTHEROTHEROT"

// reloading is a keyReloader that a test drives.
type reloading struct {
	*keyReloader
	t       *testing.T
	file    string
	log     *output
	refused bool
	uses    int
}

func newReloading(t *testing.T) *reloading {
	t.Helper()
	r := &reloading{t: t, file: filepath.Join(t.TempDir(), "keys"), log: &output{}}
	r.write("booking:" + hashOf(testKey) + ":shop\n")
	log := logrus.New()
	log.SetOutput(r.log)
	c := config{Host: "127.0.0.1", Auth: "auto", APIKeysFile: r.file}
	keys, err := c.apiKeys()
	if err != nil {
		t.Fatal(err)
	}
	r.keyReloader = &keyReloader{
		config: c, log: log, keys: keys,
		use:     func([]handlers.APIKey) { r.uses++ },
		measure: func(refused bool) { r.refused = refused },
	}
	r.look() // it has seen the file
	r.look()
	return r
}

func (r *reloading) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reloading) names() (names []string) {
	for _, key := range r.keys {
		names = append(names, key.Name)
	}
	return names
}

func (r *reloading) inUse(want ...string) {
	r.t.Helper()
	if got := r.names(); !slices.Equal(got, want) || r.refused {
		r.t.Errorf("the keys are %v, refused %t, want %v\n%s", got, r.refused, want, r.log)
	}
}

// A change of the file is used once it has been found twice, and only then.
func TestKeyFileIsFollowed(t *testing.T) {
	r := newReloading(t)
	if r.uses != 0 {
		t.Error("keys were replaced by the same")
	}
	r.write("booking:" + hashOf(otherKey) + ":web\n")
	r.look()
	r.inUse("shop") // it may be half of what is being written
	r.write("booking:" + hashOf(otherKey) + ":web\norganizer:" + hashOf(testKey) + ":office\n")
	r.look()
	r.inUse("shop")
	r.look()
	r.inUse("web", "office")
	r.look()
	if r.uses != 1 {
		t.Errorf("the keys were replaced %d times, want once", r.uses)
	}
	for _, want := range []string{`"API key taken out" key=shop scopes=booking`, "key=web", "key=office scopes=organizer"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("no word of %s in the log:\n%s", want, r.log)
		}
	}
	if strings.Contains(r.log.String(), hashOf(testKey)) {
		t.Errorf("a hash is in the log:\n%s", r.log)
	}
}

// Kubernetes swaps a symbolic link; the new file may have the time and the size of the old.
func TestKeyFileIsSwapped(t *testing.T) {
	r := newReloading(t)
	info, err := os.Stat(r.file)
	if err != nil {
		t.Fatal(err)
	}
	next := r.file + ".next"
	if err := os.WriteFile(next, []byte("booking:"+hashOf(otherKey)+":shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(next, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(next, r.file+".link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(r.file+".link", r.file); err != nil {
		t.Fatal(err)
	}
	before := r.keys[0].Hash
	r.look()
	r.look()
	if r.keys[0].Hash == before {
		t.Error("the old key is still in use")
	}
}

// A file that cannot be used leaves the keys as they were, is logged once, and measured.
func TestKeyFileIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*reloading){
		"a key in it":   func(r *reloading) { r.write("booking:" + otherKey + "\n") },
		"cut off":       func(r *reloading) { r.write("booking:" + hashOf(testKey)[:40]) },
		"one key twice": func(r *reloading) { r.write(strings.Repeat("booking:"+hashOf(testKey)+"\n", 2)) },
		"no key":        func(r *reloading) { r.write("# nobody\n") },
		"empty":         func(r *reloading) { r.write("") },
		"a placeholder": func(r *reloading) { r.write("booking:" + hashOf("change-me")) },
		"gone":          func(r *reloading) { _ = os.Remove(r.file) },
		"a folder":      func(r *reloading) { _ = os.Remove(r.file); _ = os.Mkdir(r.file, 0o700) },
		"a pipe":        func(r *reloading) { _ = os.Remove(r.file); _ = syscall.Mkfifo(r.file, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReloading(t)
			spoil(r)
			for range 5 {
				r.look()
			}
			if got := r.names(); !slices.Equal(got, []string{"shop"}) || !r.refused || r.uses != 0 {
				t.Errorf("the keys are %v, refused %t", got, r.refused)
			}
			if text := r.log.String(); strings.Count(text, "level=error") != 1 || !strings.Contains(text, "API_KEYS_FILE") ||
				strings.Contains(text, otherKey) {
				t.Errorf("the log does not say so once:\n%s", text)
			}
			r.hangup()
			if strings.Count(r.log.String(), "level=error") != 2 {
				t.Errorf("SIGHUP was not answered:\n%s", r.log)
			}
			_ = os.Remove(r.file)
			r.write("booking:" + hashOf(otherKey) + ":web\n")
			r.hangup()
			r.inUse("web")
		})
	}
}

// A key taken out of the file of a running service opens nothing more, after SIGHUP at once
// and otherwise soon; another one opens then.
func TestKeyFileOfTheService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(key string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("booking:"+hashOf(key)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(testKey)
	t.Setenv("API_KEYS_FILE", file)
	t.Setenv("ACCESS_LOG", "false")
	p := start(t)
	opens := func(key string) bool {
		t.Helper()
		status := p.withKey("GET", "/status/1", key, "")
		if status != 404 && status != 401 {
			t.Errorf("answered %d", status)
		}
		return status == 404
	}
	if !opens(testKey) || opens(otherKey) || opens("") {
		t.Error("it starts with other keys than the file's")
	}
	write(otherKey)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, p.log, "SIGHUP: API_KEYS_FILE was read, and 1 API keys are in use")
	if opens(testKey) || !opens(otherKey) || opens("") {
		t.Error("it does not go by the file after SIGHUP")
	}
	write(testKey)
	eventually(t, "the changed file is used", func() bool { return opens(testKey) && !opens(otherKey) })
	p.end()
}

// Without a file SIGHUP changes nothing, and ends nothing.
func TestHangupWithoutKeyFile(t *testing.T) {
	p := start(t)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, p.log, "SIGHUP: there is nothing to reload")
	if status, _ := p.get("/livez"); status != 200 {
		t.Errorf("answered %d", status)
	}
	p.end()
}

// A file without keys would open the service to others than its line says.
func TestKeyFileWithoutKeys(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("# none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("API_KEYS_FILE", file)
	if reason := refused(t); !strings.Contains(reason, "setting API_KEYS_FILE: there is no key in the file") {
		t.Error(reason)
	}
}
