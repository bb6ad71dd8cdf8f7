package checker_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/proof/checker"
)

var captureFlag = flag.Bool("capture", false, "write what the live run leaves behind to "+consortium)

// TestTheDemoKeepsItsPromisesAndFaultsAreFound runs the demo as a person does,
// lets `linkage check` look at what it leaves, and plants the gravest faults in
// that.
func TestTheDemoKeepsItsPromisesAndFaultsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a week with six processes")
	}
	linkage := build(t)
	dir := filepath.Join(shortDir(t), "kept")
	out, _ := run(t, 0, linkage, "demo", "--headless", "--json", "--keep", dir)
	var result struct {
		Setup    string            `json:"setup"`
		Seconds  float64           `json:"seconds"`
		Events   int               `json:"events"`
		Promises []checker.Promise `json:"promises"`
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&result); err != nil || dec.More() {
		t.Fatalf("%v in %q", err, out)
	}
	if result.Setup != "formal-consortium" || result.Events < 50 || result.Seconds <= 0 || !checker.Held(result.Promises) {
		t.Errorf("got %+v", result)
	}
	c := inspect(t, linkage, dir)
	if *captureFlag {
		c.write(t, consortium)
	}
	checkByHand(t, linkage, dir, c)
	for name, fault := range plants {
		if name[0] < '1' || name[0] > '4' {
			continue
		}
		t.Run(name, func(t *testing.T) {
			planted := inspect(t, linkage, dir)
			named := fault.plant(t, planted)
			to := t.TempDir()
			planted.write(t, to)
			args := []string{"check", filepath.Join(to, "manifest.json"), filepath.Join(to, "broker.json")}
			for agency := range planted.stores {
				args = append(args, filepath.Join(to, agency+".json"))
			}
			out, _ := run(t, 1, linkage, args...)
			if found := strings.Join(strings.Fields(string(out)), " "); !strings.Contains(found, "BROKEN "+fault.promise) || !strings.Contains(found, named) {
				t.Errorf("%q is not named in\n%s", named, out)
			}
		})
	}
}

// shortDir is a temporary directory with a name that leaves room for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo") //nolint:usetesting // t.TempDir has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// checkByHand runs the command that the demo shows, and once with a client's
// name in a log.
func checkByHand(t *testing.T, linkage, dir string, c capture) {
	t.Helper()
	logs := filepath.Join(dir, "logs")
	args := []string{"check", filepath.Join(dir, "manifest.json"), filepath.Join(dir, "broker"), logs}
	for agency := range c.stores {
		args = append(args, filepath.Join(dir, "agents", agency))
	}
	run(t, 0, linkage, args...)
	slip := filepath.Join(logs, "slip.log")
	if err := os.WriteFile(slip, []byte("intake of Marisol Exampleton"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := run(t, 1, linkage, args...)
	if !strings.Contains(string(out), "slip.log") {
		t.Errorf("the slip is not named in\n%s", out)
	}
	if err := os.Remove(slip); err != nil {
		t.Fatal(err)
	}
}

// build makes the command as a release does, but for its version.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "linkage")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/linkage").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// run runs a command, which must end with this exit status.
func run(t *testing.T, want int, name string, args ...string) (stdout, stderr []byte) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("%s: exit status %d, want %d (%v)\n%s\n%s", strings.Join(args, " "), code, want, err, out.Bytes(), problems.Bytes())
	}
	return out.Bytes(), problems.Bytes()
}

// inspect reads what the demo left behind, without what only the agents need.
func inspect(t *testing.T, linkage, dir string) capture {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	hub, _ := run(t, 0, linkage, "broker", "inspect", "--json", "--data", filepath.Join(dir, "broker"))
	c := capture{manifest: decode(t, manifest), hub: decode(t, hub), stores: map[string]doc{}}
	agencies, _ := c.manifest["agencies"].([]any)
	for _, a := range agencies {
		name, _ := a.(string)
		b, _ := run(t, 0, linkage, "agent", "inspect", "--json", "--data", filepath.Join(dir, "agents", name))
		c.stores[name] = decode(t, b)
		m := c.member(name)
		for _, e := range items(m, "events") {
			delete(e, "proof")
		}
		for _, d := range items(m, "deliveries") {
			delete(d, "material")
		}
		for _, g := range items(m, "grants") {
			delete(g, "record")
			delete(g, "terms")
		}
	}
	return c
}
