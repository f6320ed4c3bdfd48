package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
)

// A power cut takes more than a kill -9 does: what Redis had written, and not yet flushed,
// is gone with the machine's memory. strace shows which writes were flushed in time, and
// the others are cut off the append-only file. A disk that lies about what it has flushed
// is compensated for neither here nor by Redis.

// powered is a Redis whose power can be cut.
type powered struct {
	*redistest.Server
	dir   string
	began int64 // bytes in the append-only file when Redis started
}

// startPowered starts one. strace slows Redis down in the calls that it looks at only.
func startPowered(settings ...string) (*powered, error) {
	dir, err := os.MkdirTemp("", "faults-power-")
	if err != nil {
		return nil, err
	}
	p := &powered{dir: dir}
	strace := []string{
		"strace", "-D", "-f", "-y", "-s", "0", "--seccomp-bpf", "-e", "trace=write,fsync,fdatasync", "-o", p.trace(),
	}
	// A file that is rewritten would have another name.
	settings = slices.Concat([]string{"--dir", dir, "--auto-aof-rewrite-percentage", "0"}, settings)
	if p.Server, err = redistest.StartUnder(strace, settings...); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

func (p *powered) stop() {
	p.Stop()
	_ = os.RemoveAll(p.dir)
}

const appendOnlyFile = "appendonly.aof.1.incr.aof"

func (p *powered) trace() string { return filepath.Join(p.dir, "strace.log") }
func (p *powered) file() string  { return filepath.Join(p.dir, "appendonlydir", appendOnlyFile) }

// cutPower ends Redis and takes away what it had not flushed.
func (p *powered) cutPower(ctx context.Context) error {
	p.Kill()
	var calls []byte
	err := until(ctx, "the end of strace", func(context.Context) (err error) {
		if calls, err = os.ReadFile(p.trace()); err == nil && !bytes.Contains(calls, []byte("+++ killed by SIGKILL +++")) {
			err = errors.New("it has not reported the kill")
		}
		return err
	})
	if err != nil {
		return err
	}
	more, err := flushed(string(calls))
	if err != nil {
		return err
	}
	p.began += more
	return os.Truncate(p.file(), p.began)
}

// call is a line of strace: a call as a whole, its begin or its end.
var call = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(write|fsync|fdatasync)(?: resumed>|\(\d+<([^>]*)>).*?(<unfinished \.\.\.>|= -?\d+)`)

// flushed returns how many bytes of what was written to the append-only file were flushed
// to disk. A flush takes what was written before it began.
func flushed(calls string) (durable int64, err error) {
	type begun struct {
		ours    bool
		written int64
	}
	open := map[string]begun{} // by thread
	written := int64(0)
	for line := range strings.Lines(calls) {
		found := call.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		thread, name, file, end := found[1], found[2], found[3], found[4]
		if file != "" {
			open[thread] = begun{filepath.Base(file) == appendOnlyFile, written}
		}
		if !open[thread].ours || strings.HasPrefix(end, "<") {
			continue
		}
		result, err := strconv.ParseInt(strings.TrimPrefix(end, "= "), 10, 64)
		switch {
		case err != nil:
			return 0, fmt.Errorf("strace wrote %q: %w", line, err)
		case result < 0:
		case name == "write":
			written += result
		default:
			durable = max(durable, open[thread].written)
		}
	}
	return durable, nil
}

// requireStrace is the variable of the environment that makes a missing strace an error.
const requireStrace = "REQUIRE_STRACE"

func straceInstalled() error {
	_, err := exec.LookPath("strace")
	return err
}

// powerFaults affect the machine of a single Redis, with everything on it.
func powerFaults(ctx context.Context, l *lab) error {
	if err := straceInstalled(); err != nil && os.Getenv(requireStrace) == "" {
		l.omitted = append(l.omitted, fmt.Sprintf("power: %s", err))
		return nil
	}
	err := l.cutPower(ctx, fsyncAlways, store.Config{ReadTimeout: readTimeout},
		fault{name: "power: cut", rounds: 6, short: 2, load: 2500 * time.Millisecond})
	if err != nil {
		return err
	}
	// The disk is flushed once a second, and what waits for it is acknowledged then. Until
	// then a status shows what the cut takes away.
	synced := store.Config{AckSynced: true, AckTimeout: 1500 * time.Millisecond, ReadTimeout: 2 * time.Second}
	err = l.cutPower(ctx, []string{"--appendfsync", "everysec"}, synced, fault{
		name: "power: cut, DURABILITY=synced", rounds: 6, short: 2, load: 6 * time.Second, dirtyReads: true,
		patience: func(*rand.Rand) time.Duration { return 4 * time.Second },
	})
	if errors.Is(err, store.ErrCannotSync) {
		l.omitted = append(l.omitted, fmt.Sprintf("power: cut, DURABILITY=synced: %s", err))
		return nil
	}
	return err
}

// cutPower cuts the power of a Redis with these settings, twice a round of the fault.
func (l *lab) cutPower(ctx context.Context, settings []string, config store.Config, f fault) error {
	p, err := startPowered(settings...)
	if err != nil {
		return err
	}
	defer p.stop()
	config.Addrs = []string{p.Addr}
	books, err := openStore(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }()
	f.books = books
	f.inject = func(ctx context.Context, r *round) error {
		for range 2 {
			r.moment(ctx, f.load/4)
			if err := p.cutPower(ctx); err != nil {
				return err
			}
			r.moment(ctx, 300*time.Millisecond)
			if err := p.Run(); err != nil {
				return err
			}
		}
		return nil
	}
	return l.inflict(ctx, f)
}
