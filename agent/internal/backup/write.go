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

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/crash"
)

// Vault is what opens a backup, and the name of the sheet on which the code for
// that is printed.
type Vault struct {
	File     []byte
	StoreKey []byte
	Sheet    string
}

// Create writes a backup to path, which must not exist, and returns its length.
// It reads the whole file back from where it was written, opens every frame and
// compares the store, before the file gets its name: a file of that name is a
// backup that can be restored. The error is [os.ErrExist] if there is one.
func Create(path string, v Vault, m Manifest, store io.Reader) (size int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, fmt.Errorf("back up to %s: %w", path, os.ErrExist)
	}
	h := Header{Version: version, Created: m.Created, Salt: newSalt(), Sheet: v.Sheet, Vault: v.File}
	err = atomicfile.CreateWith(path, 0o600, func(f *os.File) error {
		if err := write(f, h, v.StoreKey, m, store); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		crash.Point(crash.AgentBackedUp)
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		back, err := open(f)
		if err == nil {
			_, err = back.Read(v.StoreKey, io.Discard)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("back up to %s: %w", path, err)
	}
	return size, nil
}

func write(w io.Writer, h Header, storeKey []byte, m Manifest, store io.Reader) error {
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	seal, err := aead(storeKey, h.Salt)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(lengthFirst([]byte(magic), head), head...)); err != nil {
		return err
	}
	clear := io.MultiReader(bytes.NewReader(lengthFirst(nil, manifest)), bytes.NewReader(manifest), store)
	return writeFrames(w, seal, sha256.Sum256(head), clear)
}

func lengthFirst(prefix, b []byte) []byte {
	return binary.BigEndian.AppendUint32(prefix, uint32(len(b)))
}

// writeFrames seals a stream frame by frame.
func writeFrames(w io.Writer, seal cipher.AEAD, head [sha256.Size]byte, clear io.Reader) error {
	now, next := make([]byte, frameBytes), make([]byte, frameBytes)
	n, err := io.ReadFull(clear, now)
	for index := uint64(0); ; index++ {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		ahead := 0
		if err == nil {
			ahead, err = io.ReadFull(clear, next)
		}
		last := ahead == 0
		sealed := seal.Seal(nil, nil, now[:n], place(head, index, last)) //nolint:gosec // this AEAD makes its own random nonce
		length := uint32(len(sealed))
		if last {
			length |= lastFrame
		}
		if _, err := w.Write(append(binary.BigEndian.AppendUint32(nil, length), sealed...)); err != nil {
			return err
		}
		if last {
			return nil
		}
		now, next, n = next, now, ahead
	}
}

// place binds a frame to its file, its number, and whether it is the last.
func place(head [sha256.Size]byte, index uint64, last bool) []byte {
	b := binary.BigEndian.AppendUint64(append([]byte("linkage backup frame v1\n"), head[:]...), index)
	if last {
		return append(b, 1)
	}
	return append(b, 0)
}
