package main

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"boxoffice/store/redistest"
)

func TestFlushedIsWhatWasWrittenBeforeTheFlushBegan(t *testing.T) {
	const ours, other = "8</tmp/d/appendonlydir/appendonly.aof.1.incr.aof>", "9</tmp/d/appendonlydir/appendonly.aof.manifest>"
	for name, c := range map[string]struct {
		calls string
		want  int64
	}{
		"nothing":         {"", 0},
		"no flush":        {"1 write(" + ours + `, ""..., 50) = 50` + "\n", 0},
		"a flush":         {"1 write(" + ours + `, ""..., 50) = 50` + "\n1 fdatasync(" + ours + ") = 0\n", 50},
		"another file's":  {"1 write(" + ours + `, ""..., 50) = 50` + "\n1 fdatasync(" + other + ") = 0\n", 0},
		"a failed one":    {"1 write(" + ours + `, ""..., 50) = 50` + "\n1 fdatasync(" + ours + ") = -1 EIO (Input/output error)\n", 0},
		"a partial write": {"1 write(" + ours + `, ""..., 50) = 20` + "\n1 fsync(" + ours + ") = 0\n", 20},
		"of another thread, with a write meanwhile": {
			"1 write(" + ours + `, ""..., 50) = 50` + "\n" +
				"22 fdatasync(" + ours + " <unfinished ...>\n" +
				"1 write(" + ours + `, ""..., 7 <unfinished ...>` + "\n" +
				"22 <... fdatasync resumed>) = 0\n" +
				"1 <... write resumed>) = 7\n", 50,
		},
		"that the kill cut off": {
			"1 write(" + ours + `, ""..., 50) = 50` + "\n1 fdatasync(" + ours + " <unfinished ...>\n1 +++ killed by SIGKILL +++\n", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := flushed(c.calls); err != nil || got != c.want {
				t.Errorf("flushed = %d, %v, want %d", got, err, c.want)
			}
		})
	}
}

// With appendfsync no, all that was acknowledged is lost: so the cut is one.
func TestAPowerCutTakesWhatWasNotFlushed(t *testing.T) {
	redistest.Require(t)
	if err := straceInstalled(); err != nil && os.Getenv(requireStrace) == "" {
		t.Skip(err)
	}
	ctx := context.Background()
	for appendfsync, want := range map[string]int64{"always": 1, "no": 0} {
		t.Run(appendfsync, func(t *testing.T) {
			p, err := startPowered("--appendfsync", appendfsync)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.stop)
			for cut := range 2 {
				err := ask(p.Server, func(client *redis.Client) error { return client.Incr(ctx, "kept").Err() })
				if err != nil {
					t.Fatal(err)
				}
				if err := p.cutPower(ctx); err != nil {
					t.Fatal(err)
				}
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				err = ask(p.Server, func(client *redis.Client) error {
					kept, err := client.Get(ctx, "kept").Int64()
					if err != nil && !errors.Is(err, redis.Nil) {
						return err
					}
					if want := want * int64(cut+1); kept != want {
						t.Errorf("after cut %d: %d increments were kept, want %d", cut+1, kept, want)
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
