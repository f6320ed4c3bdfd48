package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/redis/go-redis/v9"

	"boxoffice/loadtest/lab/probe"
	"boxoffice/loadtest/lab/scenario"
	"boxoffice/loadtest/service"
)

// config is what the command line says.
type config struct {
	scenario scenario.Scenario
	targets  []service.Target
	redis    []*redis.Options
	settings scenario.Settings

	connections int
	inFlight    int64
	timeout     time.Duration
	out         string
	maxLag      time.Duration
	maxDrops    float64
	maxErrors   float64
	p99Limit    time.Duration
	step        time.Duration
	round       time.Duration

	given map[string]string // every setting, as text
}

const usageText = `lab sends load to boxoffice, and proves afterwards that nothing was sold twice
or lost.

Usage: go run ./loadtest/lab -scenario flash-sale -target http://127.0.0.1:3000 -rate 5000 -duration 30s -out out/

Exit codes: 0 all is well, 1 a rule was broken (or could not be checked), 2 the run is
invalid and its numbers say nothing about the service, 3 it could not be started.

Scenarios:
`

// words are settings that are parsed further.
type words struct{ scenario, targets, redis, faults string }

// flagSet returns the flags, which write to c and w.
func (c *config) flagSet(w *words, output io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&w.scenario, "scenario", "flash-sale", "what to do, see above")
	flags.StringVar(&w.targets, "target", "http://127.0.0.1:3000", "base `URLs` of service instances, with commas")
	flags.StringVar(&w.redis, "redis", os.Getenv("REDIS_ADDRS"),
		"`addresses` of Redis (host:port or redis:// URLs, with commas) to read topology and CPU from;\n"+
			"default: $REDIS_ADDRS, or what -cluster says")
	flags.Float64Var(&c.settings.Rate, "rate", 1000, "requests a second; 0 = the closed model: as fast as answers come")
	flags.DurationVar(&c.settings.Duration, "duration", 30*time.Second, "of the load")
	flags.IntVar(&c.connections, "connections", 0,
		"requests on the wire at once, at most; 0 = 128, or 1024 for failover,\n"+
			"where requests to the healthy shards must not wait behind those to a dead one")
	flags.Int64Var(&c.inFlight, "in-flight", 0, "requests due and not answered, at most; more are dropped; 0 = ten seconds' worth")
	flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "of an answer; longer than the service's own, so that it can say 503")
	flags.StringVar(&c.out, "out", "out", "`folder` for summary.json and report.html")
	flags.DurationVar(&c.maxLag, "max-lag", 25*time.Millisecond, "p99 of the generator's lag above which the run is invalid")
	flags.Float64Var(&c.maxDrops, "max-drops", 0.01, "part of the requests that may be dropped before the run is invalid")
	flags.Float64Var(&c.maxErrors, "max-errors", -1,
		"part of the requests that may end unknown, failed or not sent before the run is invalid;\n"+
			"-1 = 0.01, or 0.25 for failover, where a dead shard cannot answer")
	flags.Int64Var(&c.settings.Tickets, "tickets", 0, "of each event; 0 = the scenario's choice")
	flags.IntVar(&c.settings.Events, "events", 0, "how many; 0 = the scenario's choice")
	flags.Int64Var(&c.settings.Waitlist, "waitlist", 0, "waitlist-storm: bookings that wait before it starts; 0 = a million")
	flags.DurationVar(&c.p99Limit, "p99-limit", 100*time.Millisecond, "ramp: stop when the p99 response time passes it")
	flags.DurationVar(&c.step, "step", 5*time.Second, "ramp: of each rate")
	flags.DurationVar(&c.round, "round", time.Minute, "soak: audit and start with new events this often")
	flags.StringVar(&c.settings.ClusterScript, "cluster", "",
		"`script` such as loadtest/cluster.sh: failover breaks the cluster with it, and -redis is read from it")
	flags.StringVar(&w.faults, "faults", "kill-master,pause-master,reshard", "failover: `commands` for the script, in order, with commas")
	flags.Usage = func() {
		fmt.Fprint(output, usageText)
		table := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
		for _, one := range scenario.All() {
			fmt.Fprintf(table, "  %s\t%s\n", one.Name, one.About)
		}
		_ = table.Flush()
		fmt.Fprint(output, "\nFlags:\n")
		flags.PrintDefaults()
	}
	return flags
}

// parse reads the command line. Help that was asked for is flag.ErrHelp.
func parse(ctx context.Context, args []string, output io.Writer) (*config, error) {
	c := &config{given: make(map[string]string)}
	var w words
	flags := c.flagSet(&w, output)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unknown argument %q; see lab -h", flags.Arg(0))
	}

	var err error
	if c.scenario, err = scenario.Named(w.scenario); err != nil {
		return nil, err
	}
	for _, text := range list(w.targets) {
		target, err := service.ParseTarget(text)
		if err != nil {
			return nil, err
		}
		c.targets = append(c.targets, target)
	}
	if w.redis == "" && c.settings.ClusterScript != "" {
		addrs, err := exec.CommandContext(ctx, c.settings.ClusterScript, "addrs").Output()
		if err != nil {
			return nil, fmt.Errorf("%s addrs: %w", c.settings.ClusterScript, err)
		}
		w.redis = string(addrs)
	}
	if c.redis, err = probe.ParseRedis(w.redis); err != nil {
		return nil, errors.New("-redis is not a list of addresses") // the cause may hold a password
	}
	c.complete(list(w.faults))
	flags.VisitAll(func(f *flag.Flag) {
		if f.Name != "redis" { // it may hold a password; the topology shows the addresses
			c.given[f.Name] = f.Value.String()
		}
	})
	return c, c.check()
}

// complete fills in what depends on the scenario and on other settings.
func (c *config) complete(faults []string) {
	if c.scenario.Name == "failover" {
		c.settings.Faults = faults
	}
	if c.connections == 0 {
		c.connections = 128
		if c.scenario.Name == "failover" {
			c.connections = 1024
		}
	}
	if c.maxErrors < 0 {
		c.maxErrors = 0.01
		if c.scenario.Name == "failover" {
			c.maxErrors = 0.25
		}
	}
	if c.scenario.Round > 0 {
		c.scenario.Round = c.round
	}
	if c.inFlight == 0 {
		const seconds = 10
		c.inFlight = max(int64(seconds*c.settings.Rate), int64(c.connections))
	}
}

func (c *config) check() error {
	switch {
	case len(c.targets) == 0:
		return errors.New("-target names no instance")
	case c.settings.Rate < 0:
		return errors.New("-rate is negative")
	case c.settings.Duration <= 0 || c.timeout <= 0 || c.step <= 0 || c.round <= 0:
		return errors.New("-duration, -timeout, -step and -round must be positive")
	case c.connections < len(c.targets):
		return errors.New("-connections must be at least one for each target")
	case c.scenario.Ramp && c.settings.Rate == 0:
		return errors.New("ramp needs a -rate to start with")
	case c.settings.Tickets < 0 || c.settings.Events < 0 || c.settings.Waitlist < 0 || c.inFlight < 0:
		return errors.New("-tickets, -events, -waitlist and -in-flight must not be negative")
	}
	return nil
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
