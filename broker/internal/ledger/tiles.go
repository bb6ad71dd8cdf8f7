package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/schemas"
)

// A tile is 256 hashes of one level. Level 0 holds the leaves' hashes, each
// higher level the roots of the full tiles below it (C2SP tlog-tiles).
const (
	tileBits  = 8
	tileWidth = 1 << tileBits
	hashSize  = 32
)

// FileHead is the newest signed head, in a ledger's directory.
const FileHead = "checkpoint"

// countAt is how many hashes a level has in a tree of a size.
func countAt(size uint64, level int) uint64 { return size >> (tileBits * level) }

// tilePath names a tile's file; a width below 256 names a partial one.
func tilePath(dir string, level int, n uint64, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < tileWidth {
		name = fmt.Sprintf("%s.p/%d", name, width)
	}
	return filepath.Join(dir, "tile", fmt.Sprint(level), filepath.FromSlash(name))
}

func writeTile(dir string, level int, n uint64, hashes []schemas.Hash) error {
	path := tilePath(dir, level, n, len(hashes))
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	b := make([]byte, 0, len(hashes)*hashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return atomicfile.Write(path, b, 0o600)
}

// makeDir makes a directory and those above it, durably.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		return makeDir(path)
	case err != nil:
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(path))
}

// reader reads the tiles of a tree of one size.
type reader struct {
	dir   string
	size  uint64
	cache map[string][]schemas.Hash
}

func newReader(dir string, size uint64) reader {
	return reader{dir, size, map[string][]schemas.Hash{}}
}

// tile returns a tile as wide as it is in a tree of the reader's size.
func (r reader) tile(level int, n uint64) ([]schemas.Hash, error) {
	width := int(min(tileWidth, countAt(r.size, level)-n*tileWidth))
	path := tilePath(r.dir, level, n, width)
	if hashes, ok := r.cache[path]; ok {
		return hashes, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tile: %w", err)
	}
	if len(b) != width*hashSize {
		return nil, damaged(r.dir, path, fmt.Sprintf("must hold %d hashes", width))
	}
	hashes := make([]schemas.Hash, width)
	for i := range hashes {
		copy(hashes[i][:], b[i*hashSize:])
	}
	r.cache[path] = hashes
	return hashes, nil
}

// node returns the root of a perfect subtree: the index-th of 2^level leaves.
func (r reader) node(level uint, index uint64) (schemas.Hash, error) {
	within := level % tileBits
	first := index << within
	hashes, err := r.tile(int(level/tileBits), first/tileWidth)
	if err != nil {
		return schemas.Hash{}, err
	}
	at := int(first % tileWidth)
	return perfectRoot(hashes[at : at+1<<within]), nil
}

// edge returns what the last, incomplete tile of each level holds.
func (r reader) edge() ([][]schemas.Hash, error) {
	var edges [][]schemas.Hash
	for level := 0; countAt(r.size, level) > 0; level++ {
		count := countAt(r.size, level)
		if count%tileWidth == 0 {
			edges = append(edges, nil)
			continue
		}
		hashes, err := r.tile(level, count/tileWidth)
		if err != nil {
			return nil, err
		}
		edges = append(edges, append(make([]schemas.Hash, 0, tileWidth), hashes...))
	}
	return edges, nil
}

// check holds every tile against the one above it and all against the root.
func (r reader) check(root schemas.Hash) error {
	var below []schemas.Hash // the roots of the full tiles one level down
	for level := 0; countAt(r.size, level) > 0; level++ {
		count := countAt(r.size, level)
		var roots []schemas.Hash
		for n := uint64(0); n*tileWidth < count; n++ {
			clear(r.cache) // a ledger may be larger than memory
			hashes, err := r.tile(level, n)
			if err != nil {
				return err
			}
			for i, h := range hashes {
				if at := n*tileWidth + uint64(i); level > 0 && h != below[at] {
					return damaged(r.dir, tilePath(r.dir, level-1, at, tileWidth), "must have the root that the tile above it says")
				}
			}
			if len(hashes) == tileWidth {
				roots = append(roots, perfectRoot(hashes))
			}
		}
		below = roots
	}
	edges, err := r.edge()
	if err != nil {
		return err
	}
	if treeRoot(edges) != root {
		return damaged(r.dir, filepath.Join(r.dir, FileHead), "must sign the root of the tiles")
	}
	return nil
}

func damaged(dir, path, rule string) error {
	name := path
	if rel, err := filepath.Rel(dir, path); err == nil {
		name = rel
	}
	return schemas.Refuse(schemas.CodeHistoryForked, "ledger/"+filepath.Base(dir)+"/"+filepath.ToSlash(name), rule, remedy)
}

// remedy is what an operator does about a ledger that does not hold.
const remedy = "keep a copy of the data directory as evidence, then put back hub and ledger from one backup of the same moment, or declare a new epoch with `linkage broker new-epoch`; see docs/operations.md"

// perfectRoot is the root of 2^n hashes.
func perfectRoot(hashes []schemas.Hash) schemas.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return schemas.NodeHash(perfectRoot(hashes[:half]), perfectRoot(hashes[half:]))
}

// treeRoot is the root of the tree with these edges, which are not all empty.
func treeRoot(edges [][]schemas.Hash) schemas.Hash {
	var root schemas.Hash
	empty := true
	for _, edge := range edges {
		for width := len(edge); width > 0; width &= width - 1 { // from the right, the smallest perfect subtree first
			peak := perfectRoot(edge[width&(width-1) : width])
			if empty {
				root, empty = peak, false
				continue
			}
			root = schemas.NodeHash(peak, root)
		}
	}
	return root
}

// tree is the growing ledger: what its tiles do not hold yet.
type tree struct {
	dir   string
	size  uint64
	edges [][]schemas.Hash
}

// add appends a leaf. A tile that it fills is on disk when it returns.
func (t *tree) add(h schemas.Hash) error {
	for level := 0; ; level++ {
		if level == len(t.edges) {
			t.edges = append(t.edges, make([]schemas.Hash, 0, tileWidth))
		}
		t.edges[level] = append(t.edges[level], h)
		if len(t.edges[level]) < tileWidth {
			t.size++
			return nil
		}
		full := t.edges[level]
		if err := writeTile(t.dir, level, countAt(t.size+1, level+1)-1, full); err != nil {
			return err
		}
		h = perfectRoot(full)
		t.edges[level] = full[:0]
	}
}

// keep writes the incomplete tiles and returns their files.
func (t *tree) keep() ([]string, error) {
	var paths []string
	for level, edge := range t.edges {
		if len(edge) == 0 {
			continue
		}
		n := countAt(t.size, level) / tileWidth
		paths = append(paths, tilePath(t.dir, level, n, len(edge)))
		if err := writeTile(t.dir, level, n, edge); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// drop removes incomplete tiles that a larger tree has replaced. What stays
// behind after a crash is never read again.
func drop(paths []string) {
	for _, path := range paths {
		_ = os.Remove(path) // see above
		if dir := filepath.Dir(path); strings.HasSuffix(dir, ".p") {
			_ = os.Remove(dir) // fails while another is in it
		}
	}
}
