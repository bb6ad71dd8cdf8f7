package store

import "encoding/binary"

// logBucket is a [durable.Log]. A bolt key is the number, big-endian, so that
// bolt's order is the log's; bolt's sequence is the last number given. The
// number of entries stands under countKey.
type logBucket struct{ *bucket }

// countKey sorts before every number and cannot be one: it is shorter.
var countKey = []byte{0}

// sequentialFill packs the pages of logs, which grow at their end only.
const sequentialFill = 0.9

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (l logBucket) Append(value []byte) (uint64, error) {
	if err := l.writable(); err != nil {
		return 0, err
	}
	l.bolt.FillPercent = sequentialFill // bolt forgets it after each transaction
	n := l.bolt.Sequence() + 1
	if err := l.put(numberKey(n), value); err != nil {
		return 0, err
	}
	if err := l.bolt.SetSequence(n); err != nil {
		return 0, err
	}
	return n, l.addCount(1)
}

func (l logBucket) Get(n uint64) ([]byte, error) { return l.get(numberKey(n)) }

func (l logBucket) Put(n uint64, value []byte) error {
	if err := l.writable(); err != nil {
		return err
	}
	if n == 0 || n > l.bolt.Sequence() {
		return ErrNumber
	}
	key := numberKey(n)
	added := !l.has(key)
	if err := l.put(key, value); err != nil || !added {
		return err
	}
	return l.addCount(1)
}

func (l logBucket) Delete(n uint64) error {
	if !l.tx.bolt.Writable() {
		return ErrReadOnly
	}
	key := numberKey(n)
	if !l.has(key) {
		return nil
	}
	if err := l.delete(key); err != nil {
		return err
	}
	return l.addCount(^uint64(0))
}

func (l logBucket) Scan(from uint64, fn func(n uint64, value []byte) error) error {
	if l.bolt == nil {
		return nil
	}
	cursor := l.bolt.Cursor()
	for key, sealed := cursor.Seek(numberKey(max(from, 1))); key != nil; key, sealed = cursor.Next() {
		plain, err := l.open(key, sealed)
		if err != nil {
			return err
		}
		if err := fn(binary.BigEndian.Uint64(key), plain); err != nil {
			return stopped(err)
		}
	}
	return nil
}

func (l logBucket) Last() (uint64, error) {
	if l.bolt == nil {
		return 0, nil
	}
	return l.bolt.Sequence(), nil
}

func (l logBucket) Len() (int, error) {
	if l.bolt == nil {
		return 0, nil
	}
	return int(l.count()), nil
}

func (l logBucket) count() uint64 {
	if b := l.bolt.Get(countKey); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// addCount writes the number of entries in clear: the file shows it anyway.
func (l logBucket) addCount(by uint64) error {
	return l.write(countKey, numberKey(l.count()+by))
}
