package store

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
)

func open(path string, key []byte, opts Options, readOnly bool) (_ *Store, err error) {
	opts.setDefaults()
	if _, err := newKeyring(key, nil); err != nil { // before anything is made
		return nil, err
	}
	if !readOnly {
		if err := ensure(path, key, opts); err != nil {
			return nil, err
		}
	}
	s := &Store{readOnly: readOnly, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.close = sync.OnceValue(s.shutdown)
	if s.keys, s.unclean, err = inspect(path, key, opts); err != nil {
		return nil, err
	}
	if s.db, err = openBolt(path, opts, readOnly); err != nil {
		return nil, err
	}
	s.pageSize = int64(s.db.Info().PageSize)
	if !readOnly {
		if err := s.begin(path); err != nil {
			return nil, errors.Join(err, s.db.Close())
		}
	}
	return s, nil
}

// begin does what only the one who will write may do.
func (s *Store) begin(path string) error {
	if s.unclean {
		err := s.db.View(func(b *bolt.Tx) error {
			var first error
			for err := range b.Check() { // drained to its end: bolt's check waits for its reader
				if first == nil {
					first = corrupt("%v", err)
				}
			}
			return first
		})
		if err == nil {
			err = s.Verify() // what a torn or lost write left behind must not be found weeks later
		}
		if errors.Is(err, ErrTampered) {
			err = corrupt("%v", err)
		}
		if err != nil {
			return err
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	err := s.db.Update(func(b *bolt.Tx) error { return setOpen(b, true) })
	if err = named(err); err != nil && !errors.Is(err, ErrFull) {
		return err // a full disk must not keep an agent from showing what it has
	}
	return nil
}

// ensure makes an empty store at path if there is no file. It is made under
// another name, so that a power cut in between leaves no half store, and linked
// to its place, so that two processes that do this at once make one store.
func ensure(path string, key []byte, opts Options) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	temp := f.Name()
	defer func() { err = errors.Join(err, os.Remove(temp)) }()
	if err := f.Close(); err != nil {
		return err
	}
	db, err := openBolt(temp, opts, false)
	if err != nil {
		return err
	}
	err = db.Update(func(b *bolt.Tx) error { return writeHeader(b, key) })
	if err := errors.Join(err, db.Close()); err != nil {
		return named(err)
	}
	if err := os.Link(temp, path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := atomicfile.SyncDir(dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir)) // dir itself may be new
}

// inspect checks every page and the header under bolt's shared lock. bolt,
// opened for reading, looks at no page before it is asked to; opened for
// writing it reads them all on a goroutine of its own, where a damaged page
// would end the process.
func inspect(path string, key []byte, opts Options) (keys *keyring, unclean bool, err error) {
	db, err := openBolt(path, opts, true)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	err = db.View(func(b *bolt.Tx) error {
		if info.Size() < b.Size() {
			return corrupt("it has %d bytes of %d", info.Size(), b.Size())
		}
		pageSize := db.Info().PageSize
		w := walker{file: f, pageSize: pageSize, end: uint64(b.Size() / int64(pageSize))}
		if err := w.walk(uint64(b.Cursor().Bucket().Root())); err != nil {
			return err
		}
		keys, unclean, err = readHeader(b, key)
		return err
	})
	return keys, unclean, err
}

// openBolt makes a panic of bolt about a damaged file an error.
func openBolt(path string, opts Options, readOnly bool) (db *bolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt("%v", p)
		}
	}()
	o := &bolt.Options{
		Timeout:        opts.LockTimeout,
		NoFreelistSync: true, // a commit does not write the list of free pages; Open finds them anew
		FreelistType:   bolt.FreelistMapType,
		ReadOnly:       readOnly,
		MaxSize:        int(opts.MaxBytes),
	}
	// Address space ahead of need: a map that never moves never makes a commit
	// wait for readers. Windows would make the file as long as the map.
	if !readOnly && opts.MaxBytes == 0 && runtime.GOOS != "windows" && math.MaxInt > math.MaxInt32 {
		o.InitialMmapSize = 1 << 30
	}
	db, err = bolt.Open(path, 0o600, o)
	if _, system := errors.AsType[syscall.Errno](err); err != nil && !system && !errors.Is(err, bolterrors.ErrTimeout) {
		return nil, corrupt("%v", err) // what the system did not refuse, bolt did not understand
	}
	return db, named(err)
}
