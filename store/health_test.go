package store_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/conn"
	"boxoffice/store/redistest"
)

// wantHealth waits until the store's health has a sentence with these words, as a
// problem or as a warning; nothing: until all is well.
func wantHealth(t *testing.T, s *store.Store, problem, warning string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	matches := func(sentences []string, want string) bool {
		return want == "" && len(sentences) == 0 || want != "" && strings.Contains(strings.Join(sentences, "\n"), want)
	}
	for {
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		got := s.Health(short)
		cancel()
		if matches(got.Problems(), problem) && matches(got.Warnings(), warning) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, want problem %q and warning %q", got, problem, warning)
		}
		<-tick.C
	}
}

func set(t *testing.T, s *store.Store, setting, value string) {
	t.Helper()
	if err := admin(t, s).ConfigSet(ctx, setting, value).Err(); err != nil {
		t.Fatal(err)
	}
}

// What is wrong with a single Redis is told, and goes away with its cause.
func TestHealthOfOneRedis(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: 300 * time.Millisecond})
	wantHealth(t, s, "", "")

	set(t, s, "appendonly", "no")
	wantHealth(t, s, "", "append-only file is off")
	set(t, s, "appendonly", "yes")
	set(t, s, "maxmemory-policy", "allkeys-lru")
	wantHealth(t, s, "", "maxmemory-policy is allkeys-lru")
	set(t, s, "maxmemory-policy", "noeviction")
	wantHealth(t, s, "", "")

	set(t, s, "maxmemory", "1")
	wantHealth(t, s, "", "Redis is full")
	set(t, s, "maxmemory-policy", "volatile-lru") // there is nothing that it could evict
	wantHealth(t, s, "", "maxmemory-policy is volatile-lru")
	wantHealth(t, s, "", "Redis is full")
	set(t, s, "maxmemory-policy", "noeviction")
	set(t, s, "maxmemory", "0")

	master := startServer(t, redistest.Start)
	host, port, _ := strings.Cut(master.Addr, ":")
	if err := s.Client().Do(ctx, "REPLICAOF", host, port).Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "the node is a replica (role:slave)", "")
	if err := s.Client().Do(ctx, "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "", "")

	goOn := pause(t, server)
	wantHealth(t, s, "does not answer in time", "")
	goOn()
	wantHealth(t, s, "", "")
	server.Kill()
	wantHealth(t, s, "connection refused", "")
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "", "")

	set(t, s, "requirepass", "secret")
	if err := admin(t, s).Do(ctx, "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil { // but for this one
		t.Fatal(err)
	}
	wantHealth(t, s, "rejects the user or the password", "")
}

// A password that Redis takes no more, as after it was changed there, is a problem, and
// calls end at once: a further try would find nothing else.
func TestPasswordThatIsNoMore(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start, "--requirepass", "before")
	for name, config := range map[string]store.Config{"local": {}, "replicated": {AckReplicas: 1, AckTimeout: time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			config.Addrs, config.Password = []string{server.Addr}, "before"
			s := open(t, config)
			change := redis.NewClient(&redis.Options{Addr: server.Addr, Password: "before"})
			t.Cleanup(func() { _ = change.Close() })
			if err := change.ConfigSet(ctx, "requirepass", "after").Err(); err != nil {
				t.Fatal(err)
			}
			if err := change.Do(ctx, "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil { // but for this one
				t.Fatal(err)
			}
			defer func() {
				if err := change.ConfigSet(ctx, "requirepass", "before").Err(); err != nil {
					t.Error(err)
				}
			}()
			wantHealth(t, s, "rejects the user or the password", "")
			_, err := s.Book(ctx, store.BookRequest{Event: store.EventNumber(1), User: "ann", Quantity: 1})
			if !errors.Is(err, store.ErrRefused) || !redis.IsAuthError(err) {
				t.Errorf("booked: %v", err)
			}
		})
	}
}

// Where INFO is forbidden, Redis may be well and nobody knows.
func TestHealthWithoutPermission(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	if err := s.Client().Do(ctx, "ACL", "SETUSER", "default", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "", "unknown whether bookings are durable")
}

// A right that only some changes need is missed before one of them is asked for.
func TestEachRightOfChangesIsTried(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	show := newShow(t, s, tickets(1))
	show.book("ann", 1)
	source, err := os.ReadFile("../scripts/writable.lua")
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, command := range regexp.MustCompile(`try\('([A-Z]+)'`).FindAllStringSubmatch(string(source), -1) {
		tried[strings.ToLower(command[1])] = true
	}
	// What the scripts of changes call, as far as it is not of one key that a probe cannot have.
	for _, script := range scripts.All() {
		if script.Name == "writable" || !strings.Contains(script.Source, "local eventKey, logKey") {
			continue
		}
		for _, command := range regexp.MustCompile(`call\('([A-Z]+)'`).FindAllStringSubmatch(script.Source, -1) {
			if name := strings.ToLower(command[1]); !tried[name] {
				t.Errorf("%s.lua calls %s, which writable.lua does not try", script.Name, name)
			}
		}
	}
	for command := range tried {
		for _, change := range []string{"-", "+"} {
			if err := s.Client().Do(ctx, "ACL", "SETUSER", "default", change+command).Err(); err != nil {
				t.Fatal(err)
			}
			h := s.Health(ctx)
			if h.Has(conn.RightsMissing) != (change == "-") {
				t.Errorf("%s%s: %+v", change, command, h)
			}
		}
	}
}

// A Redis that takes no further connection says so, also to who writes to it first.
func TestTooManyClients(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: 300 * time.Millisecond})
	keeps := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: 1})
	t.Cleanup(func() { _ = keeps.Close() })
	if err := keeps.Do(ctx, "CONFIG", "SET", "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := keeps.Do(ctx, "CLIENT", "KILL", "TYPE", "normal").Err(); err != nil { // but for this one
		t.Fatal(err)
	}
	wantHealth(t, s, "max number of clients", "")
	for range 20 { // whichever comes first, the end of the connection or what is said before it
		if h := s.Health(ctx); !strings.Contains(strings.Join(h.Problems(), "\n"), "max number of clients") {
			t.Errorf("%+v", h)
		}
	}
	if err := keeps.Do(ctx, "CONFIG", "SET", "maxclients", "1000").Err(); err != nil {
		t.Fatal(err)
	}
	wantHealth(t, s, "", "")
}

// One shard that is away leaves the others to book on; a cluster that is down does not.
func TestHealthOfACluster(t *testing.T) {
	redistest.Require(t)
	nodes, err := redistest.StartCluster(3, "--cluster-require-full-coverage", "no")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nodes.Stop() })
	s := open(t, store.Config{Addrs: nodes.Addrs()[:1]})
	wantHealth(t, s, "", "")
	nodes.Servers[2].Kill()
	wantHealth(t, s, "", nodes.Servers[2].Addr)
	for _, server := range nodes.Servers[:2] {
		client := server.Client()
		if err := client.ConfigSet(ctx, "cluster-require-full-coverage", "yes").Err(); err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
	}
	wantHealth(t, s, "the cluster is down", "")
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	for range 3 {
		if _, err := s.Initialize(short, tickets(1)); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("created an event on a cluster that is down: %v", err)
		}
	}
}

// A full Redis takes no bookings, and says that nothing has happened; every kind of
// cancellation still works, as many as there are, and promotes.
func TestFullRedis(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		const each = 60
		show := newShow(t, s, tickets(2*each))
		var confirmed, waiting, hoard []store.BookResult
		for i := range each {
			confirmed = append(confirmed, show.book(user(i), 1))
			hoard = append(hoard, show.book("hoarder", 1))
		}
		for i := range 2 * each {
			waiting = append(waiting, show.book(user(1000+i), 1+int64(i/(2*each-1)))) // the last one wants 2
		}
		request := store.BookRequest{Event: show.ref, User: "late", Quantity: 1, IdempotencyKey: "k"}

		full := func(value string) { setEverywhere(t, s, "maxmemory", value) }
		full("1")
		defer full("0")
		before := show.now()
		if _, err := s.Book(ctx, request); !errors.Is(err, store.ErrStorageFull) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("booked: %v", err)
		}
		if _, err := s.Initialize(ctx, tickets(1)); !errors.Is(err, store.ErrStorageFull) {
			t.Errorf("created an event: %v", err)
		}
		name := "new"
		if _, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{Name: &name})); !errors.Is(err, store.ErrStorageFull) {
			t.Errorf("changed an event: %v", err)
		}
		if after := show.now(); after != before {
			t.Errorf("the event changed from %+v to %+v", before, after)
		}
		again := store.BookRequest{Event: show.ref, User: "hoarder", Quantity: 1}
		if _, err := s.Book(ctx, again); !errors.Is(err, store.ErrStorageFull) {
			t.Errorf("one more of a user who has some: %v", err)
		}

		show.reduce(user(1000+2*each-1), waiting[2*each-1].Booking, 1)
		served := 0
		for i, booking := range confirmed { // with promotion
			got := show.cancel(user(i), booking)
			if got.Next() != waiting[served].Booking {
				t.Fatalf("cancellation %d promoted %s, want %s", i, got.Next(), waiting[served].Booking)
			}
			served++
		}
		middle := 3 * each / 2
		for i := middle; i < 2*each; i++ { // out of the waiting list, from the middle and the end
			show.cancel(user(1000+i), waiting[i])
		}
		// Out of a chain: from the middle, the newest, the oldest.
		for _, i := range []int{each / 2, each - 1, 0, each / 3} {
			if got := show.cancel("hoarder", hoard[i]); got.Next() != waiting[served].Booking {
				t.Fatalf("promoted %s, want %s", got.Next(), waiting[served].Booking)
			}
			served++
		}
		show.cancel(user(1000+served), waiting[served]) // the head
		for range each - 4 {
			show.cancelOldest("hoarder")
		}
		show.wantCounts(2*each-int64(middle-1), int64(middle-1), 0)

		paused, closed := store.StatePaused, store.StateClosed
		for _, state := range []store.State{paused, paused, closed} { // stops the sale, and again, and for good
			got, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{State: &state}))
			if err != nil || got.Event.State != state {
				t.Errorf("%s while Redis is full: %+v, %v", state, got, err)
			}
			if state == paused {
				opened := store.StateOpen
				if _, err := s.Update(ctx, changeOf(show.ref, store.SettingsChange{State: &opened})); !errors.Is(err, store.ErrStorageFull) {
					t.Errorf("opened while Redis is full: %v", err)
				}
			}
		}
		wantNoBreach(t, s, show.ref)
	})
}

// Once a full Redis has room, the request that it refused is carried out.
func TestFullRedisGetsRoom(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		request := store.BookRequest{Event: show.ref, User: "late", Quantity: 1, IdempotencyKey: "k"}
		full := func(value string) { setEverywhere(t, s, "maxmemory", value) }
		full("1")
		defer full("0")
		if _, err := s.Book(ctx, request); !errors.Is(err, store.ErrStorageFull) {
			t.Errorf("booked: %v", err)
		}
		full("0")
		if got, err := s.Book(ctx, request); err != nil || got.Replayed {
			t.Errorf("once there is room: %+v, %v", got, err)
		}
		wantNoBreach(t, s, show.ref)
	})
}

// A total was raised, and the service died before it promoted; then Redis is full. A
// cancellation does that work first, in as many steps as it takes.
func TestFullRedisPromotes(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		const waiting = 2*lookLimit + 1
		show := newShow(t, s, tickets(1))
		first := show.book("first", 1)
		waitlist := show.waitlist(waiting)
		if err := s.RaiseOnly(ctx, show.event.Number, waiting); err != nil {
			t.Fatal(err)
		}
		setEverywhere(t, s, "maxmemory", "1")
		defer setEverywhere(t, s, "maxmemory", "0")
		if got := show.cancel("first", first); got.Next() != waitlist[waiting-1].Booking || len(got.Promoted) != 1 {
			t.Errorf("cancelled %+v, want the last one, %s, promoted", got, waitlist[waiting-1].Booking)
		}
		show.wantCounts(0, waiting, 0)
		wantNoBreach(t, s, show.ref)
	})
}

// setEverywhere changes a setting of every master.
func setEverywhere(t *testing.T, s *store.Store, setting, value string) {
	t.Helper()
	nodes, ok := admin(t, s).(*redis.ClusterClient)
	if !ok {
		set(t, s, setting, value)
		return
	}
	err := nodes.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		return node.ConfigSet(ctx, setting, value).Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// While Redis loads its data, the store waits for it until the deadline, and no longer;
// a long one does not notice.
func TestLoadingRedis(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start, "--enable-debug-command", "local", "--appendfsync", "always")
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	show := newShow(t, s, tickets(100))
	// Each key is held up for this many microseconds; Redis looks after clients after each
	// kilobyte.
	for i := range 100 {
		newShow(t, s, store.InitializeRequest{Settings: store.Settings{Name: user(i), TotalTickets: 1}})
	}
	set(t, s, "key-load-delay", "10000")
	set(t, s, "loading-process-events-interval-bytes", "1024")
	set(t, s, "aof-use-rdb-preamble", "yes")
	var reloading sync.WaitGroup
	reloading.Go(func() {
		client := server.Client()
		defer func() { _ = client.Close() }()
		_ = client.Do(ctx, "DEBUG", "RELOAD").Err()
	})
	wantHealth(t, s, "loading its data", "")
	unknown(t, "book while Redis loads", func(short context.Context) error {
		_, err := s.Book(short, store.BookRequest{Event: show.ref, User: "short", Quantity: 1})
		return err
	})
	if got := show.book("patient", 1); got.Status != store.StatusConfirmed {
		t.Errorf("%+v", got)
	}
	reloading.Wait()
	wantHealth(t, s, "", "")
}
