package store_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// fillUp appends until the store is full, and checks that the refused update
// left nothing and that reading goes on. It returns how many are in the store,
// where n were before.
func fillUp(t *testing.T, s *store.Store, n int) int {
	t.Helper()
	block := make([]byte, 40_000)
	for ; ; n++ {
		err := s.Update(t.Context(), func(tx durable.Tx) error {
			_, err := tx.Log("l").Append(block)
			return errors.Join(err, tx.Map("m").Put("last", []byte{byte(n)}))
		})
		if err == nil && n < 10_000 {
			continue
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("after %d: got %v, want %v", n, err, store.ErrFull)
		}
		view(t, s, func(tx durable.Tx) error {
			last, err := tx.Map("m").Get("last")
			count, countErr := tx.Log("l").Len()
			if n == 0 || count != n || len(last) != 1 || last[0] != byte(n-1) {
				t.Errorf("got %d entries, last %v, want %d", count, last, n)
			}
			return errors.Join(err, countErr)
		})
		return n
	}
}

// deleteAll makes room within the file, where a full disk leaves it possible.
func deleteAll(t *testing.T, s *store.Store, n int) {
	t.Helper()
	update(t, s, func(tx durable.Tx) error {
		for i := range n {
			if err := tx.Log("l").Delete(uint64(i + 1)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(tx durable.Tx) error { _, err := tx.Log("l").Append(make([]byte, 40_000)); return err })
}

func TestFullByLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path, testKey, store.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	n := fillUp(t, s, 0)
	deleteAll(t, s, n)
	closeStore(t, s)
	s = open(t, path) // and without the limit there is room
	update(t, s, func(tx durable.Tx) error { return tx.Map("m").Put("large", make([]byte, 2<<20)) })
}

// When the commit fails, also a function that had failed by itself gets the
// commit's error: what it saw of its neighbour never happened, and "it is there
// already" would be a lie.
func TestFullTakesTheWholeGroup(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "store.db"), testKey, store.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	running, goOn := make(chan struct{}), make(chan struct{})
	held := make(chan error, 3)
	go func() {
		held <- s.Update(t.Context(), func(durable.Tx) error { close(running); <-goOn; return nil })
	}()
	<-running
	for i, fn := range []func(tx durable.Tx) error{
		func(tx durable.Tx) error { return tx.Map("m").Put("k", make([]byte, 2<<20)) },
		func(tx durable.Tx) error {
			if v, err := tx.Map("m").Get("k"); v == nil || err != nil {
				t.Errorf("the neighbour is not seen (%v)", err)
			}
			return errFailed
		},
	} {
		go func() { held <- s.Update(t.Context(), fn) }()
		waitPending(t, s, i+1)
	}
	close(goOn)
	if err := <-held; err != nil {
		t.Errorf("the first: got %v, want nil", err)
	}
	for range 2 {
		if err := <-held; !errors.Is(err, store.ErrFull) || errors.Is(err, errFailed) {
			t.Errorf("got %v, want %v", err, store.ErrFull)
		}
	}
}
