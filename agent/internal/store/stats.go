package store

import (
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
// authentic ([ErrTampered]). It reads everything in one snapshot: it is for a
// backup that was just made, or a person who asks.
func (s *Store) Verify() error {
	err := s.db.View(func(b *bolt.Tx) error {
		return b.ForEach(func(token []byte, bucket *bolt.Bucket) error {
			if string(token) == headerBucket {
				return nil
			}
			return bucket.ForEach(func(key, sealed []byte) error {
				if len(key) == len(countKey) {
					return nil
				}
				_, err := s.keys.open(token, key, sealed)
				return err
			})
		})
	})
	if err != nil {
		return fmt.Errorf("verify store: %w", named(err))
	}
	return nil
}
