package exchange_test

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/broker"
	"github.com/linkage-exchange/linkage/proof/exchange"
)

// target is one byte of a file.
type target struct {
	path string
	at   int64
}

// targets lists places in the files of a broker that stopped, the same for every
// run: the hub's blocks and indexes, and the ledger.
func targets(t *testing.T, dir string, most int) []target {
	t.Helper()
	var files []target // at is the length here
	total := int64(0)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || !strings.HasPrefix(rel, "ledger"+string(filepath.Separator)) && !strings.Contains(rel, "HUB") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			files = append(files, target{rel, info.Size()})
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	var all []target
	for i := range most {
		f := files[i%len(files)] // small files are as often hit as large ones
		if i >= len(files) {
			at := random.Int64N(total) // the rest by length
			for _, f = range files {
				if at < f.at {
					break
				}
				at -= f.at
			}
		}
		all = append(all, target{f.path, random.Int64N(f.at)})
	}
	return all
}

func inspection(t *testing.T, dir string) string {
	t.Helper()
	in, err := broker.Inspect(t.Context(), dir)
	if err != nil {
		return "cannot be read"
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// One flipped bit anywhere in the hub or the ledger of a broker that stopped is
// found by `ledger verify`, or stands where nothing is: then every record reads
// as it did.
func TestS4FlippedBitsAreFound(t *testing.T) {
	n := exchange.Start(t)
	n.JoinRogue("hilltop")
	sender := n.JoinRogue("harbor")
	for range 30 {
		say(t, sender, "hilltop")
	}
	n.StopBroker()
	good := filepath.Join(n.Dir, "broker")
	want := inspection(t, good)
	if _, err := broker.VerifyHub(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	most := 300
	if testing.Short() {
		most = 30
	}
	found, harmless := 0, 0
	for _, at := range targets(t, good, most) {
		dir := filepath.Join(n.Dir, "flipped")
		if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, at.path)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[at.at] ^= 1 << (at.at % 8)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := broker.VerifyHub(t.Context(), dir); err != nil {
			found++
		} else if harmless++; inspection(t, dir) != want {
			t.Errorf("%s, byte %d: nobody noticed, and the hub reads differently", at.path, at.at)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d were found, %d changed nothing", found, harmless)
	if found == 0 || harmless > most/2 {
		t.Errorf("%d of %d were found", found, most)
	}
}
