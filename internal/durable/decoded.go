package durable

import (
	"bytes"
	"sync"
)

// Decoded reads values of one map and keeps what they decoded to, for values
// that are read far more often than written and take long to decode. What was
// kept counts only as long as the store holds the very same bytes, so it is
// never stale, whoever wrote meanwhile. It is safe for concurrent use; nobody
// may write into what a value refers to.
type Decoded[T any] struct {
	mu sync.Mutex // guards of
	of map[string]decoded[T]
}

type decoded[T any] struct {
	raw   []byte
	value T
}

// maxDecoded bounds the memory: beyond it everything is decoded anew.
const maxDecoded = 4096

// Get is [GetJSON].
func (d *Decoded[T]) Get(m Map, key string) (v T, ok bool, err error) {
	raw, err := m.Get(key)
	if err != nil || raw == nil {
		return v, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept, ok := d.of[key]; ok && bytes.Equal(kept.raw, raw) {
		return kept.value, true, nil
	}
	if v, ok, err = decode[T](raw); err != nil {
		return v, ok, err
	}
	if d.of == nil || len(d.of) >= maxDecoded {
		d.of = map[string]decoded[T]{}
	}
	d.of[key] = decoded[T]{raw, v}
	return v, ok, nil
}
