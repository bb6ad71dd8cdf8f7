package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a patch looks for stands in its file exactly once: a mutant that lost
// its place is noticed when the file changes, not when all of them run.
func TestPatchesApply(t *testing.T) {
	for _, m := range table {
		b, err := os.ReadFile(filepath.Join("..", "..", m.file))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(b), m.old); n != 1 {
			t.Errorf("%s: what it replaces stands %d times in %s", m.name, n, m.file)
		}
	}
}
