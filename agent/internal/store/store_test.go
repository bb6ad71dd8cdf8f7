package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// testKey is the key of every store of these tests.
var testKey = func() []byte { k := sha256.Sum256([]byte("a key for tests")); return k[:] }()

// open opens a store that the test's end closes and checks.
func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(path, testKey, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Verify(); err != nil && !errors.Is(err, durable.ErrClosed) {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func update(t testing.TB, s durable.Store, fn func(tx durable.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s durable.Store, fn func(tx durable.Tx) error) {
	t.Helper()
	if err := s.View(fn); err != nil {
		t.Fatal(err)
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "store.db")
	s := open(t, path)
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want %v", p, info.Mode(), err, want)
		}
	}
	closeStore(t, s)
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("directory: got %v, %v, want the store alone", entries, err)
	}
}

func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	quick := store.Options{LockTimeout: 1}
	if _, err := store.Open(path, testKey, quick); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second open: got %v, want %v", err, store.ErrInUse)
	}
	if _, err := store.OpenReadOnly(path, testKey, quick); !errors.Is(err, store.ErrInUse) {
		t.Errorf("second open for reading: got %v, want %v", err, store.ErrInUse)
	}
	closeStore(t, s)
	closeStore(t, open(t, path))
}

// Stores that come into being at the same moment are one store.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "store.db")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			s, err := store.Open(path, testKey, store.Options{LockTimeout: 1 << 40})
			if err != nil {
				t.Error(err)
				return
			}
			err = s.Update(t.Context(), func(tx durable.Tx) error { return tx.Map("m").Put(fmt.Sprint(i), nil) })
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	view(t, open(t, path), func(tx durable.Tx) error {
		if n, err := tx.Map("m").Len(); n != 4 || err != nil {
			t.Errorf("got %d, %v, want the entries of all four", n, err)
		}
		return nil
	})
}

func TestOpenReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if _, err := store.OpenReadOnly(path, testKey, store.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: got %v, want %v", err, os.ErrNotExist)
	}
	s := open(t, path)
	update(t, s, func(tx durable.Tx) error { return tx.Map("m").Put("k", []byte("v")) })
	closeStore(t, s)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.OpenReadOnly(path, testKey, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.OpenReadOnly(path, testKey, store.Options{})
	if err != nil {
		t.Fatalf("two readers: %v", err)
	}
	view(t, again, func(tx durable.Tx) error {
		if got, err := tx.Map("m").Get("k"); string(got) != "v" || err != nil {
			t.Errorf("got %q, %v, want v", got, err)
		}
		return nil
	})
	if err := r.Update(t.Context(), func(durable.Tx) error { return nil }); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("update: got %v, want %v", err, store.ErrReadOnly)
	}
	closeStore(t, r)
	closeStore(t, again)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading changed the file (%v)", err)
	}
}

func TestViewRefusesWrites(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	for range 2 { // without and with the buckets
		view(t, s, func(tx durable.Tx) error {
			_, appendErr := tx.Log("l").Append(nil)
			for name, err := range map[string]error{
				"put": tx.Map("m").Put("k", nil), "delete": tx.Map("m").Delete("k"), "append": appendErr,
				"log put": tx.Log("l").Put(1, nil), "log delete": tx.Log("l").Delete(1),
			} {
				if !errors.Is(err, store.ErrReadOnly) {
					t.Errorf("%s: got %v, want %v", name, err, store.ErrReadOnly)
				}
			}
			return nil
		})
		update(t, s, func(tx durable.Tx) error {
			_, err := tx.Log("l").Append(nil)
			return errors.Join(err, tx.Map("m").Put("k", nil))
		})
	}
}

func TestClosed(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	closeStore(t, s)
	closeStore(t, s)
	nop := func(durable.Tx) error { return nil }
	_, statsErr := s.Stats()
	for name, err := range map[string]error{
		"update": s.Update(t.Context(), nop), "view": s.View(nop), "backup": s.Backup(&bytes.Buffer{}),
		"verify": s.Verify(), "stats": statsErr,
	} {
		if !errors.Is(err, durable.ErrClosed) {
			t.Errorf("%s: got %v, want %v", name, err, durable.ErrClosed)
		}
	}
}

// Close lets what was accepted finish, and so does a context that ends too late.
func TestCloseAndCancelWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	running, goOn := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 3)
	put := func(key string) func(tx durable.Tx) error {
		return func(tx durable.Tx) error { return tx.Map("m").Put(key, nil) }
	}
	go func() {
		results <- s.Update(ctx, func(tx durable.Tx) error {
			close(running)
			<-goOn
			return put("running")(tx)
		})
	}()
	<-running
	go func() { results <- s.Update(context.Background(), put("queued")) }()
	waitPending(t, s, 1)
	given := make(chan error)
	go func() { given <- s.Update(ctx, put("cancelled")) }()
	waitPending(t, s, 2)
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) { // returns although the writer is busy
		t.Errorf("cancelled in the queue: got %v, want %v", err, context.Canceled)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	close(goOn)
	for range 2 {
		if err := <-results; err != nil {
			t.Errorf("accepted before Close: got %v, want nil", err)
		}
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	view(t, open(t, path), func(tx durable.Tx) error {
		for key, want := range map[string]bool{"running": true, "queued": true, "cancelled": false} {
			if got, err := tx.Map("m").Get(key); (got != nil) != want || err != nil {
				t.Errorf("%s: got %v, %v, want there: %v", key, got, err, want)
			}
		}
		return nil
	})
	if err := s.Update(ctx, put("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: got %v, want %v", err, context.Canceled)
	}
}

func TestBackupOpens(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store.db"))
	update(t, s, func(tx durable.Tx) error { _, err := tx.Log("l").Append([]byte("before")); return err })
	f, err := os.Create(filepath.Join(dir, "copy.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Backup(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx durable.Tx) error { _, err := tx.Log("l").Append([]byte("after")); return err })
	restored := open(t, f.Name())
	if !restored.Unclean() {
		t.Error("a copy of an open store must count as unclean")
	}
	view(t, restored, func(tx durable.Tx) error {
		if n, err := tx.Log("l").Len(); n != 1 || err != nil {
			t.Errorf("got %d, %v, want 1", n, err)
		}
		return nil
	})
}
