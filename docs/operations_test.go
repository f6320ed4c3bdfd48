package docs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/redistest"
	"boxoffice/store/verify"
)

// The examples of operations.md run as they stand there: all of one section in one
// shell, with variables that lead to servers of the test.

const operationsPage = "operations.md"

// operationsTests are the sections that have shell examples, and who runs them.
var operationsTests = map[string]func(t *testing.T, r *runbook){
	"Redis: the service's user": testUserExample,
	"Backing up":                testBackupAndRestore,
	"Restoring":                 nil, // with the backup that it restores
	"Moving a hot event":        testMoveExample,
	"Adding a shard":            testReshardExample,
}

func TestOperationsExamples(t *testing.T) {
	redistest.Require(t)
	r := readRunbook(t)
	for section := range r.examples {
		if _, ok := operationsTests[section]; !ok {
			t.Errorf("no test runs the examples of %q", section)
		}
	}
	for section, test := range operationsTests {
		if r.examples[section] == "" {
			t.Errorf("there is no example in %q", section)
		}
		if test != nil {
			t.Run(section, func(t *testing.T) { test(t, r) })
		}
	}
}

// runbook is operations.md, and a shell that knows the program.
type runbook struct {
	page     string
	examples map[string]string // section -> its bash blocks, joined
	bin      string            // folder of the program
}

func readRunbook(t *testing.T) *runbook {
	t.Helper()
	page, err := os.ReadFile(operationsPage)
	if err != nil {
		t.Fatal(err)
	}
	r := &runbook{page: string(page), examples: map[string]string{}, bin: t.TempDir()}
	for _, section := range strings.Split(r.page, "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		for _, block := range fenced(section, "bash") {
			r.examples[title] += block
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(r.bin, "boxoffice"), "../cmd/boxoffice")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return r
}

// fenced returns the blocks of a language.
func fenced(text, language string) (blocks []string) {
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, found[1])
	}
	return blocks
}

// run runs a script in the project's folder, and fails the test if it fails.
func (r *runbook) run(t *testing.T, script string, variables ...string) string {
	t.Helper()
	output, err := r.try(t, script, variables...)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, output)
	}
	return output
}

// try runs a script in the project's folder. A PATH among the variables wins.
func (r *runbook) try(t *testing.T, script string, variables ...string) (string, error) {
	t.Helper()
	limited, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	shell := exec.CommandContext(limited, "bash", "-euo", "pipefail", "-c", script)
	shell.Dir = ".."
	shell.Env = append(append(os.Environ(), "PATH="+r.path(t)), variables...)
	shell.WaitDelay = time.Second // what it started may outlive it, and holds its output open
	output, err := shell.CombinedOutput()
	return string(output), err
}

// path is a PATH with the program and the tools of the server that tests start.
func (r *runbook) path(t *testing.T) string {
	t.Helper()
	path, err := redistest.Path(r.bin)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func startRedis(t *testing.T, args ...string) *redistest.Server {
	t.Helper()
	server, err := redistest.Start(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func openStore(t *testing.T, config store.Config) *store.Store {
	t.Helper()
	opening, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := store.Open(opening, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// sale books and cancels tickets of one event until it is ended.
type sale struct {
	t         *testing.T
	store     *store.Store
	event     store.Event
	stop      atomic.Bool
	group     sync.WaitGroup
	mutex     sync.Mutex
	answered  map[string]store.BookResult // idempotency key -> answer
	unknown   []string                    // keys whose outcome is not known
	longest   time.Duration
	lastError error
}

func startSale(t *testing.T, s *store.Store) *sale {
	t.Helper()
	created, err := s.Initialize(context.Background(), store.InitializeRequest{Settings: store.Settings{Name: "hot", TotalTickets: 300}})
	if err != nil {
		t.Fatal(err)
	}
	x := &sale{t: t, store: s, event: created.Event, answered: map[string]store.BookResult{}}
	for worker := range 8 {
		x.group.Go(func() {
			pace := time.NewTicker(5 * time.Millisecond) // leaves the machine some time for the example
			defer pace.Stop()
			for i := 0; !x.stop.Load(); i++ {
				x.book(fmt.Sprintf("%d-%d", worker, i), i%3 == 0)
				<-pace.C
			}
		})
	}
	t.Cleanup(x.end)
	x.waitForMore(200)
	return x
}

func (x *sale) book(key string, cancels bool) {
	patient, cancel := context.WithTimeout(context.Background(), 5*time.Second) // as REQUEST_TIMEOUT
	defer cancel()
	began := time.Now()
	request := store.BookRequest{Event: store.EventUUID(x.event.UUID), User: key, Quantity: 1, IdempotencyKey: key}
	result, err := x.store.Book(patient, request)
	took := time.Since(began)
	x.mutex.Lock()
	x.longest = max(x.longest, took)
	switch {
	case err == nil:
		x.answered[key] = result
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrRefused), errors.Is(err, store.ErrStorageFull):
		x.unknown, x.lastError = append(x.unknown, key), err
	default:
		x.t.Errorf("booking %s: %v", key, err)
	}
	x.mutex.Unlock()
	if err == nil && cancels {
		_, err := x.store.Cancel(patient, store.CancelRequest{Booking: result.Booking, User: key})
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			x.t.Errorf("cancelling %s: %v", key, err)
		}
	}
}

func (x *sale) count() int {
	x.mutex.Lock()
	defer x.mutex.Unlock()
	return len(x.answered)
}

func (x *sale) waitForMore(more int) {
	x.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	wanted := x.count() + more
	for deadline := time.Now().Add(20 * time.Second); x.count() < wanted; <-tick.C {
		if time.Now().After(deadline) {
			x.t.Fatalf("%d bookings were answered, waited for %d: %v", x.count(), wanted, x.lastError)
		}
	}
}

func (x *sale) end() {
	x.stop.Store(true)
	x.group.Wait()
}

// sold makes sure that what was answered is there, as it was answered, and that the
// books are right. Of a long sale it asks for some, and counts all.
func (x *sale) sold(in *store.Store) {
	x.t.Helper()
	asked := 0
	for key, want := range x.answered { // in random order
		if asked++; asked > 2000 {
			break
		}
		request := store.BookRequest{Event: store.EventUUID(x.event.UUID), User: key, Quantity: 1, IdempotencyKey: key}
		got, err := in.Book(context.Background(), request)
		if want.Replayed, want.Current = true, got.Current; err != nil || got != want {
			x.t.Fatalf("booking %s was answered %+v, and is %+v, %v", key, want, got, err)
		}
	}
	result, err := in.Verifier().Event(context.Background(), store.EventUUID(x.event.UUID), func(breach verify.Breach) { x.t.Error(breach) })
	if err != nil || result.Bookings < len(x.answered) {
		x.t.Errorf("%+v, %v, of %d bookings", result, err, len(x.answered))
	}
}

func testUserExample(t *testing.T, r *runbook) {
	users := filepath.Join(t.TempDir(), "users.acl")
	var lines strings.Builder
	lines.WriteString("user default on nopass ~* &* +@all\n")
	if err := os.WriteFile(users, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	server := startRedis(t, "--aclfile", users)
	for _, block := range fenced(r.page, "acl") {
		if strings.HasPrefix(block, "user boxoffice ") {
			lines.WriteString(block)
		}
	}
	if err := os.WriteFile(users, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	output := r.run(t, r.examples["Redis: the service's user"], "port="+portOf(t, server.Addr), "users="+users,
		"REDIS_PASSWORD=correct horse")
	if !strings.Contains(output, "redis_version:") {
		t.Errorf("the user did not get in: %s", output)
	}
	openStore(t, store.Config{Addrs: []string{server.Addr}, Username: "boxoffice", Password: "correct horse"})
}

// A backup is made while tickets are sold; its last file is cut off, and it is
// restored: what was answered before the backup began is there.
func testBackupAndRestore(t *testing.T, r *runbook) {
	server := startRedis(t)
	s := openStore(t, store.Config{Addrs: []string{server.Addr}})
	client := server.Client()
	defer func() { _ = client.Close() }()
	folder, err := client.ConfigGet(context.Background(), "dir").Result()
	if err != nil {
		t.Fatal(err)
	}
	early := startSale(t, s)
	early.end() // all of it must be there afterwards
	late := startSale(t, s)
	// A rewrite is under way when the backup begins.
	if err := client.BgRewriteAOF(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backups, restored := filepath.Join(dir, "backups"), filepath.Join(dir, "restored")
	output := r.run(t, r.examples["Backing up"], "port="+portOf(t, server.Addr), "data="+folder["dir"], "backups="+backups)
	late.waitForMore(200)
	late.end()
	late.sold(s)
	percentage, err := client.ConfigGet(context.Background(), "auto-aof-rewrite-percentage").Result()
	if err != nil || percentage["auto-aof-rewrite-percentage"] != "100" {
		t.Errorf("rewrites are off after the backup: %v, %v\n%s", percentage, err, output)
	}
	if _, err := os.Stat(filepath.Join(folder["dir"], "backup-links")); err == nil {
		t.Error("the links are left behind: the files that they hold are never freed")
	}
	archives, err := filepath.Glob(filepath.Join(backups, "*.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives: %v, %v", archives, err)
	}

	cut := cutTail(t, archives[0])
	for name, archive := range map[string]string{"whole": archives[0], "cut off": cut} {
		t.Run(name, func(t *testing.T) {
			port, into := freePort(t), filepath.Join(restored, strings.ReplaceAll(name, " ", "-"))
			stop := stopRestored(t, into)
			t.Cleanup(stop)
			output := r.run(t, r.examples["Restoring"], "archive="+archive, "restored="+into, "port="+port)
			if !strings.Contains(output, "events verified: 2,") || !strings.Contains(output, "breaches: 0,") {
				t.Errorf("%s", output)
			}
			if fixed := strings.Contains(output, "Successfully truncated"); fixed != (name == "cut off") {
				t.Errorf("redis-check-aof cut something off: %t\n%s", fixed, output)
			}
			early.sold(openStore(t, store.Config{Addrs: []string{net.JoinHostPort("127.0.0.1", port)}}))
		})
	}
}

// cutTail returns a copy of an archive whose last file misses its last bytes, as after
// a crash in the middle of a write.
func cutTail(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	if output, err := exec.Command("tar", "-C", dir, "-xzf", archive).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.incr.aof"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	last := files[len(files)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	const bytes = 5
	if err := os.Truncate(last, info.Size()-bytes); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.tar.gz")
	if output, err := exec.Command("tar", "-C", dir, "-czf", cut, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return cut
}

// stopRestored ends the server that the example started, by its pid file.
func stopRestored(t *testing.T, dir string) func() {
	t.Helper()
	return func() {
		text, err := os.ReadFile(filepath.Join(dir, "redis.pid"))
		if err != nil {
			return
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Error(err)
			return
		}
		if process, err := os.FindProcess(pid); err == nil {
			_ = process.Kill()
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return portOf(t, listener.Addr().String())
}

// Slots move from one master of the load lab's cluster to another under load.
func testReshardExample(t *testing.T, r *runbook) {
	first, dir := portRange(t), filepath.Join(t.TempDir(), "cluster")
	variables := []string{"CLUSTER_PORT=" + strconv.Itoa(first), "CLUSTER_DIR=" + dir}
	t.Cleanup(func() { r.run(t, "loadtest/cluster.sh down", variables...) })
	up, rest, found := strings.Cut(r.examples["Adding a shard"], "\n")
	if !found || !strings.Contains(up, "cluster.sh up") {
		t.Fatalf("the example does not begin with the cluster: %s", up)
	}
	r.run(t, up, variables...)
	s := openStore(t, store.Config{Addrs: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(first))}})
	var sales []*sale
	for range 3 {
		sales = append(sales, startSale(t, s))
	}
	output := r.run(t, rest, variables...)
	for _, want := range []string{"moved 500 slots", "[OK] All 16384 slots covered", "breaches: 0,"} {
		if !strings.Contains(output, want) {
			t.Errorf("no word of %q in %s", want, output)
		}
	}
	for _, sale := range sales {
		sale.end()
		sale.sold(s)
		t.Logf("%d bookings answered, the slowest after %s; %d of unknown outcome", len(sale.answered), sale.longest, len(sale.unknown))
	}
}

// portRange finds six free ports in a row, whose bus ports are free too.
func portRange(t *testing.T) int {
	t.Helper()
	const ports = 6
	for first := 20_000 + os.Getpid()%20_000; first < 50_000; first += ports {
		free := true
		for port := first; port < first+ports && free; port++ {
			for _, one := range []int{port, port + 10_000} {
				listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", one))
				if err != nil {
					free = false
					break
				}
				_ = listener.Close()
			}
		}
		if free {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// Redis takes the documented configuration, every line of it means what it says, and
// the service finds nothing in it that loses bookings.
func TestOperationsRedisSettings(t *testing.T) {
	redistest.Require(t)
	page, err := os.ReadFile(operationsPage)
	if err != nil {
		t.Fatal(err)
	}
	blocks := fenced(string(page), "conf")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of configuration, want one for all and one for clusters", len(blocks))
	}
	file := filepath.Join(t.TempDir(), "redis.conf")
	text := strings.Join(blocks, "")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// redistest's own options come before --include, which overrides them.
	server := startRedis(t, "--include", file, "--cluster-port", freePort(t))
	client := server.Client()
	defer func() { _ = client.Close() }()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, want, _ := strings.Cut(line, " ")
		got, err := client.ConfigGet(context.Background(), name).Result()
		if err != nil || !slices.Contains([]string{want, strings.Trim(want, `"`), bytesOf(want)}, got[name]) {
			t.Errorf("%s is %q, want %q: %v", name, got[name], want, err)
		}
	}
	if err := client.ClusterAddSlotsRange(context.Background(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	waitForCluster(t, client)
	s := openStore(t, store.Config{Addrs: []string{server.Addr}})
	if health := s.Health(context.Background()); !health.Ready() || len(health.Conditions) > 0 {
		t.Errorf("%+v", health)
	}
	if s.Engine() != store.EngineCluster {
		t.Errorf("engine %s", s.Engine())
	}
}

// waitForCluster waits until a node says that the cluster is up: not at once when the
// last slot is given away.
func waitForCluster(t *testing.T, client *redis.Client) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		info, err := client.ClusterInfo(context.Background()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster is not up: %v\n%s", err, info)
		}
		<-tick.C
	}
}

// bytesOf turns 8gb into the number of bytes that Redis tells.
func bytesOf(text string) string {
	for unit, size := range map[string]int64{"mb": 1 << 20, "gb": 1 << 30} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			if count, err := strconv.ParseInt(number, 10, 64); err == nil {
				return strconv.FormatInt(count*size, 10)
			}
		}
	}
	return text
}
