package conn

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestOutagesAreToldFromMistakes(t *testing.T) {
	for text, want := range map[string]bool{
		"LOADING Redis is loading": true, "READONLY You can't write": true, "CLUSTERDOWN x": true,
		"TRYAGAIN x": true, "OOM command not allowed": true, "ERR max number of clients reached": true,
		"ERR ACL failure in script: x":  true,
		"ERR wrong number of arguments": false, "WRONGTYPE x": false, "CORRUPT x": false,
	} {
		if got := isOutage(redisError(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if !isOutage(context.DeadlineExceeded) || !isOutage(errors.New("connection refused")) {
		t.Error("no reply at all must be an outage")
	}
	for _, text := range []string{"notanumber", "", "99999999999999999999"} { // a reply was there, and stays the same
		_, err := redis.NewStringResult(text, nil).Int64()
		if err == nil || isOutage(fmt.Errorf("outer: %w", err)) {
			t.Errorf("%q is no number, and taken for an outage: %v", text, err)
		}
	}
	for text, want := range map[string]bool{
		"WRONGTYPE Operation against a key": true, "ERR Error compiling script: :28: WRONGTYPE Operation": true, "ERR x": false,
	} {
		if got := IsWrongType(fmt.Errorf("outer: %w", redisError(text))); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if IsWrongType(errors.New("WRONGTYPE x")) || IsWrongType(nil) {
		t.Error("what is no reply is taken for one")
	}
}

// redisError is an error reply of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

var _ redis.Error = redisError("")
