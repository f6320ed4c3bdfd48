package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary run as boxoffice itself.
const asProgram = "BOXOFFICE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// SIGHUP ends nothing, the first SIGTERM begins to drain, and the second ends at once.
func TestSignals(t *testing.T) {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(ctx, binary)
	process.Dir = t.TempDir() // without anybody's .env
	process.Env = append(os.Environ(), asProgram+"=1", "PORT=0", "DRAIN_DELAY=10m", "REDIS_ADDRS=", "REDIS_HOST=")
	log := &output{}
	process.Stderr = log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	for _, step := range []struct {
		signal os.Signal
		log    string
	}{{nil, "listening on"}, {syscall.SIGHUP, "SIGHUP: there is nothing to reload"}, {syscall.SIGTERM, "draining"}, {syscall.SIGTERM, ""}} {
		if step.signal != nil {
			if err := process.Process.Signal(step.signal); err != nil {
				t.Fatal(err)
			}
		}
		if step.log != "" {
			waitFor(t, log, step.log)
		}
	}
	err = <-ended
	exit, failed := errors.AsType[*exec.ExitError](err)
	if ctx.Err() != nil || !failed || exit.Sys() != syscall.WaitStatus(syscall.SIGTERM) {
		t.Errorf("ended with %v\n%s", err, log)
	}
}
