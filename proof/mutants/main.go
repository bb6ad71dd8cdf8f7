// Command mutants removes one guarantee at a time from a copy of the tree and
// sees the test that is named for it fail.
//
// A guarantee whose removal no test notices is not proven. The table in
// table.go says what is removed, where, and which test must fail.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := flag.String("only", ".", "run the mutants whose name matches")
	flag.Parse()
	survivors, err := run(ctx, regexp.MustCompile(*only), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	if err != nil || survivors > 0 {
		stop()
		os.Exit(1)
	}
}

// run tries every mutant that matches, and counts those that no test noticed.
func run(ctx context.Context, only *regexp.Regexp, out io.Writer) (survivors int, err error) {
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	if err := copyTree(ctx, dir); err != nil {
		return 0, fmt.Errorf("copy tree: %w", err)
	}
	for _, m := range table {
		if !only.MatchString(m.name) {
			continue
		}
		start := time.Now()
		verdict, err := m.try(ctx, dir)
		if err != nil {
			return survivors, fmt.Errorf("%s: %w", m.name, err)
		}
		if verdict != killed {
			survivors++
		}
		fmt.Fprintf(out, "%-9s %-3s %-55s %s (%.0f s)\n", verdict, m.guarantee, m.name, m.test, time.Since(start).Seconds())
	}
	return survivors, ctx.Err()
}

// copyTree copies the files that git knows or would add.
func copyTree(ctx context.Context, dir string) error {
	list, err := exec.CommandContext(ctx, "git", "ls-files", "-co", "--exclude-standard").Output()
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(list)) {
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(target, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

const (
	killed   = "killed"
	survived = "SURVIVED"
)

// try applies the mutant, runs its test, and puts the file back.
func (m mutant) try(ctx context.Context, dir string) (verdict string, err error) {
	path := filepath.Join(dir, m.file)
	before, err := os.ReadFile(path) // #nosec G304 -- in our own copy
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(before), m.old); n != 1 {
		return "", fmt.Errorf("%s has %d places to patch, want 1: the code has moved on", m.file, n)
	}
	after := strings.Replace(string(before), m.old, m.new, 1)
	if err := os.WriteFile(path, []byte(after), 0o600); err != nil { // #nosec G703 -- in our own copy
		return "", err
	}
	defer func() {
		if restoreErr := os.WriteFile(path, before, 0o600); err == nil { // #nosec G703 -- in our own copy
			err = restoreErr
		}
	}()
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-short", "-count=1", "-timeout=5m", "-run", "^"+m.test+"$", m.pkg) // #nosec G204 -- from our own table
	cmd.Dir = dir
	output, testErr := cmd.CombinedOutput()
	text := string(output)
	switch {
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return "", fmt.Errorf("the mutant does not compile:\n%s", text)
	case strings.Contains(text, "no tests to run"):
		return "", fmt.Errorf("there is no test %s in %s", m.test, m.pkg)
	case testErr == nil:
		return survived, nil
	default:
		return killed, nil
	}
}
