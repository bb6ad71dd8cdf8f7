// Package atomicfile replaces a small file so that a reader, and whoever
// starts after a power cut, finds the old content or the new one, never a part.
package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write replaces the file at path by data, with exactly the given permissions
// (the umask does not narrow them), and returns once the content and the new
// name are on disk. On an error before the rename the old file is untouched; on
// an error after it (the directory could not be synced) the new content is in
// place but a power cut may still bring back the old one.
func Write(path string, data []byte, mode os.FileMode) error {
	return write(path, holding(data), mode, os.Rename)
}

// Create is [Write] for a file that must not exist yet. If it does, also when
// somebody else makes it at the same time, the error is [os.ErrExist] and the
// file stays as it was.
func Create(path string, data []byte, mode os.FileMode) error {
	return CreateWith(path, mode, holding(data))
}

// CreateWith is [Create] for a file that is not small: fill writes it, and may
// read back what it wrote. The name is given only if fill returns no error.
func CreateWith(path string, mode os.FileMode, fill func(*os.File) error) error {
	return write(path, fill, mode, func(temp, path string) error {
		if err := os.Link(temp, path); err != nil { // unlike rename, link refuses to replace
			return err
		}
		return os.Remove(temp)
	})
}

func holding(data []byte) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.Write(data)
		return err
	}
}

func write(path string, content func(*os.File) error, mode os.FileMode, place func(temp, path string) error) (err error) {
	dir := filepath.Dir(path)
	// In the same directory, for rename does not cross file systems. The name
	// starts with a dot so that a *.json loader passes over a leftover.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // err already says why; after the rename there is nothing to remove
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err := fill(f, content, mode); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

// fill writes, syncs and closes f.
func fill(f *os.File, content func(*os.File) error, mode os.FileMode) error {
	err := f.Chmod(mode)
	if err == nil {
		err = content(f)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the names in a directory durable: files made, renamed or
// removed in it before the call are so after a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
