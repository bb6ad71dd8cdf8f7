package store

import (
	"encoding/binary"
	"fmt"
	"io"

	bolt "go.etcd.io/bbolt"
)

// Stats is what a running store tells about itself. The counts begin at Open.
type Stats struct {
	// Bytes is the length of the used part of the file, Free how much of it
	// the next writes will fill before the file grows.
	Bytes, Free int64
	// Pending is the number of updates that wait.
	Pending int
	// Commits counts the synced transactions, Updates the functions in them.
	Commits, Updates uint64
	// Groups counts commits by the number of functions in them: [0] one, [1]
	// two or three, [2] four to seven, and so on to [9], 512.
	Groups [10]uint64
}

// Stats returns the figures of this moment, [durable.ErrClosed] after Close.
func (s *Store) Stats() (Stats, error) {
	s.mu.Lock()
	stats := Stats{Pending: len(s.waiting), Commits: s.commits, Updates: s.updates, Groups: s.groups}
	s.mu.Unlock()
	err := s.db.View(func(b *bolt.Tx) error {
		stats.Bytes = b.Size()
		return nil
	})
	free := s.db.Stats()
	stats.Free = int64(free.FreePageN+free.PendingPageN) * s.pageSize
	return stats, named(err)
}

// Backup writes a copy of the whole store as of this moment, sealed as the
// store is, while updates go on. Until it returns the file cannot reuse pages,
// so w should be a file and not a slow line.
func (s *Store) Backup(w io.Writer) error {
	err := s.db.View(func(b *bolt.Tx) error {
		_, err := b.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("back up store: %w", named(err))
	}
	return nil
}

// Verify opens every value of the store and returns the first that is not
// authentic ([ErrTampered]), and compares how many there are with what the file
// says in clear. It reads everything in one snapshot: it is for a backup that
// was just made, or a person who asks.
func (s *Store) Verify() error {
	err := s.db.View(func(b *bolt.Tx) error {
		return b.ForEach(func(token []byte, bucket *bolt.Bucket) error {
			if string(token) == headerBucket {
				return nil
			}
			entries, last := uint64(0), []byte(nil)
			err := bucket.ForEach(func(key, sealed []byte) error {
				if len(key) == len(countKey) {
					return nil
				}
				entries, last = entries+1, key
				_, err := s.keys.open(token, key, sealed)
				return err
			})
			if err == nil && !counted(bucket, entries, last) {
				err = fmt.Errorf("%w (bucket %x: the number of its entries)", ErrTampered, token)
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("verify store: %w", named(err))
	}
	return nil
}

// counted reports whether a bucket has as many entries as it says. A log says it
// under countKey, and its sequence is at least its last number; a map's sequence
// is the count.
func counted(b *bolt.Bucket, entries uint64, last []byte) bool {
	said := b.Get(countKey)
	if said == nil {
		return b.Sequence() == entries
	}
	return len(said) == 8 && binary.BigEndian.Uint64(said) == entries && (last == nil || binary.BigEndian.Uint64(last) <= b.Sequence())
}
