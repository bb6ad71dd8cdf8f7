package store_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// On a disk that is really full: a small file system in memory, where the test
// may mount one; the limit of TestFullByLimit runs everywhere.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 400_000), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "store.db")
	s := open(t, path)
	n := fillUp(t, s, 0)
	if err := os.Remove(ballast); err != nil { // somebody makes room
		t.Fatal(err)
	}
	update(t, s, func(tx durable.Tx) error { _, err := tx.Log("l").Append(make([]byte, 40_000)); return err })
	more := fillUp(t, s, n+1)
	closeStore(t, s)
	s = open(t, path) // opens on a full disk, and shows what is there
	view(t, s, func(tx durable.Tx) error {
		if got, err := tx.Log("l").Len(); got != more || err != nil {
			t.Errorf("got %d, %v, want %d", got, err, more)
		}
		return nil
	})
}
