//go:build linux

// Command chaos lets things go wrong in whole networks of real processes, and
// proves afterwards that every promise was kept.
//
// A seed makes a schedule: agencies that grant, send, revoke and are suspended,
// and the faults that meet them (schedule.go). A run founds the network
// (network.go), plays the schedule (traffic.go, fault.go), waits until the
// network is quiet (settle.go), stops it, and lets the independent checker hold
// every store and the hub against the campaign's own record (record.go,
// verdict.go). Results are kept for each commit; docs/faults.md says what was
// found.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// campaign is what the flags say.
type campaign struct {
	seeds   []uint64
	brokers int
	atOnce  int
	keep    string // the directory of all results
	again   bool
	show    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := parse(os.Args[1:])
	held := false
	if err == nil {
		held, err = c.run(ctx, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !held {
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (c campaign, err error) {
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	seeds := f.String("seeds", "1-20", "the seeds, such as 1-200 or 3,17,90-99")
	f.IntVar(&c.brokers, "brokers", 1, "how many brokers the network has")
	f.IntVar(&c.atOnce, "at-once", 2, "how many runs at once")
	f.StringVar(&c.keep, "keep", "", "the directory of all results (default in the user's cache)")
	f.BoolVar(&c.again, "again", false, "run seeds again that have a result at this commit")
	f.BoolVar(&c.show, "show", false, "print the schedules and run nothing")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if c.brokers != 1 && c.brokers != 3 {
		return c, errors.New("-brokers must be 1 or 3")
	}
	if c.keep == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("find a place for the results: %w", err)
		}
		c.keep = filepath.Join(cache, "linkage-chaos")
	}
	c.seeds, err = parseSeeds(*seeds)
	return c, err
}

// maxSeeds bounds one campaign.
const maxSeeds = 100_000

func parseSeeds(text string) (all []uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		first, last, several := strings.Cut(part, "-")
		if !several {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("seeds must be numbers and ranges such as 1-20,33: %q", part)
		}
		to, err := strconv.ParseUint(last, 10, 64)
		if err != nil || to < from || to-from >= maxSeeds {
			return nil, fmt.Errorf("seeds must be numbers and ranges such as 1-20,33: %q", part)
		}
		for s := from; s <= to; s++ {
			all = append(all, s)
		}
	}
	return all, nil
}

// run runs every seed that has no result, and reports whether all held.
func (c campaign) run(ctx context.Context, out io.Writer) (held bool, err error) {
	if c.show {
		for _, s := range c.seeds {
			b, err := json.MarshalIndent(NewSchedule(s, c.brokers), "", " ")
			if err != nil {
				return false, err
			}
			fmt.Fprintln(out, string(b))
		}
		return true, nil
	}
	commit, clean := revision(ctx)
	kept := results{filepath.Join(c.keep, commit)}
	if err := os.MkdirAll(kept.dir, 0o700); err != nil {
		return false, err
	}
	program := filepath.Join(kept.dir, "linkage")
	if err := build(ctx, program, clean && !c.again); err != nil {
		return false, err
	}
	todo := make(chan uint64)
	var mu sync.Mutex // guards what follows, and out
	tally := struct{ held, failed, known int }{}
	var wg sync.WaitGroup
	for range c.atOnce {
		wg.Go(func() {
			for seed := range todo {
				res, known, err := c.one(ctx, kept, program, seed, clean)
				mu.Lock()
				switch {
				case err != nil:
					res.Causes = append(res.Causes, err.Error())
					fallthrough
				case !res.Held:
					tally.failed++
				default:
					tally.held++
				}
				if known {
					tally.known++
				}
				report(out, res, known)
				mu.Unlock()
			}
		})
	}
	for _, s := range c.seeds {
		if ctx.Err() != nil {
			break
		}
		todo <- s
	}
	close(todo)
	wg.Wait()
	fmt.Fprintf(out, "%d of %d seeds held at %s with %d broker(s), %d of them known from before; results in %s\n",
		tally.held, tally.held+tally.failed, commit, c.brokers, tally.known, kept.dir)
	return tally.failed == 0, ctx.Err()
}

// revision names what is being tried. Results of a tree with changes are not
// taken for another's.
func revision(ctx context.Context) (commit string, clean bool) {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown", false
	}
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain").Output()
	commit = strings.TrimSpace(string(head))
	if err != nil || len(changed) > 0 {
		return commit + "-changed", false
	}
	return commit, true
}

// build makes the program with its crash points and its clock that can be put
// off.
func build(ctx context.Context, program string, reuse bool) error {
	if _, err := os.Stat(program); err == nil && reuse {
		return nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "chaos,crashpoints", "-o", program, "./cmd/linkage") // #nosec G204 -- our own program
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// one runs a seed, or returns the result that there is.
func (c campaign) one(ctx context.Context, kept results, program string, seed uint64, clean bool) (res Result, known bool, err error) {
	if clean && !c.again {
		if res, known, err = kept.find(seed, c.brokers); known || err != nil {
			return res, known, err
		}
	}
	dir := filepath.Join(kept.dir, kept.name(seed, c.brokers))
	if err := os.RemoveAll(dir); err != nil {
		return Result{Seed: seed, Brokers: c.brokers}, false, err
	}
	res = runSeed(ctx, NewSchedule(seed, c.brokers), program, dir)
	if ctx.Err() != nil {
		return res, false, ctx.Err()
	}
	if res.Held {
		err = os.RemoveAll(dir)
	} else {
		res.Dir = dir
	}
	if err == nil {
		err = kept.keep(res)
	}
	return res, false, err
}

// runSeed runs one schedule from the founding to the verdict.
func runSeed(ctx context.Context, sched Schedule, program, dir string) (res Result) {
	began := time.Now()
	res = Result{Seed: sched.Seed, Brokers: sched.Brokers, Faults: len(sched.Faults), Phases: map[string]string{}}
	defer func() { res.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds() }()
	fail := func(err error) { res.Causes = append(res.Causes, err.Error()) }
	r, err := newRun(sched, program, dir)
	if err != nil {
		fail(err)
		return res
	}
	if err := writeSchedule(sched, dir); err != nil {
		fail(err)
	}
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{{"found", r.found}, {"play", r.play}, {"settle", r.settle}} {
		from := time.Now()
		err := phase.do(ctx)
		res.Phases[phase.name] = time.Since(from).Round(10 * time.Millisecond).String()
		if err != nil {
			fail(fmt.Errorf("%s: %w", phase.name, err))
			break
		}
	}
	from := time.Now()
	if err := r.stop(); err != nil {
		fail(err)
	}
	if _, played := res.Phases["settle"]; played {
		causes, promises, err := r.judge(ctx)
		if err != nil {
			fail(err)
		}
		res.Causes, res.Promises = append(res.Causes, causes...), promises
	}
	lines, err := r.rec.all()
	if err != nil {
		fail(err)
	}
	for _, l := range lines {
		if l.What == Accepted {
			res.Accepted++
		}
		res.Pushed = res.Pushed || l.What == Pushed
	}
	res.Held = len(res.Causes) == 0
	if err := r.close(!res.Held); err != nil {
		fail(err)
		res.Held = false
	}
	res.Phases["judge"] = time.Since(from).Round(10 * time.Millisecond).String()
	return res
}

func writeSchedule(s Schedule, dir string) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "schedule.json"), b, 0o600)
}

// report prints one line for a seed, and what went wrong.
func report(out io.Writer, res Result, known bool) {
	verdict, when := "held", ""
	if !res.Held {
		verdict = "FAILED"
	}
	if known {
		when = " (from before)"
	}
	pushed := ""
	if res.Pushed {
		pushed = ", pushed"
	}
	fmt.Fprintf(out, "%-6s seed %d: %d faults, %d events, %.1f s (found %s, play %s, settle %s, judge %s)%s%s\n", verdict, res.Seed, res.Faults, res.Accepted,
		res.Seconds, res.Phases["found"], res.Phases["play"], res.Phases["settle"], res.Phases["judge"], pushed, when)
	for _, c := range res.Causes {
		fmt.Fprintf(out, "       %s\n", strings.ReplaceAll(strings.TrimSpace(c), "\n", "\n       "))
	}
	if res.Dir != "" {
		fmt.Fprintf(out, "       everything is in %s\n", res.Dir)
	}
}
