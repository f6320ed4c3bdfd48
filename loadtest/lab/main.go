// Command lab sends load to boxoffice on a Redis Cluster, breaks the cluster in
// the middle if asked to, and proves at the end that nothing was sold twice or
// lost. See ../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// exitNotStarted is the exit code of a run that never began.
const exitNotStarted = 3

func main() {
	// The ledger is big and lives to the end: looking through it often buys nothing.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the run ends and is audited; a second one kills.
	context.AfterFunc(ctx, stop)
	code := start(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// start runs the command line and returns the exit code.
func start(ctx context.Context, args []string, output, errorOutput io.Writer) int {
	c, err := parse(ctx, args, errorOutput)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(errorOutput, "lab:", err)
		return exitNotStarted
	}
	summary, err := run(ctx, c, output)
	if err != nil {
		fmt.Fprintln(errorOutput, "lab:", err)
		return exitNotStarted
	}
	return summary.ExitCode()
}
