package store

import (
	"context"
	"fmt"
	"math/bits"
	"runtime"
	"sync/atomic"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// A group ends at whichever comes first. The bytes bound the memory that a
// transaction takes before its commit.
const (
	maxGroup      = 512
	maxGroupBytes = 16 << 20
)

// request is one waiting Update.
type request struct {
	fn    func(tx durable.Tx) error
	taken atomic.Bool // by the writer, or by its own caller who gives up: whoever sets it decides
	done  chan error  // capacity 1: the writer never waits for a caller
}

// Update runs fn in a transaction that it may share with other callers, and
// returns fn's result after the commit was synced. If fn fails, its writes are
// undone and the others' are kept. If the commit fails, every caller of the
// group gets that error, also one whose fn had failed by itself, because what
// it saw of the others never happened. If ctx ends while the call waits, fn is
// not run; once fn runs, Update waits for the truth.
//
// fn runs on the store's own goroutine: a panic in it ends the process, and a
// call of Update or Close from within it never returns.
func (s *Store) Update(ctx context.Context, fn func(tx durable.Tx) error) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("update store: %w", err)
	}
	r := &request{fn: fn, done: make(chan error, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return durable.ErrClosed
	}
	s.waiting = append(s.waiting, r)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // a wake-up is on its way already
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return fmt.Errorf("update store: %w", ctx.Err())
		}
		return <-r.done
	}
}

// write is the writer goroutine. It ends once the store is closed and nothing
// waits.
func (s *Store) write() {
	finished := false
	defer func() {
		if finished {
			close(s.stopped)
			return
		}
		if p := recover(); p != nil {
			panic(p) // a programmer's error in fn: the process ends
		}
		panic("store: a function given to Update ended its goroutine (runtime.Goexit or t.FailNow)")
	}()
	for {
		group, open := s.take()
		for len(group) > 0 {
			group = group[s.commit(group):]
		}
		if !open {
			finished = true
			return
		}
	}
}

// take returns up to maxGroup waiting requests, in the order of their arrival;
// it waits for the first. open is false when there will never be another.
func (s *Store) take() (group []*request, open bool) {
	for {
		// Those whom the last commit released are about to come back; let
		// them, or each second group would hold a single request.
		runtime.Gosched()
		s.mu.Lock()
		n := min(len(s.waiting), maxGroup)
		group = s.waiting[:n:n]
		if s.waiting = s.waiting[n:]; len(s.waiting) == 0 {
			s.waiting = nil // lets go of the requests that are done
		}
		closed := s.closed
		s.mu.Unlock()
		if n > 0 || closed {
			return group, n > 0
		}
		<-s.wake
	}
}

// commit runs a prefix of group in one bolt transaction, tells the callers,
// and returns the prefix's length.
func (s *Store) commit(group []*request) int {
	results, err := s.run(group)
	if err != nil {
		err = fmt.Errorf("update store: %w", err)
	}
	for i := range results {
		if err != nil {
			results[i] = err
		}
		group[i].done <- results[i] // for one that gave up, nobody listens
	}
	return len(results)
}

// run returns the functions' own results, and an error if none of them counts
// because the transaction as a whole failed.
func (s *Store) run(group []*request) (results []error, err error) {
	if s.doubtful.Load() {
		return make([]error, len(group)), ErrDoubtful
	}
	b, err := s.db.Begin(true)
	if err != nil {
		return make([]error, len(group)), named(err)
	}
	t := newTx(b, s.keys)
	changed, ran := false, 0
	for i := 0; i < len(group) && t.bytes < maxGroupBytes; i++ {
		if !group[i].taken.CompareAndSwap(false, true) {
			results = append(results, context.Canceled)
			continue
		}
		ran++
		t.undo = t.undo[:0]
		result := group[i].fn(t)
		results = append(results, result)
		if result == nil {
			changed = changed || len(t.undo) > 0
		} else if err := t.rollback(); err != nil {
			_ = b.Rollback() // returns an error only for a transaction that ended already
			return results, err
		}
	}
	if !changed { // nothing to sync: what the functions saw is on disk already
		_ = b.Rollback()
		return results, nil
	}
	id := b.ID()
	if err := b.Commit(); err != nil {
		return results, s.failed(id, err)
	}
	s.count(ran)
	return results, nil
}

// failed tells a commit that did not happen from one of which nobody knows:
// when bolt fails after it wrote the new meta page, its readers already see
// the transaction, but the disk may not have it.
func (s *Store) failed(id int, cause error) error {
	b, err := s.db.Begin(false)
	if err == nil {
		seen := b.ID()
		_ = b.Rollback() // ends the reading; cannot fail here
		if seen < id {
			return named(cause)
		}
	}
	s.doubtful.Store(true)
	return fmt.Errorf("%w (%w)", ErrDoubtful, cause)
}

func (s *Store) count(ran int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits++
	s.updates += uint64(ran)
	s.groups[bits.Len(uint(ran))-1]++
}
