package backup

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// File is a backup that is being read.
type File struct {
	Header
	from io.ReadSeeker
	head [sha256.Size]byte
	body int64 // where the frames begin
	file *os.File
}

// Open reads what a backup says to everybody.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open backup: %w", err)
	}
	b, err := open(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open backup %s: %w", path, err), f.Close())
	}
	b.file = f
	return b, nil
}

// Close gives the file free.
func (f *File) Close() error { return f.file.Close() }

func open(from io.ReadSeeker) (*File, error) {
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(from, start); err != nil || string(start) != magic {
		return nil, damaged("it does not begin as a backup of an agent does")
	}
	head, err := sized(from, maxHeader)
	if err != nil {
		return nil, err
	}
	f := &File{from: from, head: sha256.Sum256(head), body: int64(len(magic) + 4 + len(head))}
	if err := json.Unmarshal(head, &f.Header); err != nil {
		return nil, damaged("its header is not whole")
	}
	if f.Version != version {
		return nil, damaged("it has version %d; this linkage reads %d", f.Version, version)
	}
	return f, nil
}

// sized reads a length and as many bytes.
func sized(r io.Reader, limit uint32) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, damaged("it ends too early")
	}
	n := binary.BigEndian.Uint32(length)
	if n > limit {
		return nil, damaged("a length in it is beyond all bounds")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, damaged("it ends too early")
	}
	return b, nil
}

// Read opens the whole file and writes the store that is in it to w. Only if it
// returns no error is what w got the store, to its last byte. It may be called
// again.
func (f *File) Read(storeKey []byte, w io.Writer) (Manifest, error) {
	var m Manifest
	if _, err := f.from.Seek(f.body, io.SeekStart); err != nil {
		return m, err
	}
	seal, err := aead(storeKey, f.Salt)
	if err != nil {
		return m, err
	}
	clear := &frames{from: f.from, seal: seal, head: f.head}
	manifest, err := sized(clear, maxManifest)
	switch {
	case clear.failed != nil && !errors.Is(clear.failed, io.EOF):
		return m, clear.failed // what is wrong with a frame, not what came of it
	case err != nil:
		return m, err
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return m, damaged("its manifest is not whole")
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), clear)
	switch {
	case err != nil:
		return m, err
	case n != m.StoreBytes || !bytes.Equal(sum.Sum(nil), m.StoreHash):
		return m, damaged("the store in it is not the one that was backed up")
	}
	return m, nil
}

// frames is the clear text of the frames, until the last, behind which nothing
// may come.
type frames struct {
	from   io.Reader
	seal   cipher.AEAD
	head   [sha256.Size]byte
	index  uint64
	clear  []byte
	last   bool
	failed error
}

func (f *frames) Read(p []byte) (int, error) {
	for len(f.clear) == 0 {
		if f.failed == nil {
			f.failed = f.next()
		}
		if f.failed != nil {
			return 0, f.failed
		}
	}
	n := copy(p, f.clear)
	f.clear = f.clear[n:]
	return n, nil
}

func (f *frames) next() error {
	if f.last {
		if n, err := f.from.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return damaged("something stands behind its end")
		}
		return io.EOF
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(f.from, length); err != nil {
		return damaged("it ends too early")
	}
	n := binary.BigEndian.Uint32(length)
	f.last = n&lastFrame != 0
	if n &^= lastFrame; n > frameBytes+sealOverhead {
		return damaged("a length in it is beyond all bounds")
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(f.from, sealed); err != nil {
		return damaged("it ends too early")
	}
	clear, err := f.seal.Open(nil, nil, sealed, place(f.head, f.index, f.last))
	if err != nil {
		return damaged("part %d of it is not what was written", f.index+1)
	}
	f.clear = clear
	f.index++
	return nil
}
