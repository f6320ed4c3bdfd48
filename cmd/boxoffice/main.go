// Command boxoffice is an event-ticket booking service over HTTP, on Redis.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // before the drain begins: a second Ctrl-C ends one that takes too long
		cancel()
	}()
	err := boxoffice(ctx, os.Args[1:], os.Stderr)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "boxoffice:", err)
		os.Exit(1)
	}
}

// boxoffice reads the command line and the settings, and runs the command: it serves until
// ctx ends, verifies, makes a key, or checks the health of an instance.
func boxoffice(ctx context.Context, args []string, output io.Writer) error {
	flags := flag.NewFlagSet("boxoffice", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() {
		usage(output)
		fmt.Fprint(output, verifyUsage, healthUsage)
	}
	if len(args) > 0 && args[0] == "key" {
		return makeKey(args[1:], os.Stdout)
	}
	command := ""
	if len(args) > 0 && (args[0] == "verify" || args[0] == "health") {
		command, args = args[0], args[1:]
	}
	textfile := ""
	if command == "verify" {
		flags.StringVar(&textfile, "textfile", "", "file to write the result to, for the textfile collector of Prometheus's node_exporter")
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0 && command != "verify":
		return fmt.Errorf("unknown argument %q; see boxoffice -h", flags.Arg(0))
	}
	config, err := readConfig(".env")
	if err != nil {
		return err
	}
	switch command {
	case "verify":
		return runVerify(ctx, config, textfile, flags.Args(), os.Stdout, output)
	case "health":
		return health(ctx, config, os.Stdout)
	default:
		return run(ctx, config, output, nil)
	}
}
