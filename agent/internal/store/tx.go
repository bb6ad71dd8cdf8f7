package store

import (
	bolt "go.etcd.io/bbolt"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// maxValueBytes bounds one value: what agents exchange is three orders of
// magnitude smaller, and the check at Open relies on the bound.
const maxValueBytes = 64 << 20

// tx is one function's view of a bolt transaction. The functions of a group
// share it, one after the other.
type tx struct {
	bolt    *bolt.Tx
	keys    *keyring
	names   namer
	buckets map[string]*bucket // by kind and name
	undo    []change           // what the running function changed, oldest first
	bytes   int                // written by the whole group
}

// change is what one write replaced.
type change struct {
	bucket   *bolt.Bucket
	key      []byte
	old      []byte // nil: there was none
	sequence uint64
}

func newTx(b *bolt.Tx, keys *keyring) *tx {
	return &tx{bolt: b, keys: keys, names: keys.namer(), buckets: map[string]*bucket{}}
}

func (t *tx) Map(name string) durable.Map { return mapBucket{t.bucket('m', name)} }
func (t *tx) Log(name string) durable.Log { return logBucket{t.bucket('l', name)} }

// rollback undoes the running function alone. bolt cannot (its rollback undoes
// the group), and running the others again would let one caller's failures
// cost all the others.
func (t *tx) rollback() error {
	for len(t.undo) > 0 {
		c := t.undo[len(t.undo)-1]
		t.undo = t.undo[:len(t.undo)-1]
		err := c.bucket.SetSequence(c.sequence)
		if err == nil && c.old == nil {
			err = c.bucket.Delete(c.key)
		} else if err == nil {
			err = c.bucket.Put(c.key, c.old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket is what maps and logs have in common.
type bucket struct {
	tx    *tx
	name  string
	token []byte
	bolt  *bolt.Bucket // nil until the first write ever
}

func (t *tx) bucket(kind byte, name string) *bucket {
	id := string(kind) + name
	b := t.buckets[id]
	if b == nil {
		token := t.names.bucket(kind, name)
		b = &bucket{tx: t, name: name, token: token, bolt: t.bolt.Bucket(token)}
		t.buckets[id] = b
	}
	return b
}

// get returns nil, nil for a key that is not there.
func (b *bucket) get(key []byte) ([]byte, error) {
	if b.bolt == nil {
		return nil, nil
	}
	sealed := b.bolt.Get(key)
	if sealed == nil {
		return nil, nil
	}
	return b.open(key, sealed)
}

func (b *bucket) open(key, sealed []byte) ([]byte, error) {
	return b.tx.keys.open(b.token, key, sealed)
}

func (b *bucket) has(key []byte) bool { return b.bolt != nil && b.bolt.Get(key) != nil }

// writable makes sure that the bucket is there. A bucket made by a function
// that fails stays in the file, empty, which nobody can tell from its absence.
func (b *bucket) writable() error {
	if !b.tx.bolt.Writable() {
		return ErrReadOnly
	}
	if b.bolt != nil {
		return nil
	}
	made, err := b.tx.bolt.CreateBucketIfNotExists(b.token)
	if err != nil {
		return err
	}
	b.bolt = made
	return nil
}

// put seals and writes; the bucket is writable.
func (b *bucket) put(key, plain []byte) error {
	if len(plain) > maxValueBytes {
		return ErrTooLarge
	}
	return b.write(key, b.tx.keys.seal(b.token, key, plain))
}

// write keeps value, which bolt refers to until the commit.
func (b *bucket) write(key, value []byte) error {
	b.remember(key)
	b.tx.bytes += len(key) + len(value)
	return b.bolt.Put(key, value)
}

func (b *bucket) delete(key []byte) error {
	b.remember(key)
	b.tx.bytes += len(key)
	return b.bolt.Delete(key)
}

// remember notes what a write of key is about to replace. bolt's slices stay
// valid until the commit: it moves memory only then.
func (b *bucket) remember(key []byte) {
	b.tx.undo = append(b.tx.undo, change{b.bolt, key, b.bolt.Get(key), b.bolt.Sequence()})
}
