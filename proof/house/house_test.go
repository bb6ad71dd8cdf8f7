// Package house_test holds the rules of the house that the compiler cannot
// see: the walls between packages, a comment on every package, a reason for
// every dependency.
package house_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tree = "../.."

func TestEveryPackageHasAComment(t *testing.T) {
	commented := map[string]bool{}
	for _, file := range goFiles(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		dir := filepath.Dir(file)
		commented[dir] = commented[dir] || parsed.Doc.Text() != ""
	}
	for dir, ok := range commented {
		if !ok {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

// TestNoPackageWithoutAMeaning refuses the names that say where code was put
// instead of what it is.
func TestNoPackageWithoutAMeaning(t *testing.T) {
	banned := []string{"pkg", "util", "utils", "common", "types", "helpers", "models", "interfaces", "mocks"}
	for _, file := range goFiles(t) {
		if dir := filepath.Dir(file); slices.Contains(banned, filepath.Base(dir)) {
			t.Errorf("%s: a package is named for what it is", dir)
		}
	}
}

// TestEveryDependencyHasAReason holds go.mod's direct dependencies against the
// table in docs/adr/0007.
func TestEveryDependencyHasAReason(t *testing.T) {
	reasons, err := os.ReadFile(filepath.Join(tree, "docs/adr/0007-dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(tree, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	inRequire := false
	for line := range strings.Lines(string(mod)) {
		line = strings.TrimSpace(line)
		switch line {
		case "require (":
			inRequire = true
			continue
		case ")":
			inRequire = false
		}
		requirement, single := strings.CutPrefix(line, "require ")
		if !inRequire && !single || line == "" || strings.Contains(line, "// indirect") {
			continue
		}
		if path, _, _ := strings.Cut(requirement, " "); !strings.Contains(string(reasons), "`"+path+"`") {
			t.Errorf("%s: has no line in docs/adr/0007 that says what it saves us", path)
		}
	}
}

// TestDecisionsHaveTheSameParts keeps the decisions readable side by side.
func TestDecisionsHaveTheSameParts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(tree, "docs/adr/[0-9]*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d decisions (%v), want some", len(files), err)
	}
	want := []string{"## Status", "## Context", "## Decision", "## Consequences", "## Rejected"}
	for _, file := range files {
		var got []string
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "## ") {
				got = append(got, lines.Text())
			}
		}
		if err := lines.Err(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got parts %v, want %v", filepath.Base(file), got, want)
		}
	}
}

// goFiles returns every Go file of the tree.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(tree, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != tree && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go"):
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
