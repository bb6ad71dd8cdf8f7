// Command bench measures what the design promises in figures, on real
// processes and from outside: bin/linkage as broker and agents, members that
// speak the wire by themselves, and plain JetStream doing the same durable work
// beside us.
//
// It prints each row as it comes and writes docs/benchmarks.md at the end. What
// limits a row is read off profiles by a person and stands in rows.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	binary   string // linkage
	dir      string // everything that is written, removed at the end
	profiles string // where profiles are kept; "" for none
	quick    bool
	scale    float64 // of the full size
	repeat   int     // how often what can be repeated is
	out      io.Writer

	mu        sync.Mutex // guards processes
	processes []*process
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 2 && args[0] == plainCommand {
		return servePlain(ctx, args[1])
	}
	b := &bench{out: out}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("rows", ".", "measure the rows whose name matches")
	document := flags.String("write", "docs/benchmarks.md", "the page to write; empty for none")
	keep := flags.String("dir", "", "where to put the data: the disk that is measured (default the system's temporary directory)")
	flags.StringVar(&b.binary, "linkage", "bin/linkage", "the program to measure")
	flags.StringVar(&b.profiles, "profiles", "", "keep profiles of the processor in this directory")
	flags.BoolVar(&b.quick, "quick", false, "all rows at a small size, in about two minutes: shows that they run, says nothing about speed")
	flags.Float64Var(&b.scale, "scale", 1, "measure at a part of the full size, such as 0.2")
	flags.IntVar(&b.repeat, "repeat", 3, "how often to repeat what can be repeated")
	if err := flags.Parse(args); err != nil {
		return err
	}
	choice, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if b.binary, err = filepath.Abs(b.binary); err == nil {
		_, err = exec.LookPath(b.binary)
	}
	if err != nil {
		return fmt.Errorf("no program to measure: %w; run `make build` first", err)
	}
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o750); err != nil {
			return err
		}
	}
	if b.dir, err = os.MkdirTemp(*keep, "bench-"); err != nil {
		return err
	}
	defer func() {
		b.endAll()
		_ = os.RemoveAll(b.dir) // our own temporary directory
	}()
	if b.quick {
		b.repeat, b.scale = 1, 0
	}
	where := b.look(ctx)
	results, err := b.measure(ctx, choice)
	if *document != "" && len(results) > 0 {
		err = errors.Join(err, writeDocument(*document, where, results))
	}
	return err
}

// measure runs the rows that are asked for, one after the other, and says why
// the others were not.
func (b *bench) measure(ctx context.Context, choice *regexp.Regexp) ([]result, error) {
	var results []result
	var errs error
	for _, r := range rows {
		switch {
		case !choice.MatchString(r.name):
			results = append(results, result{row: r, missing: "not asked for in this run"})
			continue
		case r.missing != "":
			results = append(results, result{row: r, missing: r.missing})
			b.note("%-18s not run: %s", r.name, r.missing)
			continue
		case ctx.Err() != nil:
			return results, errors.Join(errs, ctx.Err())
		}
		start := time.Now()
		figures, err := r.measure(ctx, b)
		b.endAll()
		if err != nil {
			errs = errors.Join(errs, fmt.Errorf("%s: %w", r.name, err))
			results = append(results, result{row: r, missing: "it failed: " + firstWords(err)})
			b.note("%-18s FAILED: %v", r.name, err)
			continue
		}
		results = append(results, result{row: r, figures: figures})
		for _, f := range figures {
			b.note("%-18s %s: %s%s", r.name, f.what, f.value, f.remark())
		}
		b.note("%-18s took %s", "", time.Since(start).Round(time.Second))
	}
	return results, errs
}

// endAll ends the processes that a row left running.
func (b *bench) endAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.processes {
		p.kill()
	}
	b.processes = nil
}

func (b *bench) note(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// size is a count at full size, or at the part of it that is asked for, but not
// below a quick run's.
func (b *bench) size(full, quick int) int { return max(quick, int(float64(full)*b.scale)) }
