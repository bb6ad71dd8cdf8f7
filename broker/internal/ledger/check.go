package ledger

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// How many of the newest entries, and how many others, are made again from the
// hub at start.
const (
	newestChecked = 1000
	othersChecked = 1000
)

// compare holds the ledger against itself and against the hub.
func (l *Ledger) compare(ctx context.Context) error {
	head := l.head.Load()
	if head == nil {
		return nil
	}
	last, err := l.opts.Hub.Last(ctx)
	if err != nil {
		return err
	}
	if last < head.Size {
		return schemas.Refuse(schemas.CodeHistoryForked, "hub", fmt.Sprintf("must have the %d records that the ledger has, has %d", head.Size, last), remedy)
	}
	tiles := newReader(l.opts.Dir, head.Size)
	if err := tiles.check(head.Root); err != nil {
		return err
	}
	clear(tiles.cache)
	positions := sample(head.Size)
	return l.opts.Hub.ReadMany(ctx, positions, func(r journal.Record) error {
		want, err := tiles.node(0, r.Position-1)
		if err != nil {
			return err
		}
		if e := l.entryOf(r); schemas.LeafHash(e.Encode()) != want {
			return schemas.Refuse(schemas.CodeHistoryForked, "hub", fmt.Sprintf("must have at position %d the record that the ledger has an entry of, has another (%s)", r.Position, e.Kind), remedy)
		}
		return nil
	})
}

// sample lists the newest positions up to size, and others at random, rising.
func sample(size uint64) []uint64 {
	first := uint64(1)
	if size > newestChecked {
		first = size - newestChecked + 1
	}
	var positions []uint64
	for p := first; p <= size; p++ {
		positions = append(positions, p)
	}
	if first-1 <= othersChecked {
		for p := uint64(1); p < first; p++ {
			positions = append(positions, p)
		}
	} else {
		for range othersChecked {
			positions = append(positions, 1+rand.Uint64N(first-1)) // #nosec G404 -- whoever changed the hub cannot see it in advance either way
		}
	}
	slices.Sort(positions)
	return slices.Compact(positions)
}

// Verify checks a ledger's files from end to end: every tile against the one
// above it, and all of them against the head, which must be signed by the key.
func Verify(dir string, key ed25519.PublicKey) (schemas.LedgerHead, error) {
	text, err := os.ReadFile(filepath.Join(dir, fileHead))
	if err != nil {
		return schemas.LedgerHead{}, fmt.Errorf("read ledger: %w", err)
	}
	head, err := readHead(dir, string(text), key)
	if err != nil {
		return head, err
	}
	return head, newReader(dir, head.Size).check(head.Root)
}
