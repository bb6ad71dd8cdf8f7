package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The header is the only bucket with a clear name. It holds the format, the
// salt, and what tells a wrong key; and whether the store is open.
const (
	headerBucket = "header"
	formatKey    = "format"
	openKey      = "open"

	formatVersion = 1
)

// header is stored as JSON, so that a person who finds a file can tell what it
// is. Later formats may add to it, but keep Sum as it is: it tells a newer file
// from a damaged one.
type header struct {
	Format int    `json:"format"`
	Salt   []byte `json:"salt"`  // of the keys
	Check  []byte `json:"check"` // HMAC of format and salt: wrong under a wrong key
	Sum    []byte `json:"sum"`   // SHA-256 of the above: wrong if the header is damaged
}

func (h header) content() []byte { return fmt.Appendf(nil, "%d %x", h.Format, h.Salt) }

func (h header) checkOf(keys *keyring) []byte {
	mac := hmac.New(sha256.New, keys.check)
	mac.Write(h.content())
	return mac.Sum(nil)
}

func (h header) sumOf() []byte {
	sum := sha256.Sum256(fmt.Appendf(h.content(), " %x", h.Check))
	return sum[:]
}

func writeHeader(b *bolt.Tx, key []byte) error {
	h := header{Format: formatVersion, Salt: make([]byte, 32)}
	_, _ = rand.Read(h.Salt) // never returns an error (Go 1.24)
	keys, err := newKeyring(key, h.Salt)
	if err != nil {
		return err
	}
	h.Check = h.checkOf(keys)
	h.Sum = h.sumOf()
	content, err := json.Marshal(h)
	if err != nil {
		return err
	}
	bucket, err := b.CreateBucket([]byte(headerBucket))
	if err != nil {
		return err
	}
	return bucket.Put([]byte(formatKey), content)
}

func readHeader(b *bolt.Tx, key []byte) (keys *keyring, unclean bool, err error) {
	bucket := b.Bucket([]byte(headerBucket))
	if bucket == nil {
		return nil, false, corrupt("it has no header")
	}
	var h header
	if err := json.Unmarshal(bucket.Get([]byte(formatKey)), &h); err != nil || !bytes.Equal(h.Sum, h.sumOf()) {
		return nil, false, corrupt("its header is not whole")
	}
	if h.Format > formatVersion {
		return nil, false, fmt.Errorf("%w (format %d; this one reads %d)", ErrNewer, h.Format, formatVersion)
	}
	if keys, err = newKeyring(key, h.Salt); err != nil {
		return nil, false, err
	}
	if !hmac.Equal(h.Check, h.checkOf(keys)) {
		return nil, false, ErrWrongKey
	}
	return keys, bucket.Get([]byte(openKey)) != nil, nil
}

// setOpen records that a process has, or gave back, the store.
func setOpen(b *bolt.Tx, open bool) error {
	bucket := b.Bucket([]byte(headerBucket))
	if open {
		return bucket.Put([]byte(openKey), []byte{1})
	}
	return bucket.Delete([]byte(openKey))
}
