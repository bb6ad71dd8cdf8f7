// Package durabletest holds an in-memory [durable.Store]: the model that the
// real store is compared with, and a store for the tests of those who write
// through one. It is as strict as the real one about rollback and read-only
// transactions, and it keeps nothing.
package durabletest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// ErrReadOnly is returned by a write within View.
var ErrReadOnly = errors.New("write in a read-only transaction")

// ErrNumber is returned by Log.Put for a number that Append never gave.
var ErrNumber = errors.New("log has given no such number")

// Memory is a [durable.Store] in memory. The zero value is not usable.
type Memory struct {
	mu     sync.RWMutex // guards all below
	maps   map[string]map[string][]byte
	logs   map[string]*memoryLog
	closed bool
}

type memoryLog struct {
	last    uint64
	entries map[uint64][]byte
}

// New makes an empty store.
func New() *Memory {
	return &Memory{maps: map[string]map[string][]byte{}, logs: map[string]*memoryLog{}}
}

// Close makes every later call return [durable.ErrClosed].
func (s *Memory) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Update runs fn alone, and undoes its writes if it returns an error.
func (s *Memory) Update(ctx context.Context, fn func(tx durable.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return durable.ErrClosed
	}
	tx := &memoryTx{store: s, writable: true}
	done := false
	defer func() { // a panic in fn leaves no trace either
		if !done {
			tx.rollback()
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	done = true
	return nil
}

// View runs fn while no Update runs.
func (s *Memory) View(fn func(tx durable.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return durable.ErrClosed
	}
	return fn(&memoryTx{store: s})
}

type memoryTx struct {
	store    *Memory
	writable bool
	undo     []func()
}

func (tx *memoryTx) rollback() {
	for _, undo := range slices.Backward(tx.undo) {
		undo()
	}
}

func (tx *memoryTx) Map(name string) durable.Map { return memoryMapView{tx, name} }
func (tx *memoryTx) Log(name string) durable.Log { return memoryLogView{tx, name} }

type memoryMapView struct {
	tx   *memoryTx
	name string
}

func (m memoryMapView) entries() map[string][]byte { return m.tx.store.maps[m.name] }

func (m memoryMapView) Get(key string) ([]byte, error) { return clone(m.entries()[key]), nil }

func (m memoryMapView) Put(key string, value []byte) error {
	if !m.tx.writable {
		return ErrReadOnly
	}
	if m.entries() == nil {
		m.tx.store.maps[m.name] = map[string][]byte{}
	}
	m.remember(key)
	m.entries()[key] = append([]byte{}, value...)
	return nil
}

func (m memoryMapView) Delete(key string) error {
	if !m.tx.writable {
		return ErrReadOnly
	}
	m.remember(key)
	delete(m.entries(), key)
	return nil
}

func (m memoryMapView) remember(key string) {
	entries := m.entries()
	old, there := entries[key]
	m.tx.undo = append(m.tx.undo, func() {
		if there {
			entries[key] = old
		} else {
			delete(entries, key)
		}
	})
}

func (m memoryMapView) Each(fn func(key string, value []byte) error) error {
	for key, value := range m.entries() { // the order of a Go map: none that a caller could lean on
		if err := fn(key, clone(value)); err != nil {
			return stopped(err)
		}
	}
	return nil
}

func (m memoryMapView) Len() (int, error) { return len(m.entries()), nil }

type memoryLogView struct {
	tx   *memoryTx
	name string
}

func (l memoryLogView) log() *memoryLog {
	if log := l.tx.store.logs[l.name]; log != nil {
		return log
	}
	return &memoryLog{} // reads only: a nil map reads as empty
}

func (l memoryLogView) Append(value []byte) (uint64, error) {
	if !l.tx.writable {
		return 0, ErrReadOnly
	}
	log := l.tx.store.logs[l.name]
	if log == nil {
		log = &memoryLog{entries: map[uint64][]byte{}}
		l.tx.store.logs[l.name] = log
	}
	n := log.last + 1
	l.tx.undo = append(l.tx.undo, func() { delete(log.entries, n); log.last = n - 1 })
	log.last, log.entries[n] = n, append([]byte{}, value...)
	return n, nil
}

func (l memoryLogView) Get(n uint64) ([]byte, error) { return clone(l.log().entries[n]), nil }

func (l memoryLogView) Put(n uint64, value []byte) error {
	if !l.tx.writable {
		return ErrReadOnly
	}
	log := l.log()
	if n == 0 || n > log.last {
		return ErrNumber
	}
	l.remember(log, n)
	log.entries[n] = append([]byte{}, value...)
	return nil
}

func (l memoryLogView) Delete(n uint64) error {
	if !l.tx.writable {
		return ErrReadOnly
	}
	log := l.log()
	l.remember(log, n)
	delete(log.entries, n)
	return nil
}

func (l memoryLogView) remember(log *memoryLog, n uint64) {
	old, there := log.entries[n]
	l.tx.undo = append(l.tx.undo, func() {
		if there {
			log.entries[n] = old
		} else {
			delete(log.entries, n)
		}
	})
}

func (l memoryLogView) Scan(from uint64, fn func(n uint64, value []byte) error) error {
	entries := l.log().entries
	for _, n := range slices.Sorted(maps.Keys(entries)) {
		if n < from {
			continue
		}
		if err := fn(n, clone(entries[n])); err != nil {
			return stopped(err)
		}
	}
	return nil
}

func (l memoryLogView) Last() (uint64, error) { return l.log().last, nil }
func (l memoryLogView) Len() (int, error)     { return len(l.log().entries), nil }

func stopped(err error) error {
	if errors.Is(err, durable.ErrStop) {
		return nil
	}
	return err
}

// clone keeps nil apart from empty.
func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}
