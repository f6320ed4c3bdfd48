package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice/store/redistest"
)

// output collects what the program writes.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// program is a running boxoffice.
type program struct {
	t     *testing.T
	url   string
	log   *output
	stop  func()
	ended chan error
}

// start runs the program with the environment as set, on a free port.
func start(t *testing.T) *program {
	t.Helper()
	t.Setenv("PORT", "0")
	c, err := readConfig("no such file")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &program{t: t, log: &output{}, ended: make(chan error, 1)}
	p.stop = func() {
		http.DefaultClient.CloseIdleConnections() // which the program would wait for
		stop()
	}
	listening := make(chan string, 1)
	go func() { p.ended <- run(ctx, c, p.log, listening) }()
	select {
	case address := <-listening:
		p.url = "http://" + address
	case err := <-p.ended:
		t.Fatalf("ended at once: %v\n%s", err, p.log)
	}
	t.Cleanup(stop)
	return p
}

func (p *program) end() {
	p.t.Helper()
	p.stop()
	if err := <-p.ended; err != nil {
		p.t.Errorf("ended with: %v\n%s", err, p.log)
	}
}

func (p *program) post(path, body string) (int, map[string]any) {
	p.t.Helper()
	response, err := http.Post(p.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	return decode(p.t, response)
}

func (p *program) get(path string) (int, map[string]any) {
	p.t.Helper()
	response, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	return decode(p.t, response)
}

func decode(t *testing.T, response *http.Response) (int, map[string]any) {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// With nothing configured it serves, and says that nothing is kept.
func TestRunEmbedded(t *testing.T) {
	p := start(t)
	if status, body := p.post("/initialize", `{"name":"x","totalTickets":1}`); status != http.StatusCreated {
		t.Fatalf("%d %v", status, body)
	}
	if status, body := p.get("/status/1"); status != http.StatusOK || body["remainingTickets"] != 1.0 {
		t.Errorf("%d %v", status, body)
	}
	if status, body := p.get("/readyz"); status != http.StatusOK || body["engine"] != "embedded" {
		t.Errorf("%d %v", status, body)
	}
	p.end()
	for _, want := range []string{"engine=embedded", "lost on exit", "event=1 method=GET outcome=ok", "draining", "stopped"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("no word of %q in the log:\n%s", want, p.log)
		}
	}
}

// What one run booked, the next one knows; and what would lose it is said.
func TestRunOnRedis(t *testing.T) {
	redistest.Require(t)
	server, err := redistest.Start("--appendonly", "no")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("REDIS_HOST", host)
	t.Setenv("REDIS_PORT", port)
	t.Setenv("LOG_FORMAT", "json")
	t.Setenv("ACCESS_LOG", "false")
	t.Setenv("REDIS_CHECK_INTERVAL", "20ms")

	first := start(t)
	first.post("/initialize", `{"name":"x","totalTickets":1}`)
	first.post("/book", `{"eventId":1,"userId":7}`)
	waitFor(t, first.log, "append-only file is off")
	client := server.Client()
	defer func() { _ = client.Close() }()
	if err := client.ConfigSet(context.Background(), "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, first.log, "over: ")
	first.end()
	if strings.Contains(first.log.String(), `"msg":"request"`) {
		t.Errorf("the access log is off, yet:\n%s", first.log)
	}
	for line := range strings.Lines(first.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line of the log is not JSON: %s", line)
		}
	}

	second := start(t)
	if status, body := second.get("/status/1"); status != http.StatusOK || body["remainingTickets"] != 0.0 {
		t.Errorf("%d %v", status, body)
	}
	second.end()
}

func waitFor(t *testing.T, log *output, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(log.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("no word of %q in the log:\n%s", text, log)
		}
		<-tick.C
	}
}

// openRequest sends all of a booking but its body, and returns when the handler
// has begun to read that.
func (p *program) openRequest(length int) (net.Conn, *bufio.Reader) {
	p.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection,
		"POST /book HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", length)
	if err != nil {
		p.t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusContinue {
		p.t.Fatalf("the handler does not ask for the body: %v, %v", response, err)
	}
	return connection, reader
}

// A request that is under way when the program is told to stop gets its answer.
func TestDrainAnswersWhatIsInFlight(t *testing.T) {
	p := start(t)
	p.post("/initialize", `{"name":"x","totalTickets":1}`)
	body := `{"eventId":1,"userId":7}`
	connection, reader := p.openRequest(len(body))
	p.stop()
	waitFor(t, p.log, "draining")
	if _, err := fmt.Fprint(connection, body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Errorf("the request in flight got %v, %v", response, err)
	}
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
}

// Requests that do not end are cut off when the time for draining is over.
func TestDrainGivesUp(t *testing.T) {
	t.Setenv("SHUTDOWN_TIMEOUT", "50ms")
	p := start(t)
	p.openRequest(10)
	p.stop()
	if err := <-p.ended; err == nil || !strings.Contains(err.Error(), "still in flight") {
		t.Errorf("ended with: %v", err)
	}
}

// A connection that says nothing does not keep the program from ending.
func TestDrainLeavesSilentConnections(t *testing.T) {
	t.Setenv("SHUTDOWN_TIMEOUT", "50ms")
	p := start(t)
	connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprint(connection, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if response, err := http.ReadResponse(bufio.NewReader(connection), nil); err != nil || response.Close {
		t.Fatalf("%v, %v", response, err)
	}
	p.end()
}

func TestRunFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, settings := range map[string]map[string]string{
		"port in use": {"PORT": port},
		"no Redis":    {"REDIS_ADDRS": "127.0.0.1:1", "REDIS_START_TIMEOUT": "50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			for setting, value := range settings {
				t.Setenv(setting, value)
			}
			c, err := readConfig("no such file")
			if err != nil {
				t.Fatal(err)
			}
			if err := run(context.Background(), c, &output{}, nil); err == nil {
				t.Error("it ran")
			}
		})
	}
}
