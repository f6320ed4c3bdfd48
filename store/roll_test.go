package store_test

import (
	"context"
	"crypto/sha1" // it is how Redis names scripts
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/scripts"
	"boxoffice/store"
	"boxoffice/store/layout"
)

// laterVersion is a second instance of the service, with other scripts: each has
// another text, hence another name in Redis, and those that work in steps take smaller
// ones. What they write means the same: scripts for which it does not have another
// format, see TestUnknownFormatIsRefused.
type laterVersion struct {
	*store.Store
	hashes map[string]string // name in Redis of this version's script -> of the later one
	texts  map[string]string
	calls  atomic.Int64
}

func later(t *testing.T, s *store.Store) *laterVersion {
	t.Helper()
	v := &laterVersion{Store: store.Beside(s), hashes: map[string]string{}, texts: map[string]string{}}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	steps := 0
	for _, script := range scripts.All() {
		text := "-- a later version\n" + strings.Replace(script.Source,
			fmt.Sprintf("LOOK_LIMIT = %d", scripts.LookLimit), "LOOK_LIMIT = 7", 1)
		if strings.Contains(text, "LOOK_LIMIT = 7") && strings.Contains(text, "= serve_waitlist(") {
			steps++
		}
		v.texts[script.Source] = text
		v.hashes[hash(script.Source)] = hash(text)
	}
	if steps != 4 {
		t.Fatalf("%d scripts work in steps, want cancel, reduce, expire and promote", steps)
	}
	swap := spy{before: v.swap, after: func(redis.Cmder) {}}
	switch client := v.Client().(type) {
	case *redis.ClusterClient:
		client.OnNewNode(func(node *redis.Client) { node.AddHook(swap) })
	case *redis.Client:
		client.AddHook(swap)
	}
	return v
}

func hash(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// swap has a command run the later version's script.
func (v *laterVersion) swap(command redis.Cmder) {
	args := command.Args()
	swap := func(i int, others map[string]string) bool {
		text, ok := args[i].(string)
		other := others[text]
		if !ok || other == "" {
			return false
		}
		args[i] = other
		return true
	}
	switch command.Name() {
	case "evalsha", "evalsha_ro":
		if swap(1, v.hashes) {
			v.calls.Add(1)
		}
	case "script": // load
		swap(2, v.texts)
	}
}

// While the service is upgraded two versions work on the same event, and Redis forgets
// scripts, as it does when it fails over: the books are right at every moment.
func TestTwoVersionsAtOnce(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, s *store.Store) {
		request := tickets(300)
		request.IdempotencyKey = "made by both"
		before := newShow(t, s, request)
		newer := later(t, s)
		after := newShow(t, newer.Store, request)
		if before.event != after.event {
			t.Fatalf("a retry at the other version made %+v and %+v", before.event, after.event)
		}
		versions := []*show{before, after}
		answers := []store.BookResult{}
		for i := range 600 {
			request := store.BookRequest{Event: before.ref, User: user(i % 250), Quantity: 1, IdempotencyKey: user(i)}
			first, err := versions[i%2].Book(ctx, request)
			again, err2 := versions[1-i%2].Book(ctx, request)
			if err != nil || err2 != nil || !again.Replayed {
				t.Fatalf("%+v, %v; at the other version %+v, %v", first, err, again, err2)
			}
			if again.Replayed, again.Current = false, ""; first != again {
				t.Fatalf("%+v, at the other version %+v", first, again)
			}
			answers = append(answers, first)
		}
		for i, version := range versions {
			version.cancel(user(i), answers[i])
			if again := versions[1-i].cancel(user(i), answers[i]); !again.Replayed {
				t.Errorf("cancelled again at the other version: %+v", again)
			}
		}

		calls, scale := int64(3000), 1
		if s.Engine() == store.EngineEmbedded {
			calls, scale = 600, 3
		}
		start := newer.calls.Load()
		stopOld, stopNew := churn(t, before, 150/scale), churn(t, after, 150/scale)
		for newer.calls.Load() < start+calls && !t.Failed() {
			onEachNode(t, s, func(node *redis.Client) error { return node.ScriptFlush(ctx).Err() })
			wantNoBreach(t, s, before.ref)
		}
		stopOld()
		state, total := store.StateOpen, int64(100_000)
		if _, err := before.Update(ctx, changeOf(before.ref, store.SettingsChange{State: &state, TotalTickets: &total})); err != nil {
			t.Fatal(err)
		}
		stopNew() // the old version is gone, and the later one takes over the work
		// The churn may have had the last word on state and total.
		if _, err := after.Update(ctx, changeOf(after.ref, store.SettingsChange{State: &state, TotalTickets: &total})); err != nil {
			t.Fatal(err)
		}
		after.waitFor(func(event store.Event) bool { return event.Waiting == 0 })
		for _, version := range versions {
			wantNoBreach(t, version.Store, version.ref)
		}
		onEachNode(t, s, func(node *redis.Client) error { return knowsBoth(t, node, newer) })
	})
}

// knowsBoth makes sure that the two versions did run different scripts.
func knowsBoth(t *testing.T, node *redis.Client, newer *laterVersion) error {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if node.Exists(short, layout.Keys{}.Event(1)).Val() == 0 {
		return nil // another node of the cluster has the event
	}
	for one, other := range newer.hashes {
		if one == other {
			t.Errorf("both versions have a script %s", one)
		}
	}
	book := hash(scripts.Book.Source)
	known, err := node.ScriptExists(short, book, newer.hashes[book]).Result()
	if err == nil && (!known[0] || !known[1]) {
		t.Errorf("the node of the event ran book.lua of this version: %t, of the later one: %t", known[0], known[1])
	}
	return err
}
