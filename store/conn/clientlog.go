package conn

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ClientLog sends what the Redis client library has to say to write, instead of to
// standard error. The library has one logger for the whole process.
func ClientLog(write func(message string)) { redis.SetLogger(clientLog(write)) }

type clientLog func(string)

// Printf is what the library calls.
func (write clientLog) Printf(_ context.Context, format string, args ...any) {
	write(fmt.Sprintf(format, args...))
}
