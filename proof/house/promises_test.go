package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	promiseTest = regexp.MustCompile(`(?m)^func (Test[RS][0-9]\w*)\(`)
	promiseName = regexp.MustCompile("`(Test[RS][0-9]\\w*)`")
)

// TestPromisesNameTheirTests holds the table of promises in docs/architecture.md
// against the tests that are there: each stands in its promise's row, and each
// that a row names exists.
func TestPromisesNameTheirTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(tree, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(page)) {
		for _, m := range promiseName.FindAllStringSubmatch(line, -1) {
			named = append(named, m[1])
			if row := m[1][len("Test"):len("TestR1")]; !strings.HasPrefix(line, "| "+row+" |") {
				t.Errorf("%s stands in another row than %s of docs/architecture.md", m[1], row)
			}
		}
	}
	var there []string
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range promiseTest.FindAllSubmatch(source, -1) {
			there = append(there, string(m[1]))
		}
	}
	for _, name := range there {
		if !slices.Contains(named, name) {
			t.Errorf("%s has no place in the table of promises of docs/architecture.md", name)
		}
	}
	for _, name := range named {
		if !slices.Contains(there, name) {
			t.Errorf("docs/architecture.md names %s, which is not there", name)
		}
	}
}
