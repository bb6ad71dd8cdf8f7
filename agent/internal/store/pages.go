package store

import (
	"bytes"
	"encoding/binary"
	"io"
)

// The parts of bolt's file format that the check needs. Numbers are in the
// machine's own order, as bolt writes them.
const (
	pageHeader    = 16 // id 8, flags 2, count 2, overflow 4
	elementBytes  = 16 // branch: position 4, key length 4, page 8; leaf: flags, position, key length, value length
	bucketHeader  = 16 // root page 8, sequence 8
	branchFlag    = 1
	leafFlag      = 2
	bucketFlag    = 1
	maxDepth      = 64        // of pages and buckets; a tree of 64-bit page numbers is never as deep
	maxPageBytes  = 512 << 20 // several values of the largest size share a page with its overflow
	smallestInner = bucketHeader + pageHeader
)

// walker reads every page that a snapshot reaches and checks whatever bolt
// relies on without checking: a page that is what it says it is, elements that
// lie within their page, keys in order, no page reached twice. It says nothing
// about values; their seals do.
type walker struct {
	file     io.ReaderAt
	pageSize int
	end      uint64   // the first page number beyond the snapshot
	seen     []uint64 // one bit a page
}

func (w *walker) walk(root uint64) error {
	w.seen = make([]uint64, w.end/64+1)
	return w.tree(root, nil, nil, 0)
}

// tree checks the pages from id down; their keys are at least low and below
// high, where nil is no bound.
func (w *walker) tree(id uint64, low, high []byte, depth int) error {
	if depth > maxDepth {
		return corrupt("page %d: deeper than any tree", id)
	}
	page, err := w.read(id)
	if err != nil {
		return err
	}
	if flags(page) == leafFlag {
		return w.leaf(id, page, low, high, depth)
	}
	return w.branch(id, page, low, high, depth)
}

func (w *walker) read(id uint64) ([]byte, error) {
	if id < 2 || id >= w.end { // 0 and 1 are the meta pages
		return nil, corrupt("page %d: there is no such page", id)
	}
	page := make([]byte, w.pageSize)
	if _, err := w.file.ReadAt(page, int64(id)*int64(w.pageSize)); err != nil {
		return nil, corrupt("page %d: %v", id, err)
	}
	if self := binary.NativeEndian.Uint64(page); self != id {
		return nil, corrupt("page %d: says that it is %d", id, self)
	}
	if f := flags(page); f != leafFlag && f != branchFlag {
		return nil, corrupt("page %d: is of no known kind", id)
	}
	overflow := uint64(binary.NativeEndian.Uint32(page[12:]))
	if overflow >= w.end-id || (overflow+1)*uint64(w.pageSize) > maxPageBytes {
		return nil, corrupt("page %d: too long", id)
	}
	for i := id; i <= id+overflow; i++ {
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			return nil, corrupt("page %d: reached twice", i)
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	if overflow > 0 {
		page = make([]byte, (overflow+1)*uint64(w.pageSize))
		if _, err := w.file.ReadAt(page, int64(id)*int64(w.pageSize)); err != nil {
			return nil, corrupt("page %d: %v", id, err)
		}
	}
	return page, nil
}

func (w *walker) branch(id uint64, page, low, high []byte, depth int) error {
	n, ok := count(page)
	if !ok || n == 0 {
		return corrupt("page %d: %d branches", id, n)
	}
	keys, children := make([][]byte, n), make([]uint64, n)
	for i := range n {
		at := pageHeader + i*elementBytes
		e := page[at:]
		if keys[i], ok = part(page, at, number(e), number(e[4:])); !ok {
			return corrupt("page %d, branch %d: beyond the page", id, i)
		}
		if !ordered(keys, i, low, high) {
			return corrupt("page %d, branch %d: out of order", id, i)
		}
		children[i] = binary.NativeEndian.Uint64(e[8:])
	}
	for i, child := range children {
		next := high
		if i+1 < n {
			next = keys[i+1]
		}
		if err := w.tree(child, keys[i], next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf page, or the one that a small bucket has within its value.
func (w *walker) leaf(id uint64, page, low, high []byte, depth int) error {
	n, ok := count(page)
	if !ok {
		return corrupt("page %d: %d entries", id, n)
	}
	keys := make([][]byte, n)
	for i := range n {
		at := pageHeader + i*elementBytes
		e := page[at:]
		entry, ok := part(page, at, number(e[4:]), number(e[8:])+number(e[12:]))
		if !ok {
			return corrupt("page %d, entry %d: beyond the page", id, i)
		}
		keys[i] = entry[:number(e[8:])]
		if !ordered(keys, i, low, high) {
			return corrupt("page %d, entry %d: out of order", id, i)
		}
		if binary.NativeEndian.Uint32(e)&bucketFlag != 0 {
			if err := w.bucket(id, entry[number(e[8:]):], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) bucket(id uint64, value []byte, depth int) error {
	if len(value) < bucketHeader || depth > maxDepth {
		return corrupt("page %d: a bucket that is none", id)
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.tree(root, nil, nil, depth)
	}
	if len(value) < smallestInner || flags(value[bucketHeader:]) != leafFlag {
		return corrupt("page %d: a small bucket that is none", id)
	}
	return w.leaf(id, value[bucketHeader:], nil, nil, depth)
}

func flags(page []byte) uint16 { return binary.NativeEndian.Uint16(page[8:]) }

// count is the number of elements, if the page has room for that many.
func count(page []byte) (int, bool) {
	n := int(binary.NativeEndian.Uint16(page[10:]))
	return n, pageHeader+n*elementBytes <= len(page)
}

func number(b []byte) uint64 { return uint64(binary.NativeEndian.Uint32(b)) }

// part is the stretch of the page at a position relative to an element. Keys
// are never empty.
func part(page []byte, element int, position, length uint64) ([]byte, bool) {
	from := uint64(element) + position
	if length == 0 || from+length > uint64(len(page)) {
		return nil, false
	}
	return page[from : from+length], true
}

func ordered(keys [][]byte, i int, low, high []byte) bool {
	if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 {
		return false
	}
	return (low == nil || bytes.Compare(low, keys[i]) <= 0) && (high == nil || bytes.Compare(keys[i], high) < 0)
}
