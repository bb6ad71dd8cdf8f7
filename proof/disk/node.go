//go:build linux

package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a file or directory: the pass-through's, but what changes something
// is noted.
type node struct {
	*fs.LoopbackNode
	disk *Disk
}

var (
	_ fs.NodeWrapChilder    = (*node)(nil)
	_ fs.NodeCreater        = (*node)(nil)
	_ fs.NodeOpener         = (*node)(nil)
	_ fs.NodeMkdirer        = (*node)(nil)
	_ fs.NodeRmdirer        = (*node)(nil)
	_ fs.NodeUnlinker       = (*node)(nil)
	_ fs.NodeRenamer        = (*node)(nil)
	_ fs.NodeLinker         = (*node)(nil)
	_ fs.NodeSetattrer      = (*node)(nil)
	_ fs.NodeOpendirHandler = (*node)(nil)
	_ fs.NodeCopyFileRanger = (*node)(nil)
)

// WrapChild makes the nodes below a node of the same kind.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{ops.(*fs.LoopbackNode), n.disk}
}

// path is where the node's content lies.
func (n *node) path() string { return filepath.Join(n.disk.data, n.Path(nil)) }

// Create makes and opens a file.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	path := filepath.Join(n.path(), name)
	child, plain, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, readable(flags)|syscall.O_EXCL, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	_ = plain.(fs.FileReleaser).Release(ctx) // it is opened again below, as a handle of ours
	h, err := openHandle(n.disk, path, flags)
	if err != nil {
		return nil, nil, 0, fs.ToErrno(err)
	}
	n.disk.named(func() error { return gone(os.Remove(path)) }, nil)
	return child, h, fuseFlags, 0
}

// gone is the error of a removal, unless there was nothing to remove.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// readable makes flags that let us read what is about to be replaced.
func readable(flags uint32) uint32 {
	return flags&^(syscall.O_ACCMODE|syscall.O_APPEND|syscall.O_TRUNC) | syscall.O_RDWR
}

// Open opens a file.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	path := n.path()
	if flags&syscall.O_TRUNC != 0 {
		if err := n.disk.truncate(path, 0); err != nil {
			return nil, 0, fs.ToErrno(err)
		}
	}
	h, err := openHandle(n.disk, path, flags)
	if err != nil {
		return nil, 0, fs.ToErrno(err)
	}
	return h, 0, 0
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	path := filepath.Join(n.path(), name)
	child, errno := n.LoopbackNode.Mkdir(ctx, name, mode, out)
	if errno == 0 {
		n.disk.named(func() error { return gone(os.RemoveAll(path)) }, nil)
	}
	return child, errno
}

// Rmdir removes an empty directory.
func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	path := filepath.Join(n.path(), name)
	errno := n.LoopbackNode.Rmdir(ctx, name)
	if errno == 0 {
		n.disk.named(func() error { return os.MkdirAll(path, 0o700) }, nil)
	}
	return errno
}

// Unlink removes a file.
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	path := filepath.Join(n.path(), name)
	place, err := n.disk.bury(path)
	if err != nil {
		return fs.ToErrno(err)
	}
	errno := n.LoopbackNode.Unlink(ctx, name)
	if errno == 0 {
		n.disk.named(func() error { return exhume(place, path) }, func() { _ = os.Remove(place) })
	}
	return errno
}

// Rename gives a file another name.
func (n *node) Rename(ctx context.Context, name string, newParent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	parent, ok := newParent.(*node)
	if !ok {
		return syscall.EXDEV
	}
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	from, to := filepath.Join(n.path(), name), filepath.Join(parent.path(), newName)
	place, err := n.disk.bury(to)
	if err != nil {
		return fs.ToErrno(err)
	}
	errno := n.LoopbackNode.Rename(ctx, name, newParent, newName, flags)
	if errno == 0 {
		n.disk.named(func() error {
			if err := os.Rename(to, from); err != nil {
				return gone(err)
			}
			return exhume(place, to)
		}, func() { _ = os.Remove(place) })
	}
	return errno
}

// Link gives a file a second name.
func (n *node) Link(ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	path := filepath.Join(n.path(), name)
	child, errno := n.LoopbackNode.Link(ctx, target, name, out)
	if errno == 0 {
		n.disk.named(func() error { return gone(os.Remove(path)) }, nil)
	}
	return child, errno
}

// Setattr changes a file's size, and what needs no undoing.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if err := n.disk.truncate(n.path(), int64(size)); err != nil {
			return fs.ToErrno(err)
		}
		in.Valid &^= fuse.FATTR_SIZE
	}
	return n.LoopbackNode.Setattr(ctx, nil, in, out)
}

// directory is an open directory.
type directory struct {
	fs.FileReaddirenter
	fs.FileSeekdirer
	fs.FileReleasedirer
	disk *Disk
}

var _ fs.FileFsyncdirer = (*directory)(nil)

// Fsyncdir makes names durable.
func (d *directory) Fsyncdir(context.Context, uint32) syscall.Errno {
	d.disk.synced(0)
	return 0
}

// OpendirHandle opens a directory.
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	plain, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &directory{plain.(fs.FileReaddirenter), plain.(fs.FileSeekdirer), plain.(fs.FileReleasedirer), n.disk}, fuseFlags, 0
}

// CopyFileRange is not offered: callers then write, which is noted.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOTSUP
}

// handle is an open file. It offers no more than is noted: no passing of file
// descriptors to the kernel, no preallocation.
type handle struct {
	disk   *Disk
	file   *os.File
	inode  uint64
	always bool // opened to be synced with each write
}

var (
	_ fs.FileReader    = (*handle)(nil)
	_ fs.FileWriter    = (*handle)(nil)
	_ fs.FileFsyncer   = (*handle)(nil)
	_ fs.FileFlusher   = (*handle)(nil)
	_ fs.FileReleaser  = (*handle)(nil)
	_ fs.FileGetattrer = (*handle)(nil)
)

func openHandle(d *Disk, path string, flags uint32) (*handle, error) {
	mode := os.O_RDONLY
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(path, mode, 0) // #nosec G304 -- below our own directory
	if err != nil {
		return nil, err
	}
	inode, err := inodeOf(f)
	return &handle{d, f, inode, flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0}, err
}

// Read reads.
func (h *handle) Read(_ context.Context, buf []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultFd(h.file.Fd(), offset, len(buf)), 0
}

// Write writes.
func (h *handle) Write(_ context.Context, data []byte, offset int64) (uint32, syscall.Errno) {
	n, err := h.disk.write(h.inode, h.file, data, offset)
	if err == nil && h.always {
		h.disk.synced(h.inode)
	}
	return uint32(n), fs.ToErrno(err)
}

// Fsync makes the file durable, and all names.
func (h *handle) Fsync(context.Context, uint32) syscall.Errno {
	h.disk.synced(h.inode)
	return 0
}

// Flush is called when a descriptor is closed, which makes nothing durable.
func (h *handle) Flush(context.Context) syscall.Errno { return 0 }

// Release closes the file.
func (h *handle) Release(context.Context) syscall.Errno { return fs.ToErrno(h.file.Close()) }

// Getattr describes the file.
func (h *handle) Getattr(_ context.Context, out *fuse.AttrOut) syscall.Errno {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(h.file.Fd()), &st); err != nil {
		return fs.ToErrno(err)
	}
	out.FromStat(&st)
	return 0
}
