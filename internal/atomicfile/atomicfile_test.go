package atomicfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
)

func TestWriteReplacesContentAndMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vault.json")
	for i, mode := range []os.FileMode{0o644, 0o600, 0o666} { // 0666: beyond any usual umask
		want := fmt.Appendf(nil, "content %d", i)
		if err := atomicfile.Write(path, want, mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("mode: got %v, %v, want %v", info.Mode(), err, mode)
		}
	}
	onlyFile(t, dir)
}

func TestWriteFailureLeavesOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "child"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(path, []byte("x"), 0o600); err == nil {
		t.Error("got nil, want an error: a directory that is not empty stands at the path")
	}
	onlyFile(t, dir)
	if err := atomicfile.Write(filepath.Join(dir, "absent", "f"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
}

// Readers that run beside writers see one whole content or another.
func TestWriteIsSeenWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 64<<10) }
	if err := atomicfile.Write(path, content(0), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		writers.Go(func() {
			for range 10 {
				if err := atomicfile.Write(path, content(i), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, content(int(got[0]-'a'))) {
			t.Fatalf("torn: %d bytes, %v", len(got), err)
		}
	}
}

func TestCreateNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	var (
		group sync.WaitGroup
		mu    sync.Mutex // guards won
		won   []string
	)
	for i := range 8 {
		group.Go(func() {
			content := fmt.Sprint("writer ", i)
			switch err := atomicfile.Create(path, []byte(content), 0o600); {
			case err == nil:
				mu.Lock()
				won = append(won, content)
				mu.Unlock()
			case !errors.Is(err, os.ErrExist):
				t.Errorf("got %v, want %v", err, os.ErrExist)
			}
		})
	}
	group.Wait()
	got, err := os.ReadFile(path)
	if err != nil || len(won) != 1 || string(got) != won[0] {
		t.Errorf("got %q, %v, winners %q: want exactly one, whose content stands", got, err, won)
	}
	onlyFile(t, dir)
}

func onlyFile(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("directory: got %v, %v, want one entry and no leftover", entries, err)
	}
}
