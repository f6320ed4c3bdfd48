package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
)

// The reasons are a fixed set of words, whatever Redis or the network says.
func TestReasonIsOneWord(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{redisError("LOADING Redis is loading the dataset in memory"), "LOADING"},
		{fmt.Errorf("wrapped: %w", redisError("NOREPLICAS Not enough good replicas to write.")), "NOREPLICAS"},
		{redisError("ERR user ann is in the way"), "error"},
		{redisError("ann"), "error"},
		{redis.ErrPoolTimeout, "pool"},
		{fmt.Errorf("%w: 0 of 1 replicas", errUnacknowledged), "unacknowledged"},
		{fmt.Errorf("%w: wait: %w", errUnacknowledged, redisError("NOPERM x")), "NOPERM"},
		{fmt.Errorf("%w: wait: %w", errUnacknowledged, os.ErrDeadlineExceeded), "timeout"},
		{fmt.Errorf("%w: wait: %w", errUnacknowledged, io.EOF), "connection"},
		{context.Canceled, "cancelled"},
		{fmt.Errorf("wrapped: %w", context.DeadlineExceeded), "timeout"},
		{os.ErrDeadlineExceeded, "timeout"},
		{io.EOF, "connection"},
		{errors.New("dial tcp 10.0.0.1:6379: connection refused"), "connection"},
	} {
		if got := reasonOf(c.err); got != c.want {
			t.Errorf("%v is told as %q, want %q", c.err, got, c.want)
		}
	}
}
