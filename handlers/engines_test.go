package handlers_test

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	realServers.stop()
	os.Exit(reportUnseen(code))
}

// allTestsRan tells whether the command line left none out.
func allTestsRan() bool {
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return true
}

// realServers are started by the first test that needs them, once.
var realServers servers

type servers struct {
	mutex     sync.Mutex
	single    *redistest.Server
	mortal    *redistest.Server // for tests that pause and kill it
	clustered *redistest.Cluster
}

func (s *servers) stop() {
	for _, server := range []*redistest.Server{s.single, s.mortal} {
		if server != nil {
			server.Stop()
		}
	}
	if s.clustered != nil {
		s.clustered.Stop()
	}
}

// running returns the server at a place of realServers, started if it is not.
func (s *servers) running(t testing.TB, place **redistest.Server, args ...string) *redistest.Server {
	t.Helper()
	redistest.Require(t)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if *place == nil {
		server, err := redistest.Start(args...)
		if err != nil {
			t.Fatal(err)
		}
		*place = server
	}
	return *place
}

func (s *servers) cluster(t testing.TB) *redistest.Cluster {
	t.Helper()
	redistest.Require(t)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.clustered == nil {
		const masters = 3
		cluster, err := redistest.StartCluster(masters)
		if err != nil {
			t.Fatal(err)
		}
		s.clustered = cluster
	}
	return s.clustered
}

func open(t testing.TB, config store.Config) *store.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := store.Open(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onEveryEngine runs a test on an empty embedded store, and on a real Redis and a
// cluster, which hold other tests' events too.
func onEveryEngine(t *testing.T, test func(t *testing.T, c *client)) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, start(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := realServers.running(t, &realServers.single)
		test(t, serve(t, open(t, store.Config{Addrs: []string{server.Addr}})))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		cluster := realServers.cluster(t)
		test(t, serve(t, open(t, store.Config{Addrs: cluster.Addrs()[:1]})))
	})
}
