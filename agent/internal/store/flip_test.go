package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// reading is everything that [sample] wrote, as an agent reads it.
func reading(t *testing.T, s *store.Store) string {
	t.Helper()
	var text []byte
	view(t, s, func(tx durable.Tx) error {
		add := func(what string, v []byte, err error) error {
			text = fmt.Appendf(text, "%s %x %v\n", what, v, err)
			return nil
		}
		for i := range 6 {
			for j := range 100 {
				v, err := tx.Map("m").Get(fmt.Sprint(i, "/", j))
				_ = add(fmt.Sprint("m", i, j), v, err)
			}
			v, err := tx.Map(fmt.Sprint("small", i)).Get("k")
			_ = add(fmt.Sprint("small", i), v, err)
		}
		n, err := tx.Map("m").Len()
		_ = add(fmt.Sprint("len m ", n), nil, err)
		n, err = tx.Log("l").Len()
		_ = add(fmt.Sprint("len l ", n), nil, err)
		return tx.Log("l").Scan(1, func(n uint64, v []byte) error { return add(fmt.Sprint("l", n), v, nil) })
	})
	return string(text)
}

// One flipped bit anywhere in the file of a store that was closed is found when
// it is opened or verified, and named as what it is; or it stands where nothing
// is: then everything reads as it did.
func TestS4FlippedBitsInAStore(t *testing.T) {
	content := sample(t)
	path := filepath.Join(t.TempDir(), "store.db")
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(content)
	s := open(t, path)
	want := reading(t, s)
	closeStore(t, s)
	most := 400
	if testing.Short() {
		most = 60
	}
	random := rand.New(rand.NewPCG(5, 6))
	found := 0
	for range most {
		at, bit := random.IntN(len(content)), random.IntN(8)
		content[at] ^= 1 << bit
		write(content)
		content[at] ^= 1 << bit
		s, err := store.Open(path, testKey, store.Options{})
		if err != nil {
			if found++; !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("byte %#x: got %v, want %v", at, err, store.ErrCorrupt)
			}
			continue
		}
		if err := s.Verify(); err != nil {
			if found++; !errors.Is(err, store.ErrTampered) {
				t.Errorf("byte %#x: verify: got %v, want %v", at, err, store.ErrTampered)
			}
		} else if reading(t, s) != want {
			t.Errorf("byte %#x: nobody noticed, and the store reads differently", at)
		}
		closeStore(t, s)
	}
	t.Logf("%d of %d were found", found, most)
	if found < most/4 {
		t.Errorf("%d of %d were found", found, most)
	}
}
