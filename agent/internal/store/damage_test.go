package store_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// sample is the content of a closed store with pages of every kind: branches,
// leaves, overflow, small buckets within leaves.
func sample(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	for i := range 6 {
		update(t, s, func(tx durable.Tx) error {
			for j := range 100 {
				_, err := tx.Log("l").Append(make([]byte, 20*j))
				if err := errors.Join(err, tx.Map("m").Put(fmt.Sprint(i, "/", j), []byte("value"))); err != nil {
					return err
				}
			}
			return tx.Map(fmt.Sprint("small", i)).Put("k", make([]byte, 20000*(i%2)))
		})
	}
	stats, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content[:min(int64(len(content)), stats.Bytes+1<<15)]
}

// survive opens a damaged file, reads and writes, and fails unless each step
// gives a good answer or an error that says that the file is at fault. bolt
// panicking on a goroutine of its own would end the test.
func survive(t *testing.T, path string, what string) (opened bool) {
	t.Helper()
	s, err := store.Open(path, testKey, store.Options{})
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: got %v, want %v", what, err, store.ErrCorrupt)
		}
		return false
	}
	if err := s.Verify(); err != nil && !errors.Is(err, store.ErrTampered) {
		t.Errorf("%s: verify: got %v, want %v", what, err, store.ErrTampered)
	}
	err = s.Update(t.Context(), func(tx durable.Tx) error {
		_, err := tx.Log("l").Append([]byte("more"))
		return errors.Join(err, tx.Map("m").Put("more", nil), tx.Map("small1").Put("more", nil))
	})
	if err != nil {
		t.Errorf("%s: update: %v", what, err)
	}
	closeStore(t, s)
	return true
}

func TestDamagedPages(t *testing.T) {
	content := sample(t)
	path := filepath.Join(t.TempDir(), "store.db")
	const page = 4096
	refused := 0
	try := func(what string, damaged []byte) {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if !survive(t, path, what) {
			refused++
		}
	}
	for at := 0; at < len(content); at += page {
		damaged := append([]byte{}, content...)
		clear(damaged[at:min(at+page, len(damaged))])
		try(fmt.Sprintf("page %d zeroed", at/page), damaged)
	}
	if refused == 0 {
		t.Error("no zeroed page was noticed")
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 { // most in the headers and elements of pages, where structure is
		damaged := append([]byte{}, content...)
		at := random.IntN(len(damaged)/page)*page + random.IntN(1<<(4+i%9))
		damaged[at] ^= 1 << random.IntN(8)
		try(fmt.Sprintf("bit flipped at %#x", at), damaged)
	}
	t.Logf("%d of the damaged files were refused", refused)
}

func TestShortenedFile(t *testing.T) {
	content := sample(t)
	path := filepath.Join(t.TempDir(), "store.db")
	for _, n := range []int{1, 100, 4096, 8191, 8192, 20000, len(content) / 2} {
		if err := os.WriteFile(path, content[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(path, testKey, store.Options{}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%d bytes: got %v, want %v", n, err, store.ErrCorrupt)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != string(content[:n]) {
			t.Errorf("%d bytes: the attempt changed the file (%v)", n, err)
		}
	}
	if err := os.WriteFile(path, []byte("this is a text file, and not a short one: "+string(make([]byte, 9000))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path, testKey, store.Options{}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("foreign file: got %v, want %v", err, store.ErrCorrupt)
	}
}

func TestHeader(t *testing.T) {
	for name, c := range map[string]struct {
		change func(header map[string]any)
		want   error
	}{
		"damaged": {func(h map[string]any) { h["salt"] = "AAAA" }, store.ErrCorrupt},
		"newer": {func(h map[string]any) {
			h["format"] = 2
			h["sum"] = sumOf(t, h)
		}, store.ErrNewer},
		"empty": {func(h map[string]any) { clear(h) }, store.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			closeStore(t, open(t, path))
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = db.Update(func(tx *bolt.Tx) error {
				b, h := tx.Bucket([]byte("header")), map[string]any{}
				if err := json.Unmarshal(b.Get([]byte("format")), &h); err != nil {
					return err
				}
				c.change(h)
				content, err := json.Marshal(h)
				if err != nil {
					return err
				}
				return b.Put([]byte("format"), content)
			})
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(path, testKey, store.Options{}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// sumOf computes a header's checksum as every format must.
func sumOf(t *testing.T, h map[string]any) []byte {
	t.Helper()
	salt, saltErr := base64.StdEncoding.DecodeString(h["salt"].(string))
	check, checkErr := base64.StdEncoding.DecodeString(h["check"].(string))
	if err := errors.Join(saltErr, checkErr); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%v %x %x", h["format"], salt, check))
	return sum[:]
}
