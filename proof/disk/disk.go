//go:build linux

package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is a mounted file system.
type Disk struct {
	mount string // where it is seen
	data  string // where its content lies
	grave string // removed files, while the removal is not synced

	server *fuse.Server

	mu      sync.Mutex // guards what follows, and every change of the content
	pending []change   // what was not synced, oldest first
	files   map[uint64]*os.File
	buried  int // names the next file in grave
	lost    int // see Lost
}

// change is one change that was not synced.
type change struct {
	// inode is the file whose content it changed; 0 if it changed names, which
	// the sync of anything makes durable.
	inode uint64
	// undo takes it back but for the first kept bytes of what was written.
	undo func(kept int) error
	size int    // how many bytes were written
	drop func() // called once it is durable; may be nil
}

// Possible reports whether this machine can mount such a disk; the error says
// what is missing.
func Possible() error {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("a disk that loses power needs /dev/fuse: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("a disk that loses power needs the right to mount")
	}
	return nil
}

// Mount makes a disk that is seen at an empty directory. Its content lies in
// back, which must be on the same machine and not below mount.
func Mount(mount, back string) (*Disk, error) {
	d := &Disk{mount: mount, data: filepath.Join(back, "data"), grave: filepath.Join(back, "grave"), files: map[uint64]*os.File{}}
	for _, dir := range []string{mount, d.data, d.grave} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make disk: %w", err)
		}
	}
	return d, d.connect()
}

// connect mounts. Nothing is remembered by the kernel across calls, so that
// what a loss of power took away is not seen again.
func (d *Disk) connect() error {
	root, err := fs.NewLoopbackRoot(d.data)
	if err != nil {
		return fmt.Errorf("mount disk: %w", err)
	}
	none := time.Duration(0)
	d.server, err = fs.Mount(d.mount, &node{root.(*fs.LoopbackNode), d}, &fs.Options{
		EntryTimeout: &none, AttrTimeout: &none, NegativeTimeout: &none,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "linkage-disk", Name: "linkage"},
	})
	if err != nil {
		return fmt.Errorf("mount disk: %w", err)
	}
	return nil
}

// PowerLoss takes away everything that was not synced. Nobody may have a file
// of the disk open. With torn, parts of what was written survive, as it says.
func (d *Disk) PowerLoss(torn *rand.Rand) error {
	if err := d.disconnect(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for i := len(d.pending) - 1; i >= 0; i-- {
		c := d.pending[i]
		if err := c.undo(c.survives(torn)); err != nil {
			errs = append(errs, err)
		}
	}
	d.lost += len(d.pending)
	d.pending = nil
	d.forget()
	return errors.Join(errors.Join(errs...), d.connect())
}

// sector is what a real disk writes whole or not at all.
const sector = 512

// survives says how many bytes of a write outlive the loss of power.
func (c change) survives(torn *rand.Rand) int {
	if torn == nil || c.size == 0 {
		return 0
	}
	switch torn.IntN(3) {
	case 0:
		return 0
	case 1:
		return c.size
	default:
		return torn.IntN(c.size/sector+1) * sector
	}
}

// Lost is how many changes all losses of power together took away, those of
// which a part survived included.
func (d *Disk) Lost() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// Close unmounts. The content then lies where Content says, as if synced.
func (d *Disk) Close() error {
	err := d.disconnect()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = nil
	d.forget()
	return err
}

// Content is where the disk's files lie when it is not mounted.
func (d *Disk) Content() string { return d.data }

// unmountFor bounds the wait for a process that was just killed to let go.
const unmountFor = 10 * time.Second

func (d *Disk) disconnect() error {
	deadline := time.Now().Add(unmountFor)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := d.server.Unmount()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("unmount disk %s: %w", d.mount, err)
		}
		<-tick.C
	}
}

// synced makes a file's content durable, and all names.
func (d *Disk) synced(inode uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := d.pending[:0]
	for _, c := range d.pending {
		switch {
		case c.inode != 0 && c.inode != inode:
			rest = append(rest, c)
		case c.drop != nil:
			c.drop()
		}
	}
	clear(d.pending[len(rest):])
	d.pending = rest
	if f := d.files[inode]; f != nil {
		_ = f.Close() // nothing is buffered in it
		delete(d.files, inode)
	}
}

// forget lets go of every open file.
func (d *Disk) forget() {
	for inode, f := range d.files {
		_ = f.Close() // nothing is buffered in it
		delete(d.files, inode)
	}
}

// handleOf returns a handle of a file that stays usable whatever becomes of its
// name. The caller holds d.mu.
func (d *Disk) handleOf(inode uint64, open *os.File) (*os.File, error) {
	if f := d.files[inode]; f != nil {
		return f, nil
	}
	fd, err := syscall.Dup(int(open.Fd()))
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), open.Name())
	d.files[inode] = f
	return f, nil
}

// write changes a file's content. The caller holds no lock.
func (d *Disk) write(inode uint64, open *os.File, data []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.handleOf(inode, open)
	if err != nil {
		return 0, err
	}
	size, before, err := contentOf(f, offset, len(data))
	if err != nil {
		return 0, err
	}
	n, err := f.WriteAt(data, offset)
	if n > 0 {
		end := offset + int64(n)
		d.pending = append(d.pending, change{inode: inode, size: n, undo: func(kept int) error {
			return restore(f, before, offset, end, size, kept)
		}})
	}
	return n, err
}

// contentOf returns a file's size and what stands where n bytes are about to be
// written.
func contentOf(f *os.File, offset int64, n int) (size int64, before []byte, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, nil, err
	}
	size = info.Size()
	if covered := min(size-offset, int64(n)); covered > 0 {
		before = make([]byte, covered)
		if _, err := f.ReadAt(before, offset); err != nil {
			return 0, nil, err
		}
	}
	return size, before, nil
}

// restore puts back what a write replaced, but for its first kept bytes. Where
// it made the file longer, the file becomes as short as before, or has zeros
// there if later writes survived behind it.
func restore(f *os.File, before []byte, offset, end, size int64, kept int) error {
	if kept < len(before) {
		if _, err := f.WriteAt(before[kept:], offset+int64(kept)); err != nil {
			return err
		}
	}
	from := max(size, offset+int64(kept))
	if end <= from {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() <= end {
		return f.Truncate(from)
	}
	_, err = f.WriteAt(make([]byte, end-from), from)
	return err
}

// truncate changes a file's size.
func (d *Disk) truncate(path string, size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	open, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- below our own directory
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // nothing is buffered in it
	inode, err := inodeOf(open)
	if err != nil {
		return err
	}
	f, err := d.handleOf(inode, open)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	was, tail := info.Size(), []byte(nil)
	if was > size {
		if _, tail, err = contentOf(f, size, int(was-size)); err != nil {
			return err
		}
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	d.pending = append(d.pending, change{inode: inode, undo: func(int) error {
		if err := f.Truncate(was); err != nil {
			return err
		}
		_, err := f.WriteAt(tail, size)
		return err
	}})
	return nil
}

// named notes a change of names.
func (d *Disk) named(undo func() error, drop func()) {
	d.pending = append(d.pending, change{undo: func(int) error { return undo() }, drop: drop})
}

// bury keeps a second name of a file that is about to lose its own. It returns
// "" for what cannot be brought back and need not be, such as a socket.
func (d *Disk) bury(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", nil //nolint:nilerr // there is nothing to keep
	}
	d.buried++
	place := filepath.Join(d.grave, strconv.Itoa(d.buried))
	return place, os.Link(path, place)
}

// exhume gives a buried file its name back, unless the name was taken since by
// one that is durable.
func exhume(place, path string) error {
	if place == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return os.Remove(place)
	}
	return os.Rename(place, path)
}

func inodeOf(f *os.File) (uint64, error) {
	var st syscall.Stat_t
	err := syscall.Fstat(int(f.Fd()), &st)
	return st.Ino, err
}
