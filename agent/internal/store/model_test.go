package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
)

var errFailed = errors.New("the function fails")

// step is one operation within a transaction; it returns what it saw.
type step func(tx durable.Tx) (any, error)

func drawStep(t *rapid.T) step {
	name := rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "name")
	key := rapid.SampledFrom([]string{"", "k", "kk", "x"}).Draw(t, "key")
	n := rapid.Uint64Range(0, 6).Draw(t, "n")
	value := rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "value")
	if rapid.IntRange(0, 9).Draw(t, "large") == 0 {
		value = bytes.Repeat([]byte{7}, 9000) // over two pages
	}
	return rapid.SampledFrom([]step{
		func(tx durable.Tx) (any, error) { return nil, tx.Map(name).Put(key, value) },
		func(tx durable.Tx) (any, error) { return nil, tx.Map(name).Delete(key) },
		func(tx durable.Tx) (any, error) { return tx.Map(name).Get(key) },
		func(tx durable.Tx) (any, error) { return tx.Log(name).Append(value) },
		func(tx durable.Tx) (any, error) { return tx.Log(name).Append(value) },
		func(tx durable.Tx) (any, error) { return nil, sameKind(tx.Log(name).Put(n, value)) },
		func(tx durable.Tx) (any, error) { return nil, tx.Log(name).Delete(n) },
		func(tx durable.Tx) (any, error) { return tx.Log(name).Get(n) },
		func(tx durable.Tx) (any, error) { return scan(tx.Log(name), n, 2) },
		func(tx durable.Tx) (any, error) { return content(tx) },
		func(durable.Tx) (any, error) { return nil, errFailed },
	}).Draw(t, "step")
}

// sameKind makes the model's and the store's own errors comparable.
func sameKind(err error) error {
	if errors.Is(err, store.ErrNumber) || errors.Is(err, durabletest.ErrNumber) {
		return durabletest.ErrNumber
	}
	return err
}

func scan(l durable.Log, from uint64, limit int) (seen []string, err error) {
	err = l.Scan(from, func(n uint64, value []byte) error {
		seen = append(seen, fmt.Sprintf("%d=%x", n, value))
		if len(seen) == limit {
			return durable.ErrStop
		}
		return nil
	})
	return seen, err
}

// content is everything that a transaction can see of the names in use.
func content(tx durable.Tx) (seen []string, err error) {
	for _, name := range []string{"a", "b", ""} {
		entries := map[string]string{}
		eachErr := tx.Map(name).Each(func(key string, value []byte) error {
			entries[key] = fmt.Sprintf("%v=%x", value == nil, value)
			return nil
		})
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			seen = append(seen, name+"/"+key+entries[key])
		}
		entriesLen, lenErr := tx.Map(name).Len()
		last, lastErr := tx.Log(name).Last()
		logLen, logErr := tx.Log(name).Len()
		all, scanErr := scan(tx.Log(name), 0, -1)
		seen = append(append(seen, fmt.Sprint(name, entriesLen, last, logLen)), all...)
		err = errors.Join(err, eachErr, lenErr, lastErr, logErr, scanErr)
	}
	return seen, err
}

// function runs the steps until one fails, and reports what it saw.
func function(steps []step, seen *[]string) func(tx durable.Tx) error {
	return func(tx durable.Tx) error {
		*seen = nil
		for _, step := range steps {
			got, err := step(tx)
			*seen = append(*seen, fmt.Sprintf("%#v %v", got, err))
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// The store behaves as maps and slices in memory do, whatever is done to it,
// also when functions fail and when it is closed and opened in between.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(dir, "store.db")
		s, err := store.Open(path, testKey, store.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := errors.Join(s.Verify(), s.Close(), os.Remove(path)); err != nil {
				rt.Fatal(err)
			}
		}()
		model := durabletest.New()
		rt.Repeat(map[string]func(*rapid.T){
			"update": func(rt *rapid.T) {
				steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 8).Draw(rt, "steps")
				var got, want []string
				gotErr := s.Update(t.Context(), function(steps, &got))
				wantErr := model.Update(t.Context(), function(steps, &want))
				if !errors.Is(gotErr, wantErr) || !slices.Equal(got, want) {
					rt.Fatalf("got %v, %q\nwant %v, %q", gotErr, got, wantErr, want)
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				if s, err = store.Open(path, testKey, store.Options{}); err != nil {
					rt.Fatal(err)
				}
				if s.Unclean() {
					rt.Fatal("closed, but unclean")
				}
			},
			"": func(rt *rapid.T) {
				var got, want []string
				whole := []step{func(tx durable.Tx) (any, error) { return content(tx) }}
				if err := errors.Join(s.View(function(whole, &got)), model.View(function(whole, &want))); err != nil {
					rt.Fatal(err)
				}
				if !slices.Equal(got, want) {
					rt.Fatalf("view: got %q\nwant %q", got, want)
				}
			},
		})
	})
}
