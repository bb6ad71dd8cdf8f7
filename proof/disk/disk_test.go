//go:build linux

package disk_test

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/proof/disk"
)

// mounted makes a disk and the directory at which it is seen.
func mounted(t *testing.T) (*disk.Disk, string) {
	t.Helper()
	if err := disk.Possible(); err != nil {
		t.Skip(err)
	}
	seen := filepath.Join(t.TempDir(), "seen")
	d, err := disk.Mount(seen, filepath.Join(t.TempDir(), "back"))
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, seen
}

// put writes at an offset of a file, which it makes if need be, and syncs it if
// told so.
func put(t *testing.T, path, text string, offset int64, sync bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(text), offset); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// holds checks what is in a file; "-" means that there is none.
func holds(t *testing.T, path, want string) {
	t.Helper()
	got := "-"
	if b, err := os.ReadFile(path); err == nil {
		got = string(b)
	} else if !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

func lose(t *testing.T, d *disk.Disk) {
	t.Helper()
	if err := d.PowerLoss(nil); err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasSyncedStaysAndTheRestIsLost(t *testing.T) {
	d, dir := mounted(t)
	kept, lost := filepath.Join(dir, "kept"), filepath.Join(dir, "lost")
	put(t, kept, "first", 0, true)
	put(t, kept, "FIR", 0, false)
	put(t, kept, "second", 5, false)
	put(t, lost, "never", 0, false)
	holds(t, kept, "FIRstsecond")
	lose(t, d)
	holds(t, kept, "first")
	holds(t, lost, "-")
	if d.Lost() != 4 { // three writes and a name
		t.Errorf("lost %d changes", d.Lost())
	}
	put(t, kept, "third", 0, true)
	lose(t, d)
	holds(t, kept, "third")
}

func TestASyncOfOneFileIsNoneOfAnother(t *testing.T) {
	d, dir := mounted(t)
	one, other := filepath.Join(dir, "one"), filepath.Join(dir, "other")
	put(t, one, "one", 0, false)
	put(t, other, "other", 0, true)
	lose(t, d)
	holds(t, one, "") // its name was made durable with the other's, its content was not
	holds(t, other, "other")
}

func TestNamesComeBack(t *testing.T) {
	d, dir := mounted(t)
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	for path, text := range map[string]string{a: "A", b: "B", c: "C"} {
		put(t, path, text, 0, true)
	}
	if err := os.Rename(a, b); err != nil { // over another
		t.Fatal(err)
	}
	if err := os.Remove(c); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(b, 0); err != nil {
		t.Fatal(err)
	}
	lose(t, d)
	holds(t, a, "A")
	holds(t, b, "B")
	holds(t, c, "C")
	if err := os.Rename(a, b); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.SyncDir(dir); err != nil {
		t.Fatal(err)
	}
	lose(t, d)
	holds(t, a, "-")
	holds(t, b, "A")
}

// A file that is replaced as it should be is the old or the new one.
func TestReplacedFile(t *testing.T) {
	d, dir := mounted(t)
	path := filepath.Join(dir, "settings")
	for _, text := range []string{"old", "new"} {
		if err := atomicfile.Write(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		lose(t, d)
		holds(t, path, text)
	}
}

func TestTornWrite(t *testing.T) {
	d, dir := mounted(t)
	path := filepath.Join(dir, "torn")
	const length = 8 * 512
	old, fresh := strings.Repeat("o", length), strings.Repeat("n", length)
	partly := 0
	for seed := range uint64(20) {
		put(t, path, old, 0, true)
		put(t, path, fresh, 0, false)
		if err := d.PowerLoss(rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n := strings.Count(string(b), "n")
		if n%512 != 0 || string(b) != fresh[:n]+old[n:] {
			t.Fatalf("seed %d: %d new bytes of %d, not at the front", seed, n, len(b))
		}
		if n > 0 && n < length {
			partly++
		}
	}
	if partly == 0 {
		t.Error("no write survived in part")
	}
}

// What the processes do on it besides writing files.
func TestSocketAndSyncedOpening(t *testing.T) {
	d, dir := mounted(t)
	l, err := net.Listen("unix", filepath.Join(dir, "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", filepath.Join(dir, "s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Close(), l.Close()
	f, err := os.OpenFile(filepath.Join(dir, "each"), os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("synced")
	_ = f.Close()
	lose(t, d)
	holds(t, filepath.Join(dir, "each"), "synced")
}
