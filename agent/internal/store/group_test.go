package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linkage-exchange/linkage/agent/internal/store"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/internal/eventually"
)

// Every update that was acknowledged to one of many callers is there after the
// store was opened again, and none that failed.
func TestGroups(t *testing.T) {
	const callers, each = 64, 25
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range each {
				err := s.Update(t.Context(), func(tx durable.Tx) error {
					if err := tx.Map("m").Put(fmt.Sprint(caller, "/", i), []byte("kept")); err != nil {
						return err
					}
					if _, err := tx.Log("l").Append([]byte(fmt.Sprint(caller))); err != nil {
						return err
					}
					if i%5 == 0 { // after it wrote, also over what neighbours wrote
						return errors.Join(errFailed, tx.Map("m").Put("shared", []byte(fmt.Sprint(caller))))
					}
					return tx.Map("m").Put("shared", []byte("good"))
				})
				if failed := errors.Is(err, errFailed); failed != (i%5 == 0) || (err != nil && !failed) {
					t.Errorf("caller %d, %d: got %v", caller, i, err)
				}
			}
		})
	}
	group.Wait()
	stats, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if stats.Updates < callers*each*4/5 || stats.Commits >= stats.Updates {
		t.Errorf("got %+v, want groups", stats)
	}
	closeStore(t, s)
	view(t, open(t, path), func(tx durable.Tx) error {
		for caller := range callers {
			for i := range each {
				got, err := tx.Map("m").Get(fmt.Sprint(caller, "/", i))
				if err != nil || (got != nil) != (i%5 != 0) {
					t.Errorf("caller %d, %d: got %q, %v", caller, i, got, err)
				}
			}
		}
		const want = callers * each * 4 / 5
		if got, err := tx.Map("m").Get("shared"); string(got) != "good" || err != nil {
			t.Errorf("shared: got %q, %v, want good", got, err)
		}
		last, err := tx.Log("l").Last()
		if n, lenErr := tx.Log("l").Len(); n != want || last != want || err != nil || lenErr != nil {
			t.Errorf("log: got %d entries, last %d, want %d", n, last, want)
		}
		return nil
	})
}

// Functions that came while another ran are one commit, and one of them that
// fails leaves no trace in what its neighbours see or keep.
func TestFailureAmongNeighbours(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	update(t, s, func(tx durable.Tx) error { return tx.Map("m").Put("old", []byte("before")) })
	running, goOn := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = s.Update(t.Context(), func(durable.Tx) error { close(running); <-goOn; return errFailed }) // only to hold the writer
	})
	<-running
	start, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	queue := func(n int, fn func(tx durable.Tx) error, want error) {
		group.Go(func() {
			if err := s.Update(t.Context(), fn); !errors.Is(err, want) {
				t.Errorf("function %d: got %v, want %v", n, err, want)
			}
		})
		waitPending(t, s, n) // so that they are run in this order
	}
	queue(1, func(tx durable.Tx) error { _, err := tx.Log("l").Append([]byte("first")); return err }, nil)
	queue(2, func(tx durable.Tx) error {
		m, l := tx.Map("m"), tx.Log("l")
		_, err := l.Append([]byte("never"))
		return errors.Join(err, m.Put("old", []byte("never")), m.Delete("old"), m.Put("new", nil), m.Put("new", nil),
			l.Put(1, []byte("never")), l.Delete(1), tx.Map("other").Put("k", nil), errFailed)
	}, errFailed)
	queue(3, func(tx durable.Tx) error {
		old, err := tx.Map("m").Get("old")
		first, firstErr := tx.Log("l").Get(1)
		n, appendErr := tx.Log("l").Append([]byte("second"))
		if string(old) != "before" || string(first) != "first" || n != 2 {
			t.Errorf("neighbour saw %q, %q, %d", old, first, n)
		}
		return errors.Join(err, firstErr, appendErr)
	}, nil)
	close(goOn)
	group.Wait()
	end, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if end.Commits != start.Commits+1 || end.Groups[1] != start.Groups[1]+1 {
		t.Errorf("got %+v after %+v, want one commit of three", end, start)
	}
	view(t, s, func(tx durable.Tx) error {
		m, err := tx.Map("m").Len()
		other, otherErr := tx.Map("other").Len()
		if m != 1 || other != 0 {
			t.Errorf("got %d and %d entries, want 1 and 0", m, other)
		}
		return errors.Join(err, otherErr)
	})
}

// waitPending returns once n updates wait in the queue.
func waitPending(t *testing.T, s *store.Store, n int) {
	t.Helper()
	eventually.True(t, "updates in the queue", func() bool {
		stats, err := s.Stats()
		return err == nil && stats.Pending >= n
	})
}
