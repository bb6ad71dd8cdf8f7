package house_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	module     = "github.com/linkage-exchange/linkage"
	natsServer = "github.com/nats-io/nats-server/v2"
	natsClient = "github.com/nats-io/nats.go"
	orbit      = "github.com/synadia-io/orbit.go/jetstreamext"
	bbolt      = "go.etcd.io/bbolt"
)

var (
	brokerSiblings = []string{"transport", "gate", "registry", "ledger", "enrol", "web"}
	agentSiblings  = []string{"store", "vault", "backup", "ledgerview", "link", "outbox", "inbox", "casebook", "attachments", "directory", "clocks", "api", "connect", "web"}
)

// A plant is one import written into a copy of the tree's outline. Rule is the
// depguard rule that must refuse it; "" when it must pass.
type plant struct {
	dir, imports, rule string
	test               bool
}

// TestWalls plants every import that docs/adr/0001 forbids into an outline of
// the tree (the real .golangci.yml, packages with nothing in them) and sees the
// linter refuse exactly those. Imports that the compiler refuses by itself,
// because of an internal folder, are not planted.
func TestWalls(t *testing.T) {
	linter := os.Getenv("LINKAGE_LINTER")
	if linter == "" {
		t.Skip("LINKAGE_LINTER names no golangci-lint; make walls does")
	}
	fired := map[string]bool{}
	// Forbidden imports go both ways, and a cycle would end the load: those that
	// point down the alphabet and those that point up it are planted apart.
	for name, down := range map[string]bool{"down": true, "up": false} {
		t.Run(name, func(t *testing.T) {
			var plants []plant
			for _, p := range slices.Concat(forbidden(), permitted()) {
				if (p.imports > module+"/"+p.dir) == down {
					plants = append(plants, p)
				}
			}
			root := t.TempDir()
			files := outline(t, root, plants)
			refused := lint(t, linter, root)
			for i, p := range plants {
				got, want := refused[files[i]], p.rule
				if want == "" && len(got) > 0 {
					t.Errorf("%s imports %s (test: %v): refused by %v, want none", p.dir, p.imports, p.test, got)
				}
				if want != "" && !slices.Contains(got, want) {
					t.Errorf("%s imports %s (test: %v): refused by %v, want %s", p.dir, p.imports, p.test, got, want)
				}
				for _, rule := range got {
					fired[rule] = true
				}
			}
		})
	}
	for _, rule := range rules(t) {
		if !fired[rule] {
			t.Errorf("rule %s: no plant made it fire", rule)
		}
	}
}

func forbidden() []plant {
	ps := []plant{
		{dir: "schemas", imports: "schemas/fhir", rule: "schemas-root"},
		{dir: "schemas", imports: "internal/durable", rule: "schemas-root"},
		{dir: "schemas", imports: "agent", rule: "schemas-root", test: true},
		{dir: "schemas/fhir", imports: "schemas/hl7v2", rule: "schemas-subpackages"},
		{dir: "schemas/hsds", imports: "internal/journal", rule: "schemas-subpackages"},
		{dir: "schemas/fhir", imports: "broker", rule: "schemas-subpackages-tests", test: true},
		{dir: "broker", imports: "agent", rule: "broker-root"},
		{dir: "broker", imports: "agent", rule: "broker-root", test: true},
		{dir: "broker", imports: "cmd/linkage", rule: "broker-root"},
		{dir: "agent", imports: "broker", rule: "agent-root"},
		{dir: "agent", imports: "broker", rule: "agent-root", test: true},
		{dir: "agent", imports: "proof", rule: "agent-root"},
		{dir: "broker/internal/novelty", imports: "broker/internal/gate", rule: "broker-new-sibling"},
		{dir: "agent/internal/novelty", imports: "agent/internal/vault", rule: "agent-new-sibling"},
		{dir: "internal/journal", imports: "internal/durable", rule: "internal-leaves"},
		{dir: "internal/journal", imports: "agent", rule: "internal-leaves"},
		{dir: "internal/journal", imports: "broker", rule: "internal-leaves-tests", test: true},
		{dir: "internal/durable/durabletest", imports: "broker", rule: "internal-leaves-tests"},
		{dir: "cmd/linkage", imports: "cmd/other", rule: "cmd"},
		{dir: "cmd/other", imports: "cmd/linkage", rule: "cmd-other"},
		{dir: "examples", imports: "internal/durable", rule: "examples"},
		{dir: "examples/formal-consortium", imports: "internal/durable", rule: "examples"},
		{dir: "proof/bench", imports: "cmd/linkage", rule: "proof"},
		{dir: "broker/internal/gate", imports: natsServer + "/server", rule: "one-owner-nats-server"},
		{dir: "broker", imports: natsServer + "/server", rule: "one-owner-nats-server", test: true},
		{dir: "agent/internal/link", imports: natsServer + "/server", rule: "one-owner-nats-server"},
		{dir: "proof/chaos", imports: natsServer + "/server", rule: "one-owner-nats-server"},
		{dir: "broker/internal/registry", imports: bbolt, rule: "one-owner-bbolt"},
		{dir: "agent/internal/outbox", imports: bbolt, rule: "one-owner-bbolt"},
		{dir: "agent", imports: bbolt, rule: "one-owner-bbolt", test: true},
		{dir: "proof/bench", imports: bbolt, rule: "one-owner-bbolt"},
		{dir: "broker/internal/gate", imports: natsClient, rule: "one-owner-each-side-nats-go"},
		{dir: "broker", imports: natsClient, rule: "one-owner-each-side-nats-go"},
		{dir: "agent", imports: natsClient + "/jetstream", rule: "one-owner-each-side-nats-go"},
		{dir: "agent/internal/inbox", imports: natsClient, rule: "one-owner-each-side-nats-go", test: true},
		{dir: "cmd/linkage", imports: natsClient, rule: "one-owner-each-side-nats-go"},
		{dir: "broker/internal/gate", imports: orbit, rule: "one-owner-each-side-nats-go"},
	}
	for _, pkg := range []string{"net", "net/http", "os", "os/exec", "syscall", "log"} {
		ps = append(ps, plant{dir: "schemas", imports: pkg, rule: "schemas-pure"},
			plant{dir: "schemas/hl7v2", imports: pkg, rule: "schemas-pure"})
	}
	for side, siblings := range map[string][]string{"broker": brokerSiblings, "agent": agentSiblings} {
		for i, s := range siblings {
			dir, rule := side+"/internal/"+s, side+"-"+s
			next := side + "/internal/" + siblings[(i+1)%len(siblings)]
			other := map[string]string{"broker": "agent", "agent": "broker"}[side]
			ps = append(ps,
				plant{dir: dir, imports: next, rule: rule},
				plant{dir: dir, imports: last(side, s, next), rule: testRule(rule), test: true},
				plant{dir: dir, imports: other, rule: rule},
				plant{dir: dir, imports: side, rule: rule})
		}
	}
	return own(ps)
}

// The gate's tests run on the real registry and transport; every other
// sibling is closed to them too.
func last(side, sibling, next string) string {
	if side+"-"+sibling == "broker-gate" {
		return "broker/internal/enrol"
	}
	return next
}

func testRule(rule string) string {
	if rule == "broker-gate" {
		return "broker-gate-tests"
	}
	return rule
}

func permitted() []plant {
	ps := []plant{
		{dir: "schemas", imports: "schemas", test: true},
		{dir: "schemas", imports: "os", test: true},
		{dir: "schemas", imports: "embed"},
		{dir: "schemas", imports: "net/url"},
		{dir: "schemas", imports: "log/slog"}, // for values that hide themselves
		{dir: "schemas/fhir", imports: "schemas"},
		{dir: "schemas/fhir", imports: "schemas/fhir", test: true},
		{dir: "broker", imports: "broker/internal/gate"},
		{dir: "broker", imports: "internal/lifecycle"},
		{dir: "broker", imports: natsClient, test: true},
		{dir: "broker/internal/transport", imports: natsServer + "/server"},
		{dir: "broker/internal/transport", imports: natsClient + "/jetstream"},
		{dir: "broker/internal/transport", imports: orbit},
		{dir: "agent", imports: "agent/internal/casebook"},
		{dir: "agent/internal/store", imports: bbolt},
		{dir: "agent/internal/store", imports: bbolt, test: true},
		{dir: "agent/internal/link", imports: natsClient},
		{dir: "agent/internal/inbox", imports: "internal/durable"},
		{dir: "agent/internal/inbox", imports: "agent/internal/inbox", test: true},
		{dir: "agent/internal/connect/fhir", imports: "schemas/fhir"},
		{dir: "agent/internal/connect", imports: "agent/internal/connect/fhir"},
		{dir: "internal/durable", imports: "schemas"},
		{dir: "internal/journal", imports: "internal/durable", test: true},
		{dir: "internal/durable/durabletest", imports: "internal/durable"},
		{dir: "cmd/linkage", imports: "agent"},
		{dir: "cmd/linkage", imports: "broker"},
		{dir: "cmd/linkage", imports: "examples"},
		{dir: "examples", imports: "schemas"},
		{dir: "proof/bench", imports: natsServer + "/server"},
		{dir: "proof/bench", imports: natsClient},
	}
	return own(ps)
}

// own spells out the imports that are folders of this module.
func own(ps []plant) []plant {
	for i, p := range ps {
		switch top, _, _ := strings.Cut(p.imports, "/"); top {
		case "agent", "broker", "cmd", "examples", "internal", "proof", "schemas":
			ps[i].imports = module + "/" + p.imports
		}
	}
	return ps
}

// outline writes a module with an empty package for every folder that plants
// name and stand-ins for the libraries, then the plants, and returns their
// files, in order, relative to root.
func outline(t *testing.T, root string, plants []plant) []string {
	t.Helper()
	config, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, ".golangci.yml"), string(config))
	gomod := "module " + module + "\n\ngo 1.26\n"
	for lib, version := range map[string]string{natsServer: "v2.0.0", natsClient: "v1.0.0", orbit: "v0.1.0", bbolt: "v1.0.0"} {
		dir := "lib/" + path.Base(strings.TrimSuffix(lib, "/v2"))
		gomod += fmt.Sprintf("\nrequire %s %s\n\nreplace %s => ./%s\n", lib, version, lib, dir)
		write(t, filepath.Join(root, dir, "go.mod"), "module "+lib+"\n\ngo 1.26\n")
		for _, sub := range []string{"", "server", "jetstream"} {
			write(t, filepath.Join(root, dir, sub, "lib.go"), "package lib\n")
		}
	}
	write(t, filepath.Join(root, "go.mod"), gomod)

	for _, p := range plants {
		for _, dir := range []string{p.dir, strings.TrimPrefix(p.imports, module+"/")} {
			if dir == p.dir || dir != p.imports {
				write(t, filepath.Join(root, dir, "outline.go"), "package outline\n")
			}
		}
	}
	files := make([]string, len(plants))
	for i, p := range plants {
		files[i] = fmt.Sprintf("%s/plant%d.go", p.dir, i)
		pkg := "outline"
		if p.test {
			files[i] = fmt.Sprintf("%s/plant%d_test.go", p.dir, i)
			pkg = "outline_test"
		}
		write(t, filepath.Join(root, files[i]), fmt.Sprintf("package %s\n\nimport _ %q\n", pkg, p.imports))
	}
	return files
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

var finding = regexp.MustCompile(`(?m)^([^:\n]+):\d+:\d+: import '[^']+' is not allowed from list '([^']+)'`)

// lint runs depguard alone and returns the rules that refused each file.
func lint(t *testing.T, linter, root string) map[string][]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, linter, "run", "--enable-only=depguard", "--output.text.path=stdout",
		"--output.text.print-issued-lines=false", "--output.text.colors=false", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOLANGCI_LINT_CACHE="+t.TempDir(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if exit := cmd.ProcessState; err != nil && (exit == nil || exit.ExitCode() != 1) {
		t.Fatalf("golangci-lint: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "(typecheck)") {
		t.Fatalf("the outline does not load:\n%s", out)
	}
	refused := map[string][]string{}
	for _, m := range finding.FindAllStringSubmatch(string(out), -1) {
		refused[m[1]] = append(refused[m[1]], m[2])
	}
	return refused
}

// rules returns the names of all depguard rules in .golangci.yml.
func rules(t *testing.T) []string {
	t.Helper()
	config, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^ {8}([a-z-]+):$`).FindAllStringSubmatch(string(config), -1) {
		names = append(names, m[1])
	}
	if len(names) < 20 {
		t.Fatalf("found %d rules in .golangci.yml, want them all", len(names))
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
