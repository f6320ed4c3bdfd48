package conn

import (
	"context"
	"errors"
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
}

// redisError is an error reply of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

var _ redis.Error = redisError("")
