package store

import (
	"encoding/binary"
	"errors"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// mapBucket is a [durable.Map]. A bolt key is the token of the key; the sealed
// value holds the key in clear before the value, so that Each can give it
// back; bolt's sequence holds the number of entries.
type mapBucket struct{ *bucket }

func (m mapBucket) Get(key string) ([]byte, error) {
	if m.bolt == nil {
		return nil, nil
	}
	token := m.tx.names.key(m.name, key)
	plain, err := m.get(token)
	if plain == nil {
		return nil, err
	}
	_, value, err := m.split(token, plain)
	return value, err
}

func (m mapBucket) Put(key string, value []byte) error {
	if err := m.writable(); err != nil {
		return err
	}
	token := m.tx.names.key(m.name, key)
	plain := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64+len(key)+len(value)), uint64(len(key)))
	plain = append(append(plain, key...), value...)
	added := !m.has(token)
	if err := m.put(token, plain); err != nil {
		return err
	}
	if added {
		return m.bolt.SetSequence(m.bolt.Sequence() + 1)
	}
	return nil
}

func (m mapBucket) Delete(key string) error {
	if !m.tx.bolt.Writable() {
		return ErrReadOnly
	}
	token := m.tx.names.key(m.name, key)
	if !m.has(token) {
		return nil
	}
	if err := m.delete(token); err != nil {
		return err
	}
	return m.bolt.SetSequence(m.bolt.Sequence() - 1)
}

func (m mapBucket) Each(fn func(key string, value []byte) error) error {
	if m.bolt == nil {
		return nil
	}
	return stopped(m.bolt.ForEach(func(token, sealed []byte) error {
		plain, err := m.open(token, sealed)
		if err != nil {
			return err
		}
		key, value, err := m.split(token, plain)
		if err != nil {
			return err
		}
		return fn(key, value)
	}))
}

func (m mapBucket) Len() (int, error) {
	if m.bolt == nil {
		return 0, nil
	}
	return int(m.bolt.Sequence()), nil
}

// split takes a value of the file apart. Only somebody with the key could make
// one that does not come apart.
func (m mapBucket) split(token, plain []byte) (key string, value []byte, err error) {
	n, used := binary.Uvarint(plain)
	if used <= 0 || n > uint64(len(plain)-used) {
		return "", nil, corrupt("bucket %x, key %x: no key in the value", m.token, token)
	}
	rest := plain[used:]
	return string(rest[:n]), rest[n:], nil
}

// stopped makes the end of a walk that fn asked for no error.
func stopped(err error) error {
	if errors.Is(err, durable.ErrStop) {
		return nil
	}
	return err
}
