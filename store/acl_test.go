package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/store"
	"boxoffice/store/verify"
)

// The users as docs/operations.md has them, for an ACL file of Redis.
const (
	operationsPage  = "../docs/operations.md"
	serviceUser     = "boxoffice"
	sentinelUser    = "boxoffice-sentinel"
	servicePassword = "a password of the tests"
	passwordInDocs  = "#SHA256-OF-THE-PASSWORD"
)

// documentedRights returns the line of the docs that makes a user.
func documentedRights(name string) (string, error) {
	page, err := os.ReadFile(operationsPage)
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^user `+regexp.QuoteMeta(name)+` .*$`).FindAllString(string(page), -1)
	if len(found) != 1 || !strings.Contains(found[0], passwordInDocs) {
		return "", fmt.Errorf("%s has %d lines that make the user %s with %s", operationsPage, len(found), name, passwordInDocs)
	}
	hash := sha256.Sum256([]byte(servicePassword))
	return strings.Replace(found[0], passwordInDocs, "#"+hex.EncodeToString(hash[:]), 1), nil
}

// aclArgs has redis-server know the documented user. The default user may do
// everything: the tests are that.
var aclArgs = sync.OnceValues(func() ([]string, error) {
	user, err := documentedRights(serviceUser)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "boxoffice-acl-")
	if err != nil {
		return nil, err
	}
	stopAtEnd(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "users.acl")
	text := "user default on nopass ~* &* +@all\n" + user + "\n"
	return []string{"--aclfile", file}, os.WriteFile(file, []byte(text), 0o600)
})

func asUser(config store.Config) store.Config {
	config.Username, config.Password = serviceUser, servicePassword
	return config
}

// admins are clients that may do everything, one for each store that a test opened.
var admins sync.Map

// admin is a client of the store's Redis that may do everything.
func admin(t testing.TB, s *store.Store) redis.UniversalClient {
	t.Helper()
	if client, ok := admins.Load(s); ok {
		return client.(redis.UniversalClient) //nolint:forcetypeassert // nothing else is put there
	}
	var client redis.UniversalClient
	switch of := s.Client().(type) {
	case *redis.ClusterClient:
		options := *of.Options()
		asAdmin(&options.Username, &options.Password)
		client = redis.NewClusterClient(&options)
	case *redis.Client:
		options := *of.Options()
		asAdmin(&options.Username, &options.Password)
		client = redis.NewClient(&options)
	default:
		t.Fatalf("a client of type %T", of)
	}
	admins.Store(s, client)
	t.Cleanup(func() {
		admins.Delete(s)
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// asAdmin makes the service's user the default user. A server that a test started for
// itself has no other.
func asAdmin(username, password *string) {
	if *username == serviceUser {
		*username, *password = "", ""
	}
}

// onEachNode calls every master as the one who may do everything.
func onEachNode(t testing.TB, s *store.Store, call func(node *redis.Client) error) {
	t.Helper()
	var err error
	switch all := admin(t, s).(type) {
	case *redis.ClusterClient:
		err = all.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error { return call(node) })
	case *redis.Client:
		err = call(all)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The user's rights are only those that the service needs: with any one of them taken
// away, Redis refuses something that the service asks for. The behaviour suite shows
// that they are enough: it runs as this user.
func TestDocumentedRightsAreAllNeeded(t *testing.T) {
	user, err := documentedRights(serviceUser)
	if err != nil {
		t.Fatal(err)
	}
	onRealEngines(t, func(t *testing.T, s *store.Store) {
		config := asUser(store.Config{Addrs: addrsOf(t, s)})
		restore := func() {
			onEachNode(t, s, func(node *redis.Client) error { return node.Do(ctx, "ACL", "LOAD").Err() })
		}
		t.Cleanup(restore)
		if denied, err := exercise(t, s, config); err != nil || len(denied) > 0 {
			t.Fatalf("with all its rights: %v, denied: %q", err, denied)
		}
		for right := range strings.FieldsSeq(user) {
			takeAway := without(user, right)
			if takeAway == nil || needed[right] != "" || s.Engine() != store.EngineCluster && onlyOnCluster[right] {
				continue
			}
			onEachNode(t, s, func(node *redis.Client) error {
				return node.Do(ctx, append([]any{"ACL", "SETUSER", serviceUser}, takeAway...)...).Err()
			})
			if denied, err := exercise(t, s, config); err == nil && len(denied) == 0 {
				t.Errorf("the service does not need %s", right)
			}
			restore()
		}
	})
}

// onlyOnCluster are rights that the service does not need on one node. Without
// +command everything works, but go-redis asks again with each call.
var onlyOnCluster = map[string]bool{"+cluster|slots": true, "+cluster|info": true, "+asking": true, "+command": true}

// needed are rights that the exercise does not use, and why they are given.
var needed = map[string]string{
	"+wait":    "DURABILITY=replicated waits for replicas",
	"+zmscore": "verify looks twice at deadlines that do not fit",
}

// without returns the rules that take one right away, or nil if it is none.
func without(user, right string) []any {
	switch {
	case strings.HasPrefix(right, "+"):
		return []any{"-" + right[1:]}
	case strings.HasPrefix(right, "~"):
		others := []any{"resetkeys"}
		for pattern := range strings.FieldsSeq(user) {
			if strings.HasPrefix(pattern, "~") && pattern != right {
				others = append(others, pattern)
			}
		}
		return others
	}
	return nil
}

func addrsOf(t *testing.T, s *store.Store) []string {
	t.Helper()
	switch client := s.Client().(type) {
	case *redis.ClusterClient:
		return client.Options().Addrs
	case *redis.Client:
		return []string{client.Options().Addr}
	default:
		t.Fatalf("a client of type %T", client)
		return nil
	}
}

// exercise opens a store and makes every call that it has, in such ways that every
// branch of the scripts is taken. It returns what Redis denied, and what went wrong.
func exercise(t *testing.T, s *store.Store, config store.Config) (denied []string, err error) {
	t.Helper()
	onEachNode(t, s, func(node *redis.Client) error {
		return errors.Join(node.FlushAll(ctx).Err(), node.ScriptFlush(ctx).Err(), node.ACLLogReset(ctx).Err())
	})
	err = exerciseAll(t, s, config)
	var mutex sync.Mutex
	onEachNode(t, s, func(node *redis.Client) error {
		mutex.Lock()
		defer mutex.Unlock()
		entries, err := node.ACLLog(ctx, 100).Result()
		for _, entry := range entries {
			denied = append(denied, entry.Object)
		}
		return err
	})
	return denied, err
}

func exerciseAll(t *testing.T, s *store.Store, config store.Config) error {
	t.Helper()
	// Nobody's rights come back by waiting.
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	user, err := store.Open(short, config)
	if err != nil {
		return err
	}
	defer func() { _ = user.Close() }()
	if user.Engine() != s.Engine() {
		return fmt.Errorf("taken for %s", user.Engine())
	}
	if health := user.Health(short); !health.Ready() || len(health.Conditions) > 0 {
		return fmt.Errorf("%+v", health)
	}
	e := exercised{ctx: short, s: user}
	e.life()
	e.holds()
	e.reads()
	if e.err == nil && user.Engine() == store.EngineCluster {
		e.whileTheSlotMoves(t, s)
	}
	return e.err
}

// exercised is an exercise under way. After the first error nothing more is done.
type exercised struct {
	ctx   context.Context //nolint:containedctx // of one exercise
	s     *store.Store
	event store.EventRef
	last  store.BookResult
	err   error
}

func (e *exercised) do(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *exercised) book(user string) store.BookResult {
	if e.err != nil {
		return store.BookResult{}
	}
	result, err := e.s.Book(e.ctx, store.BookRequest{Event: e.event, User: user, Quantity: 1})
	e.do(err)
	return result
}

func (e *exercised) cancel(user string, booking store.BookResult) {
	if e.err != nil {
		return
	}
	_, err := e.s.Cancel(e.ctx, store.CancelRequest{Booking: booking.Booking, User: user})
	e.do(err)
}

// life is that of an event: it is sold out, people withdraw at the head and from the
// middle of the waiting list, several move up at once, and users have one, two and three bookings.
func (e *exercised) life() {
	created, err := e.s.Initialize(e.ctx, store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 1}})
	e.do(err)
	e.event = store.EventUUID(created.Event.UUID)
	first := e.book("a")
	var waitlist []store.BookResult
	for range 4 {
		waitlist = append(waitlist, e.book("b"))
	}
	more := []store.BookResult{e.book("c"), e.book("d"), e.book("e")}
	e.cancel("b", waitlist[1])
	e.cancel("b", waitlist[2])
	e.cancel("a", first)
	e.cancel("b", waitlist[3])
	e.cancel("d", more[1])
	if e.err != nil {
		return
	}
	total := int64(10)
	_, err = e.s.Update(e.ctx, changeOf(e.event, store.SettingsChange{TotalTickets: &total}))
	e.do(err)
	for range total {
		e.last = e.book("f")
	}
	for range 50 {
		e.last = e.book("g")
	}
	total += 40 // so many are promoted that the list is trimmed; the last still waits
	_, err = e.s.Update(e.ctx, changeOf(e.event, store.SettingsChange{TotalTickets: &total}))
	e.do(err)
	e.cancel("f", e.book("f"))
	_, err = e.s.CancelOldest(e.ctx, store.CancelOldestRequest{Event: e.event, User: "c"})
	e.do(err)
}

// holds makes, extends, confirms and releases holds, and waits until one has expired.
func (e *exercised) holds() {
	if e.err != nil {
		return
	}
	created, err := e.s.Initialize(e.ctx, store.InitializeRequest{Settings: store.Settings{Name: "x", TotalTickets: 3, HoldSeconds: 60}})
	e.do(err)
	event := store.EventUUID(created.Event.UUID)
	var held []store.HoldResult
	for range 3 {
		hold, err := e.s.Hold(e.ctx, store.HoldRequest{Event: event, User: "h", Quantity: 1, Seconds: int64(1 + len(held))})
		e.do(err)
		held = append(held, hold)
	}
	_, err = e.s.Book(e.ctx, store.BookRequest{Event: event, User: "w", Quantity: 1})
	e.do(err)
	_, err = e.s.Extend(e.ctx, held[2].Booking, "h", 60)
	e.do(err)
	_, err = e.s.Confirm(e.ctx, held[1].Booking, "h")
	e.do(err)
	for e.err == nil { // until the first has expired
		var booking store.Booking
		if booking, err = e.s.Booking(e.ctx, held[0].Booking); err == nil && booking.Status == store.StatusExpired {
			break
		}
		e.do(err)
		e.do(e.ctx.Err())
		e.do(e.s.ExpireDue(e.ctx, event.Number()))
	}
	_, err = e.s.Cancel(e.ctx, store.CancelRequest{Booking: held[2].Booking, User: "h"})
	e.do(err)
	e.do(e.s.LeaseAndRetire(e.ctx, event.Number()))
}

func (e *exercised) reads() {
	if e.err != nil {
		return
	}
	_, err := e.s.Event(e.ctx, e.event)
	e.do(err)
	_, err = e.s.Events(e.ctx, "", 10)
	e.do(err)
	_, err = e.s.Bookings(e.ctx, store.BookingsRequest{Event: e.event, Limit: 100})
	e.do(err)
	_, err = e.s.Booking(e.ctx, e.last.Booking)
	e.do(err)
	if e.err != nil {
		return
	}
	_, err = e.s.Verifier().All(e.ctx, func(breach verify.Breach) { e.do(errors.New(breach.String())) },
		func(_ verify.Result, err error) { e.do(err) })
	e.do(err)
}

// whileTheSlotMoves books while all of the event is at the node that imports its
// slot, and the other one still answers for it.
func (e *exercised) whileTheSlotMoves(t *testing.T, s *store.Store) {
	t.Helper()
	move := startMove(t, s, 1)
	move.keys()
	_ = e.book("while it moves")
	move.back()
}
