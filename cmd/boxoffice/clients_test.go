package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/store/redistest"
)

// The examples of docs/clients.md, as they stand there, against a service that is a
// process of its own, through a proxy that does to them what networks do.

var fence = regexp.MustCompile("(?ms)^```(\\S+)(?: (\\S+))?\n(.*?)^```$")

// examples are the programs of the document by their names, its command that makes an
// event, and the command that runs each program.
type examples struct {
	files    map[string]string
	setup    string
	commands map[string]string
}

func readExamples(t *testing.T) examples {
	t.Helper()
	text, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	e := examples{files: map[string]string{}, commands: map[string]string{}}
	last := ""
	for _, match := range fence.FindAllStringSubmatch(string(text), -1) {
		language, name, content := match[1], match[2], match[3]
		switch {
		case name != "":
			e.files[name], last = content, name
		case language == "sh" && last == "":
			e.setup += content
		case language == "sh":
			e.commands[last] += content
		default:
			t.Errorf("nobody runs this example:\n%s", match[0])
		}
	}
	if len(e.files) != 5 || len(e.commands) != 4 || e.setup == "" {
		t.Fatalf("the document has the programs %v and the commands %v", e.files, e.commands)
	}
	return e
}

// needs skips a test, and says so, where a tool is missing; with REQUIRE_CLIENTS=1 it fails.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("REQUIRE_CLIENTS") == "1" {
				t.Fatal(err)
			}
			t.Skip("this example was not run: ", err)
		}
	}
}

// service builds and starts the program, and returns its URL.
func service(t *testing.T, binary string, environment ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, binary)
	command.Dir = t.TempDir() // without anybody's .env
	command.Env = append(os.Environ(), append(environment, "PORT=0", "LOG_FORMAT=json")...)
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "listening on "); found {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return strings.TrimSpace(strings.SplitN(address, `"`, 2)[0])
		}
	}
	t.Fatal("the service ended before it listened")
	return ""
}

// proxy stands between an example and the service, and spoils the first booking, or whatever its path is.
type proxy struct {
	path   string // ends so; empty: /api/events/book
	mutex  sync.Mutex
	spoil  func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder)
	keys   []string    // of the bookings that came
	auth   []string    // what they said who they are
	came   []time.Time // when
	spoilt time.Time   // when the spoilt one was answered
}

func (p *proxy) serve(service *url.URL) http.Handler {
	behind := httputil.NewSingleHostReverseProxy(service)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, cmp.Or(p.path, "/api/events/book")) {
			behind.ServeHTTP(w, r)
			return
		}
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.keys = append(p.keys, r.Header.Get("Idempotency-Key"))
		p.auth = append(p.auth, r.Header.Get("Authorization"))
		p.came = append(p.came, time.Now())
		if len(p.keys) > 1 || p.spoil == nil {
			behind.ServeHTTP(w, r)
			return
		}
		defer func() { p.spoilt = time.Now() }()
		p.spoil(w, func() *httptest.ResponseRecorder {
			recorder := httptest.NewRecorder()
			behind.ServeHTTP(recorder, r)
			return recorder
		})
	})
}

// refuse answers as the service does when it cannot say yes or no.
func refuse(w http.ResponseWriter, status int, retryAfter string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", retryAfter)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"status":%d,"code":"a_test"}`, status)
}

type spoiler = func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder)

// spoilers are what may happen to a booking, by name.
var spoilers = map[string]spoiler{
	"nothing happens": nil,
	"the answer is lost": func(_ http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
		forward()
		panic(http.ErrAbortHandler)
	},
	"the answer is cut off": func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
		answer := forward()
		w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()[:20])
		panic(http.ErrAbortHandler)
	},
	"503 after it was carried out": func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
		forward()
		refuse(w, http.StatusServiceUnavailable, "1")
	},
	"429": func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
		refuse(w, http.StatusTooManyRequests, "1")
	},
}

// asksToWait are the spoilers that tell how long to wait.
var asksToWait = map[string]bool{"503 after it was carried out": true, "429": true, "Redis hangs": true}

func TestClientExamples(t *testing.T) {
	t.Parallel()
	e := readExamples(t)
	needs(t, "sh", "curl", "go")
	binary := filepath.Join(t.TempDir(), "boxoffice")
	if output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for name, tool := range map[string]string{"book.sh": "curl", "book.go": "go", "book.mjs": "node"} {
		run := func(t *testing.T, service, how string, spoil spoiler) {
			t.Run(how, func(t *testing.T) {
				t.Parallel()
				needs(t, tool)
				x := example{t: t, name: name, examples: e}
				x.books(service, how, spoil)
			})
		}
		t.Run(name+" embedded", func(t *testing.T) {
			url := service(t, binary, "REDIS_HOST=", "REDIS_ADDRS=", "AUTH=off")
			t.Run("all", func(t *testing.T) {
				for how, spoil := range spoilers {
					run(t, url, how, spoil)
				}
				t.Run("refused", func(t *testing.T) {
					t.Parallel()
					needs(t, tool)
					(&example{t: t, name: name, examples: e}).isRefused(url)
				})
			})
		})
		t.Run(name+" redis", func(t *testing.T) {
			redistest.Require(t)
			server, err := redistest.Start()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(server.Stop)
			url := service(t, binary, "REDIS_ADDRS="+server.Addr, "REDIS_HOST=", "REQUEST_TIMEOUT=500ms", "AUTH=off")
			t.Run("all", func(t *testing.T) {
				run(t, url, "the answer is lost", spoilers["the answer is lost"])
			})
			// Alone, since all would hang: nobody knows what Redis will have made of it.
			t.Run("alone", func(t *testing.T) {
				run(t, url, "Redis hangs", func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
					pause(t, server, "PAUSE", "60000", "WRITE")
					answer := forward()
					pause(t, server, "UNPAUSE")
					if answer.Code != http.StatusServiceUnavailable {
						t.Errorf("while Redis hung, the service answered %d", answer.Code)
					}
					refuse(w, answer.Code, answer.Header().Get("Retry-After"))
				})
			})
		})
	}
}

func pause(t *testing.T, server *redistest.Server, how ...any) {
	admin := server.Client()
	defer func() { _ = admin.Close() }()
	if err := admin.Do(context.Background(), append([]any{"CLIENT"}, how...)...).Err(); err != nil {
		t.Error(err)
	}
}

// example is one run of one program.
type example struct {
	t    *testing.T
	name string
	examples
	proxy proxy
	url   string // of the proxy
	event string
}

// save saves all programs, which may need each other, and returns the folder.
func (e examples) save(t *testing.T) (directory string) {
	t.Helper()
	directory = t.TempDir()
	for name, program := range e.files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// run saves the program and runs its command, after the one that makes an event.
func (x *example) run(service string) (stdout, stderr string, err error) {
	x.t.Helper()
	target, err := url.Parse(service)
	if err != nil {
		x.t.Fatal(err)
	}
	server := httptest.NewServer(x.proxy.serve(target))
	x.t.Cleanup(server.Close)
	x.url = server.URL
	directory := x.save(x.t)
	const patience = 2 * time.Minute // far beyond what the examples wait
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-euc", x.setup+"\necho \"$EVENT\" >event\n"+x.commands[x.name])
	command.Dir = directory
	command.Env = append(os.Environ(), "BOXOFFICE_URL="+x.url, "BOXOFFICE_KEY=a-key", "GOFLAGS=-mod=mod", "GOWORK=off")
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	err = command.Run()
	event, readErr := os.ReadFile(filepath.Join(directory, "event"))
	if readErr != nil {
		x.t.Fatalf("%v\n%s", readErr, errors.String())
	}
	x.event = strings.TrimSpace(string(event))
	return out.String(), errors.String(), err
}

var booked = regexp.MustCompile(`^booked: ([0-9a-f-]{36})\nnow: Confirmed\n$`)

// books runs the program and checks that there is one booking, whatever happened.
func (x *example) books(service, how string, spoil spoiler) {
	x.t.Helper()
	x.proxy.spoil = spoil
	stdout, stderr, err := x.run(service)
	match := booked.FindStringSubmatch(stdout)
	if err != nil || match == nil {
		x.t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	p := &x.proxy
	p.mutex.Lock()
	defer p.mutex.Unlock()
	want := 2
	if spoil == nil {
		want = 1
	}
	if len(p.keys) != want {
		x.t.Errorf("it sent %d requests, want %d", len(p.keys), want)
	}
	for i := range p.keys {
		if p.keys[i] == "" || p.keys[i] != p.keys[0] {
			x.t.Errorf("it sent the keys %q", p.keys)
		}
		if p.auth[i] != "Bearer a-key" {
			x.t.Errorf("it sent the API keys %q", p.auth)
		}
	}
	// It may be as late as the machine likes, but not early.
	if waited := p.came[len(p.came)-1].Sub(p.spoilt); asksToWait[how] && waited < 950*time.Millisecond {
		x.t.Errorf("it was asked to wait 1 s and waited %s", waited)
	}
	var list struct {
		Bookings []struct {
			BookingID string `json:"bookingId"`
		} `json:"bookings"`
	}
	x.read("/api/events/"+x.event+"/bookings", &list)
	if len(list.Bookings) != 1 || list.Bookings[0].BookingID != match[1] {
		x.t.Errorf("it booked %s, and there are %v", match[1], list.Bookings)
	}
}

// isRefused checks that a refusal is taken for an answer, and that a program gives up
// when it would have to wait longer than it wants.
func (x *example) isRefused(service string) {
	x.t.Helper()
	x.proxy.spoil = func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) { refuse(w, http.StatusConflict, "") }
	stdout, stderr, err := x.run(service)
	if err == nil || !strings.Contains(stderr, "409 a_test") || stdout != "" || len(x.proxy.keys) != 1 {
		x.t.Errorf("%v after %d requests\n%s\n%s", err, len(x.proxy.keys), stdout, stderr)
	}
	again := example{t: x.t, name: x.name, examples: x.examples}
	again.proxy.spoil = func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
		refuse(w, http.StatusServiceUnavailable, "3600")
	}
	stdout, stderr, err = again.run(service)
	if err == nil || !strings.Contains(stderr, "503") || stdout != "" || len(again.proxy.keys) != 1 {
		x.t.Errorf("%v after %d requests\n%s\n%s", err, len(again.proxy.keys), stdout, stderr)
	}
}

func (x *example) read(path string, into any) {
	x.t.Helper()
	response, err := http.Get(x.url + path)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		x.t.Fatal(err)
	}
}
