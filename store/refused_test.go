package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"boxoffice/store"
	"boxoffice/store/layout"
	"boxoffice/store/redistest"
)

// wantCondition waits until the store has a condition of this kind, and returns it.
func wantCondition(t *testing.T, s *store.Store, kind store.ConditionKind) (found store.Condition) {
	t.Helper()
	var health store.Health
	redistest.WaitUntil(t, func() bool {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		health = s.Health(short)
		for _, one := range health.Conditions {
			if one.Kind == kind {
				found = one
				return true
			}
		}
		return false
	})
	return found
}

// wantWell waits until nothing is wrong any more.
func wantWell(t *testing.T, s *store.Store) {
	t.Helper()
	redistest.WaitUntil(t, func() bool {
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return len(s.Health(short).Conditions) == 0
	})
}

// What Redis refuses until an operator acts is not waited for: the call fails, as not carried
// out, and the check says why. Once it is over, the same request is carried out.
func TestRefusedUntilMended(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	show := newShow(t, s, tickets(100))
	do := func(args ...any) func() {
		return func() {
			t.Helper()
			if err := admin(t, s).Do(ctx, args...).Err(); err != nil {
				t.Fatalf("%v: %v", args, err)
			}
		}
	}
	acl := func(rights string) func() { return do("ACL", "SETUSER", "default", rights) }
	for name, fault := range map[string]struct {
		begin, end func()
		kind       store.ConditionKind
		want       error
	}{
		"too few replicas": {
			do("CONFIG", "SET", "min-replicas-to-write", "1"), do("CONFIG", "SET", "min-replicas-to-write", "0"),
			"too_few_replicas", store.ErrRefused,
		},
		"no script": {acl("-evalsha"), acl("+evalsha"), "rights_missing", store.ErrRefused},
		"no key":    {func() { acl("resetkeys")(); acl("~event:*")() }, acl("allkeys"), "rights_missing", store.ErrRefused},
		"no HSET":   {acl("-hset"), acl("+hset"), "rights_missing", store.ErrUnavailable}, // a script that has begun
		"no RPUSH":  {acl("-rpush"), acl("+rpush"), "rights_missing", store.ErrUnavailable},
		"full":      {do("CONFIG", "SET", "maxmemory", "1"), do("CONFIG", "SET", "maxmemory", "0"), "storage_full", store.ErrStorageFull},
	} {
		t.Run(name, func(t *testing.T) {
			request := store.BookRequest{Event: show.ref, User: "ann", Quantity: 1, IdempotencyKey: name}
			fault.begin()
			began := time.Now()
			long, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			_, err := s.Book(long, request)
			for _, one := range []error{store.ErrRefused, store.ErrUnavailable, store.ErrStorageFull} {
				if errors.Is(err, one) != errors.Is(fault.want, one) {
					t.Errorf("booked: %v, want %v", err, fault.want)
				}
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it was waited for: %s", took)
			}
			if found := wantCondition(t, s, fault.kind); found.Blocks == errors.Is(fault.want, store.ErrStorageFull) {
				t.Errorf("%+v", found)
			}
			fault.end()
			if name == "no RPUSH" { // it broke the event, as docs/operations.md warns
				return
			}
			if _, err := s.Book(ctx, request); err != nil {
				t.Errorf("once it is mended: %v", err)
			}
		})
	}
}

// A disk that takes no snapshot, where Redis is to refuse changes for that: reads work, and an
// instance that starts now is there for them.
func TestDiskThatFails(t *testing.T) {
	redistest.Require(t)
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	server := startServer(t, redistest.Start, "--dir", folder, "--appendonly", "no", "--save", "3600 1")
	s := open(t, store.Config{Addrs: []string{server.Addr}})
	show := newShow(t, s, tickets(1))
	snapshot := func(want string) {
		t.Helper()
		redistest.WaitUntil(t, func() bool {
			_ = admin(t, s).BgSave(ctx).Err() // another one may be under way
			return strings.Contains(admin(t, s).Info(ctx, "persistence").Val(), "rdb_last_bgsave_status:"+want)
		})
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	snapshot("err")
	if found := wantCondition(t, s, "disk_failed"); !found.Blocks {
		t.Errorf("%+v", found)
	}
	late, err := store.Open(ctx, store.Config{Addrs: []string{server.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Close() }()
	for _, one := range []*store.Store{s, late} {
		if _, err := one.Book(ctx, store.BookRequest{Event: show.ref, User: "ann", Quantity: 1}); !errors.Is(err, store.ErrRefused) {
			t.Errorf("booked: %v", err)
		}
		if _, err := one.Event(ctx, show.ref); err != nil {
			t.Error(err)
		}
	}
	set(t, s, "stop-writes-on-bgsave-error", "no") // as an operator may decide
	if got := show.book("ann", 1); got.Status != store.StatusConfirmed {
		t.Errorf("%+v", got)
	}
}

// A replica that is connected and hangs acknowledges nothing.
func TestReplicaThatHangsIsNotReady(t *testing.T) {
	p := startPair(t)
	wantWell(t, p.Store)
	goOn := pause(t, p.replica)
	if found := wantCondition(t, p.Store, "too_few_replicas"); !found.Blocks {
		t.Errorf("%+v", found)
	}
	goOn()
	wantWell(t, p.Store)
}

// Changes that are held back, as in some failovers, are no answer to a change.
func TestPausedWritesAreNotReady(t *testing.T) {
	redistest.Require(t)
	server := startServer(t, redistest.Start)
	s := open(t, store.Config{Addrs: []string{server.Addr}, ReadTimeout: 300 * time.Millisecond})
	if err := admin(t, s).Do(ctx, "CLIENT", "PAUSE", "60000", "WRITE").Err(); err != nil {
		t.Fatal(err)
	}
	if found := wantCondition(t, s, "writes_paused"); !found.Blocks {
		t.Errorf("%+v", found)
	}
	if err := admin(t, s).Do(ctx, "CLIENT", "UNPAUSE").Err(); err != nil {
		t.Fatal(err)
	}
	wantWell(t, s)
}

// The check asks without a change: no key is made, none is touched, and the log of refused
// rights stays empty.
func TestCheckChangesNothing(t *testing.T) {
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		show := newShow(t, s, tickets(1))
		show.book("ann", 1)
		show.book("bob", 1)
		before := dump(t, s, show.event.Number)
		for range 3 {
			if got := s.Health(ctx); len(got.Conditions) != 0 {
				t.Errorf("%+v", got)
			}
		}
		if after := dump(t, s, show.event.Number); after != before {
			t.Errorf("%q became %q", before, after)
		}
		wantNoBreach(t, s, show.ref)
	})
}

// dump is what Redis has of an event.
func dump(t *testing.T, s *store.Store, number uint64) string {
	t.Helper()
	var all strings.Builder
	for _, key := range (layout.Keys{}).OfEvent(number) {
		all.WriteString(admin(t, s).Dump(ctx, key).Val())
	}
	return all.String()
}
