package durable_test

import (
	"context"
	"errors"
	"testing"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/durable/durabletest"
)

// What was decoded before must not outlive a change, nor come from a
// transaction that was undone.
func TestDecodedIsNeverStale(t *testing.T) {
	store := durabletest.New()
	var d durable.Decoded[map[string]int]
	read := func(tx durable.Tx) int {
		v, ok, err := d.Get(tx.Map("m"), "key")
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return 0
		}
		return v["n"]
	}
	write := func(n int, then error) {
		t.Helper()
		err := store.Update(context.Background(), func(tx durable.Tx) error {
			if err := durable.PutJSON(tx.Map("m"), "key", map[string]int{"n": n}); err != nil {
				return err
			}
			if got := read(tx); got != n {
				t.Errorf("within the transaction: got %d, want %d", got, n)
			}
			return then
		})
		if !errors.Is(err, then) {
			t.Fatal(err)
		}
	}
	want := func(n int) {
		t.Helper()
		if err := store.View(func(tx durable.Tx) error {
			if got := read(tx); got != n {
				t.Errorf("got %d, want %d", got, n)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	want(0)
	write(1, nil)
	want(1)
	want(1)
	write(2, errors.New("undone"))
	want(1)
	write(3, nil)
	want(3)
}
