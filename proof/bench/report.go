package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one line of what is to be reached.
type row struct {
	name   string // on the command line
	what   string
	target string
	// limits says what the profiles show to be in the way, for people.
	limits string
	// missing says why a row cannot be measured yet.
	missing string
	measure func(context.Context, *bench) ([]figure, error)
}

// figure is one measured value.
type figure struct {
	what, value string
	spread      string // over the repetitions
	met         *bool  // whether the target is reached; nil if there is none
}

func (f figure) remark() string {
	text := ""
	if f.spread != "" {
		text = " (" + f.spread + ")"
	}
	switch {
	case f.met == nil:
		return text
	case *f.met:
		return text + " reached"
	}
	return text + " NOT reached"
}

// result is what came of a row.
type result struct {
	row     row
	figures []figure
	missing string // why there are none
}

// met makes the verdict of a figure.
func met(ok bool) *bool { return &ok }

// middle is the median of repetitions.
func middle[T cmp.Ordered](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}

// spread says from where to where the repetitions go.
func spread[T cmp.Ordered](of []T, show func(T) string) string {
	if len(of) < 2 {
		return ""
	}
	return fmt.Sprintf("%s to %s in %d runs", show(slices.Min(of)), show(slices.Max(of)), len(of))
}

func perSecond(v float64) string {
	n := int64(v + 0.5)
	if n < 10_000 {
		return fmt.Sprintf("%d/s", n)
	}
	return fmt.Sprintf("%d,%03d/s", n/1000, n%1000)
}

func times(v float64) string { return fmt.Sprintf("%.2f times", v) }

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d µs", d.Microseconds())
}

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// surroundings are what a figure depends on besides the program.
type surroundings struct {
	machine, system, toolchain, commit, load, disk string
	when                                           time.Time
	scale                                          float64
}

func (b *bench) look(ctx context.Context) surroundings {
	s := surroundings{
		machine: fmt.Sprintf("%d processors (%s)", runtime.NumCPU(), processor()), toolchain: runtime.Version(),
		when: time.Now().UTC(), scale: b.scale, commit: "unknown", load: "unknown",
	}
	if text, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		s.system = strings.TrimSpace(string(text))
	}
	if text, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
		s.commit = strings.TrimSpace(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		s.load = strings.Join(strings.Fields(string(text))[:3], ", ")
	}
	s.disk = "a synced write of 4 KiB takes " + short(b.syncTime())
	b.note("%s, %s, %s, load %s, %s", s.machine, s.system, s.toolchain, s.load, s.disk)
	return s
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, "\t :\n")
		}
	}
	return runtime.GOARCH
}

// syncTime is how long one small synced write takes on the disk that is
// measured: the median of a hundred.
func (b *bench) syncTime() time.Duration {
	f, err := os.CreateTemp(b.dir, "sync-")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // only its time was wanted
	var took []time.Duration
	for range 100 {
		start := time.Now()
		if _, err := f.Write(make([]byte, 4<<10)); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		took = append(took, time.Since(start))
	}
	return middle(took)
}

// writeDocument writes the page of all results.
func writeDocument(path string, s surroundings, results []result) error {
	return os.WriteFile(path, document(s, results), 0o644) // #nosec G306 -- a page for everybody
}

func document(s surroundings, results []result) []byte {
	var p bytes.Buffer
	p.WriteString("# Benchmarks\n\nThis page is written by `make bench`; change `proof/bench` and not this file. Every figure is measured on real processes from\n" +
		"outside: `bin/linkage` as broker and agents, every write fsynced, everything on one machine. Ratios are taken against plain JetStream that\n" +
		"does the same durable work in the same run (same bytes, same stream settings with `SyncAlways`, server in its own process, clients over TLS).\n\n")
	if s.scale < 1 {
		fmt.Fprintf(&p, "**This was a run at %.0f %% of the full size: it shows that the rows run and says little about speed.**\n\n", 100*s.scale)
	}
	fmt.Fprintf(&p, "%s, commit %s, %s, %s, %s. Load average at the start: %s. On the disk, %s.\n\n",
		s.when.Format("2006-01-02 15:04 UTC"), s.commit, s.machine, s.system, s.toolchain, s.load, s.disk)
	p.WriteString("| what | target | measured | spread | reached |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range results {
		if r.missing != "" {
			fmt.Fprintf(&p, "| %s | %s | not run: %s | | |\n", r.row.what, r.row.target, cell(r.missing))
		}
		for i, f := range r.figures {
			what, target := "", ""
			if i == 0 {
				what, target = r.row.what, r.row.target
			}
			verdict := ""
			if f.met != nil {
				verdict = map[bool]string{true: "yes", false: "**no**"}[*f.met]
			}
			fmt.Fprintf(&p, "| %s | %s | %s: %s | %s | %s |\n", what, target, cell(f.what), cell(f.value), f.spread, verdict)
		}
	}
	p.WriteString("\n## What limits each row\n\nAs the profiles show (`make bench BENCH='-profiles DIR'` keeps them).\n\n")
	for _, r := range results {
		if r.row.limits != "" {
			fmt.Fprintf(&p, "- **%s** %s\n", r.row.what, r.row.limits)
		}
	}
	return p.Bytes()
}

// cell makes a text fit a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "/")
}

func firstWords(err error) string {
	text := cell(err.Error())
	return text[:min(len(text), 120)]
}
