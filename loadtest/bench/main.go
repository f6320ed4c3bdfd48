// Command bench measures how close the booking path comes to the limits of HTTP and
// of Redis, on this machine in this run, and prints each figure with its target and
// what it was measured against. It starts its own servers on loopback.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"boxoffice/loadtest/chart"
)

func main() {
	limit := flag.Bool("serve-limit", false, "serve the limit of HTTP on a free port, as the benchmark does in a process of its own")
	quick := flag.Bool("quick", false, "a hundredth of the data and short runs: to see that it works, not for figures")
	only := flag.String("only", "",
		"only the parts whose names contain this: scripts, together, sizes, space, waitlist, http, holds, "+
			"and, only if named, prompt, expiry, overload, lists and durability")
	rounds := flag.Int("rounds", 0, "interleaved measurements of each figure, whose median counts; 0: 5, or 3 with -quick")
	span := flag.Duration("span", 0, "of one measurement over HTTP; 0: 3s, or 300ms with -quick")
	out := flag.String("out", "out/bench", "folder for bench.json and the plots")
	flag.Parse()
	if *limit {
		fatal(serveLimit(context.Background()))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{scale: full}
	if *quick {
		b.scale = small
	}
	if *rounds > 0 {
		b.rounds = *rounds
	}
	if *span > 0 {
		b.span = *span
	}
	fatal(b.run(ctx, *only, *out))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// scale is how much is measured.
type scale struct {
	rounds   int           // of interleaved measurements, whose median counts
	calls    int           // of a script, in one measurement
	million  int           // bookings of a big event, and of a long waiting list
	sizes    []int         // bookings of an event at which a booking's cost is measured
	hoarder  int           // bookings of the user who holds many
	span     time.Duration // of one measurement over HTTP
	idle     int           // connections
	parallel []int         // connections, for the plot
}

var (
	full = scale{
		rounds: 5, calls: 20_000, million: 1_000_000, sizes: []int{1_000, 10_000, 100_000, 1_000_000, 5_000_000},
		hoarder: 100_000, span: 3 * time.Second, idle: 10_000, parallel: []int{1, 4, 16, 64, 256, 1024},
	}
	small = scale{
		rounds: 3, calls: 2_000, million: 10_000, sizes: []int{1_000, 10_000, 50_000},
		hoarder: 1_000, span: 300 * time.Millisecond, idle: 100, parallel: []int{1, 16, 64},
	}
)

// figure is a row of the table.
type figure struct {
	What    string  `json:"what"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Target  float64 `json:"target"`
	AtLeast bool    `json:"atLeast"` // else: at most
	Basis   string  `json:"basis"`   // what it was measured against, with its own figures
}

func (f figure) met() bool {
	if f.AtLeast {
		return f.Value >= f.Target
	}
	return f.Value <= f.Target
}

// bench collects figures.
type bench struct {
	scale
	Machine string    `json:"machine"`
	Figures []figure  `json:"figures"`
	Sizes   []point   `json:"costBySize"`        // bookings, microseconds
	Limit   []point   `json:"limitByConnection"` // connections, requests a second
	Service []point   `json:"serviceByConnection"`
	Ended   time.Time `json:"ended"`
}

type point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func (b *bench) run(ctx context.Context, only, out string) error {
	began := time.Now()
	b.Machine = machine()
	fmt.Printf("%s\n\n", b.Machine)
	parts := []struct {
		name  string
		run   func(context.Context) error
		named bool // only runs when it is asked for
	}{
		{"scripts", b.scripts, false},
		{"together", b.together, false},
		{"sizes", b.bySize, false},
		{"space", b.space, false},
		{"waitlist", b.waitlist, false},
		{"http", b.http, false},
		{"holds", b.holds, false},
		{"prompt", b.prompt, true},
		{"expiry", b.expiry, true},
		{"overload", b.overload, true},
		{"lists", b.lists, true},
		{"durability", b.durability, true},
	}
	var failed error
	for _, part := range parts {
		if !strings.Contains(part.name, only) || part.named && only == "" {
			continue
		}
		if err := part.run(ctx); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", part.name, err))
			fmt.Printf("FAILED  %s: %v\n", part.name, err)
		}
	}
	b.Ended = time.Now()
	fmt.Printf("\n%d figures in %s\n", len(b.Figures), time.Since(began).Round(time.Second))
	return errors.Join(failed, b.write(out))
}

// add prints a figure and keeps it.
func (b *bench) add(f figure) {
	verdict, sign := "ok  ", "at most"
	if f.AtLeast {
		sign = "at least"
	}
	if !f.met() {
		verdict = "MISS"
	}
	fmt.Printf("%s  %-58s %8.2f %-2s %s %g\n      %s\n", verdict, f.What, f.Value, f.Unit, sign, f.Target, f.Basis)
	b.Figures = append(b.Figures, f)
}

func (b *bench) write(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	files := map[string]string{"bench.json": string(text) + "\n"}
	charts := map[string]*chart.Chart{}
	if len(b.Sizes) > 0 {
		charts["cost-by-size.svg"] = plot("Redis CPU of a booking, by size of the event", "bookings in the event", "µs a booking",
			series{"book.lua", orange, b.Sizes})
	}
	if len(b.Service) > 0 {
		charts["throughput.svg"] = plot("Throughput, by number of connections", "connections", "requests a second",
			series{"limit of HTTP (L1)", grey, b.Limit}, series{"bookings accepted", orange, b.Service})
	}
	for name, one := range charts {
		text, err := one.File()
		if err != nil {
			return err
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("written to %s\n", out)
	return nil
}

func machine() string {
	name := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(key, "model name") {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d x %s, %s, %s/%s", runtime.NumCPU(), name, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
