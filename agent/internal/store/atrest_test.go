package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
)

// Nothing that was given to the store can be found in its file, before or after
// it was deleted, nor in a backup.
func TestFileSaysNothing(t *testing.T) {
	secrets := []string{"MapNameSecret", "LogNameSecret", "ScopeSecret", "KeySecret", "ValueSecret", "EntrySecret"}
	path := filepath.Join(t.TempDir(), "store.db")
	search := func(when string, content []byte) {
		content = bytes.ToLower(content)
		for _, secret := range secrets {
			if at := bytes.Index(content, bytes.ToLower([]byte(secret))); at >= 0 {
				t.Errorf("%s: %s at byte %d", when, secret, at)
			}
		}
	}
	file := func(when string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		search(when, content)
	}
	s := open(t, path)
	scoped := durable.Scope(s, "ScopeSecret")
	for i := range 100 {
		update(t, scoped, func(tx durable.Tx) error {
			_, err := tx.Log("LogNameSecret").Append(bytes.Repeat([]byte("EntrySecret"), i))
			return errors.Join(err, tx.Map("MapNameSecret").Put(fmt.Sprint("KeySecret", i), []byte("ValueSecret")),
				tx.Map(fmt.Sprint("MapNameSecret", i)).Put("KeySecret", nil))
		})
	}
	file("written")
	var backup bytes.Buffer
	if err := s.Backup(&backup); err != nil {
		t.Fatal(err)
	}
	search("backup", backup.Bytes())
	failing := scoped.Update(t.Context(), func(tx durable.Tx) error {
		return errors.Join(tx.Map("MapNameSecret").Put("KeySecret", []byte("ValueSecret")), errFailed)
	})
	if !errors.Is(failing, errFailed) {
		t.Error(failing)
	}
	update(t, scoped, func(tx durable.Tx) error {
		for i := range 100 {
			err := errors.Join(tx.Map("MapNameSecret").Delete(fmt.Sprint("KeySecret", i)), tx.Log("LogNameSecret").Delete(uint64(i+1)))
			if err != nil {
				return err
			}
		}
		return nil
	})
	file("deleted")
	closeStore(t, s)
	file("closed")
	s = open(t, path)
	view(t, durable.Scope(s, "ScopeSecret"), func(tx durable.Tx) error {
		if n, err := tx.Map("MapNameSecret").Len(); n != 0 || err != nil {
			t.Errorf("got %d, %v, want an empty map", n, err)
		}
		return nil
	})
	file("opened again")
}

// edit changes a closed store's data buckets as somebody with bbolt and without
// the key could.
func edit(t *testing.T, path string, fn func(b *bolt.Bucket, keys [][]byte) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
			if string(name) == "header" {
				return nil
			}
			var keys [][]byte
			if err := b.ForEach(func(k, _ []byte) error {
				if len(k) > 1 { // not the count of a log
					keys = append(keys, bytes.Clone(k))
				}
				return nil
			}); err != nil {
				return err
			}
			return fn(b, keys)
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTampering(t *testing.T) {
	inMap := func(tx durable.Tx) error {
		return errors.Join(tx.Map("m").Put("a", []byte("one")), tx.Map("m").Put("b", []byte("two")))
	}
	inLog := func(tx durable.Tx) error {
		_, first := tx.Log("l").Append([]byte("one"))
		_, second := tx.Log("l").Append([]byte("two"))
		return errors.Join(first, second)
	}
	edits := map[string]func(b *bolt.Bucket, keys [][]byte) error{
		"flip first": func(b *bolt.Bucket, keys [][]byte) error { return flip(b, keys, 0) },
		"flip last":  func(b *bolt.Bucket, keys [][]byte) error { return flip(b, keys, -1) },
		"swap": func(b *bolt.Bucket, keys [][]byte) error {
			first, second := bytes.Clone(b.Get(keys[0])), bytes.Clone(b.Get(keys[1]))
			return errors.Join(b.Put(keys[0], second), b.Put(keys[1], first))
		},
		"shorten": func(b *bolt.Bucket, keys [][]byte) error {
			return errors.Join(b.Put(keys[0], []byte("x")), b.Put(keys[1], []byte{}))
		},
	}
	for kind, write := range map[string]func(tx durable.Tx) error{"map": inMap, "log": inLog} {
		for name, change := range edits {
			t.Run(kind+"/"+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "store.db")
				s := open(t, path)
				update(t, s, write)
				closeStore(t, s)
				edit(t, path, change)
				s, err := store.Open(path, testKey, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer closeStore(t, s)
				expectTampered(t, s, kind)
			})
		}
	}
	t.Run("other bucket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store.db")
		s := open(t, path)
		update(t, s, func(tx durable.Tx) error {
			_, first := tx.Log("l").Append([]byte("one"))
			_, second := tx.Log("other").Append([]byte("two"))
			return errors.Join(first, second)
		})
		closeStore(t, s)
		var value []byte // under the same number in both logs
		edit(t, path, func(b *bolt.Bucket, keys [][]byte) error {
			if value == nil {
				value = bytes.Clone(b.Get(keys[0]))
			}
			return b.Put(keys[0], value)
		})
		s, err := store.Open(path, testKey, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer closeStore(t, s)
		if err := s.Verify(); !errors.Is(err, store.ErrTampered) {
			t.Errorf("verify: got %v, want %v", err, store.ErrTampered)
		}
	})
}

func flip(b *bolt.Bucket, keys [][]byte, at int) error {
	for _, k := range keys {
		v := bytes.Clone(b.Get(k))
		v[(at+len(v))%len(v)] ^= 1
		if err := b.Put(k, v); err != nil {
			return err
		}
	}
	return nil
}

func expectTampered(t *testing.T, s *store.Store, kind string) {
	t.Helper()
	view(t, s, func(tx durable.Tx) error {
		var get, walk error
		if kind == "map" {
			_, get = tx.Map("m").Get("a")
			walk = tx.Map("m").Each(func(string, []byte) error { return nil })
		} else {
			_, get = tx.Log("l").Get(1)
			walk = tx.Log("l").Scan(1, func(uint64, []byte) error { return nil })
		}
		for name, err := range map[string]error{"get": get, "walk": walk, "verify": s.Verify()} {
			if !errors.Is(err, store.ErrTampered) {
				t.Errorf("%s: got %v, want %v", name, err, store.ErrTampered)
			}
		}
		return nil
	})
}

func TestWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	closeStore(t, open(t, path))
	other := sha256.Sum256([]byte("another key"))
	if _, err := store.Open(path, other[:], store.Options{}); !errors.Is(err, store.ErrWrongKey) || errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v, want %v", err, store.ErrWrongKey)
	}
	if _, err := store.OpenReadOnly(path, other[:], store.Options{}); !errors.Is(err, store.ErrWrongKey) {
		t.Errorf("reading: got %v, want %v", err, store.ErrWrongKey)
	}
	if _, err := store.Open(filepath.Join(t.TempDir(), "new", "store.db"), other[:31], store.Options{}); err == nil {
		t.Error("short key: got nil, want an error")
	}
	closeStore(t, open(t, path)) // the right one still fits
}
