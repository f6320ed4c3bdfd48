package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"

	"boxoffice/loadtest/lab/audit"
	"boxoffice/loadtest/lab/probe"
	"boxoffice/loadtest/lab/report"
	"boxoffice/loadtest/lab/scenario"
	"boxoffice/loadtest/load"
	"boxoffice/loadtest/service"
)

// patience is how long a question before or after the load is repeated: longer than
// a cluster takes to recover.
const patience = time.Minute

// lab is one run.
type lab struct {
	*config
	output    io.Writer
	service   *service.Client
	generator *load.Generator
	collector *load.Collector
	live      *report.Live
	summary   *report.Summary
	audit     *audit.Result

	asked  int64      // bookings, during the load
	missed []string   // faults whose time never came
	mu     sync.Mutex // of summary.Marks and missed
	loaded time.Duration
	use    probe.Use
	good   *load.Measure // of a ramp: the steps that passed
}

// run does all of a run and writes the report. An error means that it never began.
func run(ctx context.Context, c *config, output io.Writer) (*report.Summary, error) {
	output = &lockedWriter{to: output}
	l := &lab{
		config: c, output: output,
		service: service.New(c.targets, c.timeout, patience),
		generator: load.New(load.Options{
			Targets: c.targets, Connections: c.connections, InFlight: c.inFlight, Timeout: c.timeout, Drain: c.timeout,
		}),
		audit: audit.NewResult(),
		use:   probe.Use{Complete: true},
		good:  load.NewMeasure(),
		summary: &report.Summary{
			Scenario: c.scenario.Name, About: c.scenario.About, Run: rand.Text()[:8], Started: time.Now().UTC(),
			Settings: c.given,
		},
	}
	defer l.generator.Close()
	l.collector = load.NewCollector(l.generator)
	l.live = &report.Live{Output: output}

	if err := l.askTargets(ctx); err != nil {
		return nil, err
	}
	if len(l.summary.Why) == 0 {
		if err := l.rounds(ctx); err != nil {
			return nil, err
		}
		l.judge()
	} else {
		l.summary.Verdict = report.Invalid
	}
	if err := l.summary.Write(c.out); err != nil {
		return nil, err
	}
	l.summary.Print(output, c.out)
	return l.summary, nil
}

// lockedWriter takes lines from the live view and from actions at the same time.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(line)
}

// askTargets asks the targets for their engine and version.
func (l *lab) askTargets(ctx context.Context) error {
	for _, target := range l.targets {
		ready, err := l.service.Ready(ctx, target)
		if err != nil {
			return err
		}
		l.summary.Targets = append(l.summary.Targets, report.Target{URL: target.URL, Engine: ready.Engine, Version: ready.Version})
		switch ready.Engine {
		case "embedded":
			l.summary.Why = append(l.summary.Why, target.URL+" runs on the embedded engine, which is no Redis: its speed and its safety say nothing")
		case "":
			l.summary.Notes = append(l.summary.Notes, target.URL+" does not say which engine it runs on")
		}
	}
	return nil
}

// rounds runs the scenario, in one round or in many, with an audit after each.
func (l *lab) rounds(ctx context.Context) error {
	length := l.settings.Duration
	if l.scenario.Round > 0 {
		length = min(length, l.scenario.Round)
	}
	fmt.Fprintf(l.output, "run %s: %s: %s\n", l.summary.Run, l.scenario.Name, l.scenario.About)
	// Counted as planned: a round may end a moment early, when nothing more is due.
	for left := l.settings.Duration; left > 0 && ctx.Err() == nil; left -= length {
		if err := l.round(ctx, min(length, left)); err != nil {
			if l.loaded == 0 {
				return err
			}
			l.summary.Why = append(l.summary.Why, err.Error())
			l.summary.Verdict = report.NotAudited
			return nil
		}
		if l.audit.BreachCount > 0 || l.scenario.Ramp {
			break
		}
	}
	if ctx.Err() != nil {
		l.summary.Notes = append(l.summary.Notes, "interrupted; what had been sent was audited")
	}
	return nil
}

// round makes new events, loads them, and audits them.
func (l *lab) round(ctx context.Context, length time.Duration) error {
	settings := l.settings
	settings.Duration = length
	made := &load.Ledger{}
	scenarioRun := &scenario.Run{Settings: settings, Service: l.service, ID: l.summary.Run + rand.Text()[:4]}
	scenarioRun.Build = func(ctx context.Context, what string, source load.Source, arrivals int64) error {
		made.Join(l.build(ctx, what, source, arrivals))
		return ctx.Err()
	}
	workload := l.scenario.New(scenarioRun)
	if err := workload.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare %s: %w", l.scenario.Name, err)
	}

	watched, err := probe.Start(ctx, l.targets, l.redis)
	if err != nil {
		return fmt.Errorf("-redis: %w", err)
	}
	if l.summary.Topology == nil {
		l.summary.Topology = watched.Nodes()
	}
	began := time.Now()
	if l.loaded == 0 {
		l.live.Start = float64(l.generator.Now()) / float64(time.Second)
		l.live.Length = l.settings.Duration.Seconds()
	}
	stopActions := l.act(ctx, workload, length)
	if l.scenario.Ramp {
		made.Join(l.ramp(ctx, workload))
	} else {
		made.Join(l.span(ctx, workload, load.Span{Rate: settings.Rate, Duration: length}))
	}
	stopActions()
	l.loaded += time.Since(began)

	// What follows must happen even if the run was interrupted.
	ctx = context.WithoutCancel(ctx)
	l.used(ctx, watched)
	fmt.Fprintf(l.output, "audit of %d requests ...\n", made.Len())
	if err := l.audit.Check(ctx, l.service, scenarioRun.TakeEvents(), made, l.timeout); err != nil {
		l.summary.Verdict = report.NotAudited
		l.summary.Why = append(l.summary.Why, err.Error())
	}
	return nil
}

// build sends requests as fast as answers come, to get the events into a state.
func (l *lab) build(ctx context.Context, what string, source load.Source, arrivals int64) *load.Ledger {
	fmt.Fprintf(l.output, "%s: %d requests ...\n", what, arrivals)
	began := time.Now()
	ledger := l.generator.Run(ctx, source, load.Span{Arrivals: arrivals})
	fmt.Fprintf(l.output, "%s: %.0f requests/s\n", what, float64(ledger.Len())/time.Since(began).Seconds())
	return ledger
}

// span loads for a time at a rate, and shows it.
func (l *lab) span(ctx context.Context, workload scenario.Workload, span load.Span) *load.Ledger {
	if pairs, ok := workload.(scenario.Pairs); ok {
		span.Paired = pairs.Paired
	}
	stop := l.collector.Collect(l.live.Show)
	ledger := l.generator.Run(ctx, workload, span)
	stop()
	for entry := range ledger.All {
		if entry.Kind == service.Book {
			l.asked++
		}
	}
	return ledger
}

// act starts the workload's actions, each at its time. The function that it returns
// waits for what has begun, and calls off what has not.
func (l *lab) act(ctx context.Context, workload scenario.Workload, length time.Duration) (stop func()) {
	actions, ok := workload.(scenario.Actions)
	if !ok {
		return func() {}
	}
	waiting, cancel := context.WithCancel(ctx)
	var acting sync.WaitGroup
	began := time.Now()
	// One after the other, also if one takes longer than the time to the next.
	acting.Go(func() {
		for _, action := range actions.Actions() {
			select {
			case <-waiting.Done():
			case <-time.After(time.Duration(action.At*float64(length)) - time.Since(began)):
			}
			// Asked again: if both had come, the choice was at random.
			if waiting.Err() != nil {
				l.miss(action)
				continue
			}
			at := l.loaded + time.Since(began)
			fmt.Fprintf(l.output, "%5.0fs ---- %s\n", at.Seconds(), action.Name)
			mark := report.Mark{At: at.Seconds(), Name: action.Name, Fault: action.Fault}
			if err := action.Do(ctx); err != nil {
				mark.Error = err.Error()
				fmt.Fprintf(l.output, "%5.0fs ---- %v\n", at.Seconds(), err)
			}
			l.mu.Lock()
			l.summary.Marks = append(l.summary.Marks, mark)
			l.mu.Unlock()
		}
	})
	return func() { cancel(); acting.Wait() }
}

// miss notes what was called off.
func (l *lab) miss(action scenario.Action) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if action.Fault {
		l.missed = append(l.missed, action.Name)
	}
}

func (l *lab) used(ctx context.Context, watched *probe.Probe) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	use, nodes := watched.Use(asking)
	l.use.Generator += use.Generator
	l.use.Service += use.Service
	l.use.Redis += use.Redis
	l.use.Complete = l.use.Complete && use.Complete
	l.summary.TopologyAfter = nodes
}
