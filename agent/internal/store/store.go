package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// Options are the settings of a store; the zero value is good.
type Options struct {
	// LockTimeout is how long Open waits for a file that another process has
	// open; default one second.
	LockTimeout time.Duration
	// MaxBytes bounds the file; an update beyond it returns [ErrFull]. 0: the
	// disk is the bound.
	MaxBytes int64
}

func (o *Options) setDefaults() {
	if o.LockTimeout <= 0 {
		o.LockTimeout = time.Second
	}
}

// Store is an open store file. It is safe for concurrent use.
type Store struct {
	db       *bolt.DB
	keys     *keyring
	pageSize int64
	readOnly bool
	unclean  bool
	doubtful atomic.Bool // a commit of which nobody knows whether it is on disk

	wake    chan struct{} // capacity 1: something waits, or the store was closed
	stopped chan struct{} // closed by the writer when it ends
	close   func() error

	mu      sync.Mutex // guards all below
	closed  bool
	waiting []*request
	commits uint64
	updates uint64
	groups  [10]uint64
}

var _ durable.Store = (*Store)(nil)

// Open opens the store at path, which it makes if there is none: the file with
// mode 0600, its directory, if absent, with 0700. key has 32 bytes. Before bolt
// touches it, every page of the file is checked, so that a damaged file is an
// error ([ErrCorrupt]) and not the end of the process; that takes about as long
// as reading the file.
//
// If the last process did not close it, every value is opened, too.
//
// The other errors to tell apart are [ErrInUse], [ErrWrongKey] and [ErrNewer].
func Open(path string, key []byte, opts Options) (*Store, error) {
	s, err := open(path, key, opts, false)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	go s.write()
	return s, nil
}

// OpenReadOnly opens an existing store for View, Backup, Verify and Stats, and
// writes nothing. While an agent runs with the file, it returns [ErrInUse]:
// what a running agent has is to be seen in a copy that its Backup made. While
// the file is open here, no agent can open it.
func OpenReadOnly(path string, key []byte, opts Options) (*Store, error) {
	s, err := open(path, key, opts, true)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	close(s.stopped)
	return s, nil
}

// View runs fn on a snapshot of what the last finished Update left. fn must be
// short: as long as it runs, the file cannot reuse its pages and grows. It must
// not wait for an Update, which may be waiting for it.
func (s *Store) View(fn func(tx durable.Tx) error) error {
	if s.doubtful.Load() {
		return ErrDoubtful
	}
	b, err := s.db.Begin(false)
	if err != nil {
		return named(err)
	}
	defer func() { _ = b.Rollback() }() // ends the reading; has nothing to undo
	return fn(newTx(b, s.keys))
}

// Unclean reports whether the last process that had the store open did not
// close it.
func (s *Store) Unclean() bool { return s.unclean }

// Close lets the updates that wait finish, refuses new ones with
// [durable.ErrClosed], waits for every View to return and gives the file free.
// A second Close waits for the first and returns its result.
func (s *Store) Close() error { return s.close() }

func (s *Store) shutdown() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	<-s.stopped
	if !s.readOnly && !s.doubtful.Load() {
		// On a full disk this fails, and the next Open takes longer: no harm.
		_ = s.db.Update(func(b *bolt.Tx) error { return setOpen(b, false) })
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}
