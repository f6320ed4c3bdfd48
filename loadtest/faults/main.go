// Command faults breaks what boxoffice stands on, again and again, while clients book,
// and proves after each round that nothing acknowledged was lost, nothing was done twice
// and no ticket was sold twice. Its last lines are a table; it exits with 1 if anything
// is wrong.
//
// It starts Redis servers, clusters, sentinels and instances of the service itself, on
// free loopback ports, and ends them again.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"boxoffice/store"
	"boxoffice/store/redistest"
	"boxoffice/store/verify"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := faults(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// lab is one run of the program.
type lab struct {
	seed      uint64
	short     bool
	only      string
	boxoffice string // path of the service's binary
	runbook   string // path of operations.md, whose steps some faults follow
	output    io.Writer
	rows      []row
	failed    []string // commands that run again what failed
	omitted   []string // what was not run, and why
}

// row is a line of the table.
type row struct {
	fault string
	findings
	outageLimit time.Duration
}

// late reports whether bookings stood still for longer than they may.
func (r row) late() bool {
	return tooLong(r.outage, r.outageLimit) || tooLong(r.elsewhere, elsewhereLimit)
}

func tooLong(outage, limit time.Duration) bool { return limit > 0 && outage > limit }

// suites are the faults, by what they need running.
var suites = []struct {
	name string
	run  func(ctx context.Context, l *lab) error
}{
	{"embedded", embeddedFaults},
	{"redis", redisFaults},
	{"power", powerFaults},
	{"network", networkFaults},
	{"service", serviceFaults},
	{"cluster", clusterFaults},
	{"cluster: an event moves", moveFaults},
	{"sentinel", sentinelFaults},
	{"replica", replicaFaults},
}

var errFaults = errors.New("something was lost, doubled, oversold, against the rules or away for too long: see above")

func faults(ctx context.Context, args []string, output io.Writer) error {
	l := &lab{output: output}
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.Uint64Var(&l.seed, "seed", uint64(time.Now().UnixNano())%1_000_000, "of all that is random: which calls, which moments")
	flags.BoolVar(&l.short, "short", false, "fewer rounds: about three minutes instead of ten")
	flags.StringVar(&l.only, "only", "", "only faults whose name begins so, as in 'redis' or 'cluster: paused'")
	flags.StringVar(&l.boxoffice, "boxoffice", "../../out/boxoffice", "the service's binary, see make build")
	flags.StringVar(&l.runbook, "operations", "../../docs/operations.md", "the page whose steps move an event")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if err := sayServer(ctx, output); err != nil {
		return err
	}
	fmt.Fprintf(output, "seed %d\n", l.seed)
	store.ClientLog(func(string) {}) // of lost connections: they are the point
	begun := time.Now()
	for _, suite := range suites { // those with a name that -only begins with, or that begins with it
		if !strings.HasPrefix(l.only, suite.name) && !strings.HasPrefix(suite.name, l.only) {
			continue
		}
		if err := suite.run(ctx, l); err != nil {
			return fmt.Errorf("%s, seed %d: %w", suite.name, l.seed, err)
		}
	}
	if len(l.rows) == 0 && len(l.omitted) == 0 {
		return fmt.Errorf("no fault has a name that begins with %q", l.only)
	}
	for _, again := range l.failed {
		fmt.Fprintln(output, "FAILED, to run it again:", again)
	}
	fmt.Fprintf(output, "\nseed %d, %s\n\n", l.seed, time.Since(begun).Round(time.Second))
	for _, reason := range l.omitted {
		fmt.Fprintln(output, "not run,", reason)
	}
	l.table()
	if len(l.failed) > 0 {
		return errFaults
	}
	return nil
}

// sayServer prints which server is tested.
func sayServer(ctx context.Context, output io.Writer) error {
	binary, err := redistest.Binary()
	if err != nil {
		return err
	}
	version, err := exec.CommandContext(ctx, binary, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", binary, err)
	}
	fmt.Fprintf(output, "%s\n", bytes.TrimSpace(version))
	return nil
}

// maxDetails of a fault are printed.
const maxDetails = 10

// inflict makes the rounds of each fault, and at the end checks the whole books.
func (l *lab) inflict(ctx context.Context, list ...fault) error {
	for _, f := range list {
		if !strings.HasPrefix(f.name, l.only) && !strings.HasPrefix(l.only, f.name) {
			continue
		}
		rounds := f.rounds
		if l.short {
			rounds = f.short
		}
		sum := row{fault: f.name, outageLimit: f.outageLimit}
		begun := time.Now()
		for i := range rounds {
			found, err := f.run(ctx, rand.New(rand.NewPCG(l.seed, roundSeed(f.name, i))))
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", f.name, i+1, err)
			}
			sum.add(found)
		}
		if rounds == 0 {
			continue
		}
		if err := verifyAll(ctx, f.books, &sum.findings); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		for _, detail := range sum.details[:min(len(sum.details), maxDetails)] {
			fmt.Fprintf(l.output, "  BREACH %s\n", detail)
		}
		fmt.Fprintf(l.output, "%-45s %2d rounds, %6d operations, %4d unknown, %s\n", f.name, rounds, sum.operations, sum.unknown,
			time.Since(begun).Round(time.Second))
		l.rows = append(l.rows, sum)
		if sum.bad() || sum.late() && !l.short { // the short run is made on busy machines: it only says so
			l.failed = append(l.failed, fmt.Sprintf("go run . -seed %d -only '%s'", l.seed, f.name))
		}
	}
	return nil
}

// roundSeed gives each round random numbers of its own, whatever else runs.
func roundSeed(name string, round int) uint64 {
	hash := fnv.New64a()
	fmt.Fprint(hash, name, round)
	return hash.Sum64()
}

// verifyAll checks all events of all rounds so far, and the numbers of events.
func verifyAll(ctx context.Context, books *store.Store, f *findings) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	report := func(breach verify.Breach) {
		count := &f.others
		if breach.Rule == verify.RuleLost {
			count = &f.lost
		}
		f.countf(count, 1, "%s", breach)
	}
	var failed error
	_, err := books.Verifier().All(ctx, report, func(v verify.Result, err error) {
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("event %d: %w", v.Event, err))
		}
	})
	return errors.Join(err, failed)
}

// table prints what docs/reliability.md shows.
func (l *lab) table() {
	fmt.Fprintln(l.output, "| fault | rounds | operations | acknowledged, lost | bookings doubled | tickets oversold "+
		"| other breaches | longest outage | elsewhere |")
	fmt.Fprintln(l.output, "|---|---|---|---|---|---|---|---|---|")
	var sum findings
	for _, row := range l.rows {
		l.printRow(row)
		sum.add(row.findings)
	}
	l.printRow(row{fault: "**all**", findings: sum})
}

func (l *lab) printRow(row row) {
	elsewhere := "-"
	if row.elsewhere > 0 {
		elsewhere = seconds(row.elsewhere, elsewhereLimit)
	}
	fmt.Fprintf(l.output, "| %s | %d | %d | %d | %d | %d | %d | %s | %s |\n", row.fault, row.rounds, row.operations,
		row.lost, row.doubled, row.oversold, row.others, seconds(row.outage, row.outageLimit), elsewhere)
}

// seconds shows how long an outage was, and whether that is too long.
func seconds(outage, limit time.Duration) string {
	text := fmt.Sprintf("%.2f s", outage.Seconds())
	if tooLong(outage, limit) {
		text += fmt.Sprintf(" (more than %s)", limit)
	}
	return text
}
