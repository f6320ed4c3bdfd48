package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestRepliesThatAreWrongAreErrors(t *testing.T) {
	for name, items := range map[string][]any{
		"empty":          {},
		"no word":        {int64(1), int64(2), int64(3)},
		"unknown word":   {"perhaps", int64(2), int64(3)},
		"too short":      {"promoted", int64(2)},
		"too long":       {"promoted", int64(2), int64(3), int64(4)},
		"string for int": {"promoted", "2", int64(3)},
		"nil":            {"promoted", nil, int64(3)},
	} {
		r, err := newReply("test", items)
		if err == nil {
			_, _ = r.integer(), r.integer()
			err = r.end("promoted", "idle")
		}
		if err == nil || !strings.Contains(err.Error(), "test.lua") {
			t.Errorf("%s: %v, want an error that names the script", name, err)
		}
	}
	if _, err := newReply("test", []any{"no_event", int64(0)}); !errors.Is(err, ErrEventNotFound) {
		t.Errorf("a refusal: %v", err)
	}
	r, err := newReply("test", []any{"found", []any{"x"}})
	if err != nil || len(r.list()) != 1 || r.end("found") != nil {
		t.Errorf("a list: %v, %v", err, r.err)
	}
	r, _ = newReply("test", []any{"found", "x"})
	if r.list(); r.end("found") == nil {
		t.Error("a string was taken for a list")
	}
}

func TestCallsAreHeldAgainstTheHeaders(t *testing.T) {
	s := &Store{batches: newBatcher()}
	if _, err := s.run(context.Background(), bookScript, []string{"one"}, 1, 2, 3, 4, 5); err == nil {
		t.Error("a call with too few keys was made")
	}
	if _, err := s.run(context.Background(), bookScript, []string{"one", "two"}, 1); err == nil {
		t.Error("a call with too few arguments was made")
	}
}

func TestOutagesAreToldFromMistakes(t *testing.T) {
	for text, want := range map[string]bool{
		"LOADING Redis is loading": true, "READONLY You can't write": true, "CLUSTERDOWN x": true,
		"TRYAGAIN x": true, "OOM command not allowed": true, "ERR max number of clients reached": true,
		"ERR wrong number of arguments": false, "WRONGTYPE x": false, "CORRUPT x": false,
	} {
		if got := isOutage(redisError(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if !isOutage(context.DeadlineExceeded) || !isOutage(errors.New("connection refused")) {
		t.Error("no reply at all must be an outage")
	}
	if isTransient(redisError("OOM x")) || !isTransient(redisError("LOADING x")) {
		t.Error("a full Redis is no passing outage, a loading one is")
	}
}

// redisError is an error reply of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

var _ redis.Error = redisError("")

// Promotions that are scheduled while they run are run once more: what they were scheduled
// for may have come too late for the run under way.
func TestScheduledPromotionIsNotLost(t *testing.T) {
	b := backgroundPromoter{running: map[uint64]bool{}}
	began, goOn := make(chan bool), make(chan bool)
	promote := func() {
		began <- true
		<-goOn
	}
	b.schedule(1, promote)
	<-began
	b.schedule(1, promote)
	b.schedule(1, promote)
	goOn <- true
	<-began // the second run, for both
	goOn <- true
	b.group.Wait()
	if len(b.running) != 0 {
		t.Errorf("still running: %v", b.running)
	}
}

func TestClosedStore(t *testing.T) {
	s, err := Open(context.Background(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// No deadline: it must not be taken for an outage that may pass.
	if _, err := s.Book(context.Background(), BookRequest{Event: EventNumber(1), User: "a", Quantity: 1}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("booked on a closed store: %v", err)
	}
}
