package store

import (
	"errors"
	"fmt"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// The errors that a caller tells apart. Their texts name the remedy, because
// they end on the screen of whoever starts the agent.
var (
	// ErrInUse is returned by Open while another process has the file open.
	ErrInUse = errors.New("another linkage process uses this store: stop it first")
	// ErrWrongKey is returned by Open when the file is sound but was made
	// with another key.
	ErrWrongKey = errors.New("the key does not belong to this store: use the vault that was made with it")
	// ErrCorrupt is returned by Open when the file is damaged. Nothing was
	// changed in it.
	ErrCorrupt = errors.New("the store file is damaged: keep a copy of it and restore the last backup")
	// ErrNewer is returned by Open for a file of a later version of linkage.
	ErrNewer = errors.New("the store was written by a newer version of linkage: upgrade this one")
	// ErrTampered is returned when a value read is not one that this store
	// wrote at that place.
	ErrTampered = errors.New("a stored value was changed outside of linkage")
	// ErrFull is returned by Update when the disk has no room. Nothing of the
	// update was written; the store goes on working once there is room.
	ErrFull = errors.New("the disk is full: make room")
	// ErrDoubtful is returned by Update when the disk failed at the one moment
	// at which nobody can know whether the change is on it, and by everything
	// after that. Only closing and opening again tells.
	ErrDoubtful = errors.New("the disk failed while a change was being recorded: check the disk, then start again")
	// ErrReadOnly is returned for a write within View, and by Update of a
	// store opened with OpenReadOnly.
	ErrReadOnly = errors.New("write in a read-only transaction")
	// ErrNumber is returned by Log.Put for a number that Append never gave.
	ErrNumber = errors.New("the log has given no such number")
	// ErrTooLarge is returned by a write of a value over 64 MiB.
	ErrTooLarge = errors.New("value exceeds 64 MiB")
)

// corrupt makes an [ErrCorrupt] that says what was found.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w (%s)", ErrCorrupt, fmt.Sprintf(format, args...))
}

// named puts our name on an error of bolt.
func named(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return durable.ErrClosed
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG),
		errors.Is(err, bolterrors.ErrMaxSizeReached):
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}
