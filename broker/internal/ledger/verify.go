package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// ReadHead reads the newest head of a ledger's directory, signed by the key.
func ReadHead(dir string, key ed25519.PublicKey) (schemas.LedgerHead, string, error) {
	text, err := os.ReadFile(filepath.Join(dir, FileHead)) // #nosec G304 -- the ledger that was named
	if err != nil {
		return schemas.LedgerHead{}, "", fmt.Errorf("read ledger: %w", err)
	}
	head, err := readHead(dir, string(text), key)
	return head, string(text), err
}

// Verify checks a ledger's files from end to end: every tile against the one
// above it, and all of them against the head, which must be signed by the key.
func Verify(dir string, key ed25519.PublicKey) (schemas.LedgerHead, error) {
	head, _, err := ReadHead(dir, key)
	if err != nil {
		return head, err
	}
	return head, newReader(dir, head.Size).check(head.Root)
}

// Audit is what a full comparison of a hub and its ledger found.
type Audit struct {
	Head    schemas.LedgerHead
	Records uint64 // held against their entries
	Beyond  uint64 // records that are under no head yet; their content was checked
	// Differ lists the first positions whose record is not the one that the
	// ledger has an entry of, and Differing counts them all.
	Differ    []uint64
	Differing uint64
}

// maxDiffer bounds what an audit lists.
const maxDiffer = 20

// VerifyHub makes every entry of a ledger again from the hub and holds it
// against the tiles, which must hold against the head, with as many hands as
// the machine has.
func VerifyHub(ctx context.Context, opts Options) (a Audit, err error) {
	key := opts.Key.Public().(ed25519.PublicKey)
	if a.Head, err = Verify(opts.Dir, key); err != nil {
		return a, err
	}
	if a.Head.Network != opts.Network || a.Head.Epoch != opts.Epoch {
		return a, damaged(opts.Dir, filepath.Join(opts.Dir, FileHead), "must be of this hub's network and epoch")
	}
	w := auditors{opts: opts, size: a.Head.Size, batches: make(chan []journal.Record, 2*runtime.GOMAXPROCS(0)), found: &a}
	var hands sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		hands.Go(w.work)
	}
	next, batch := uint64(1), make([]journal.Record, 0, tileWidth)
	err = opts.Hub.Scan(ctx, 1, func(r journal.Record) error {
		if r.Position != next {
			return errMissing(next)
		}
		next++
		if batch = append(batch, r); r.Position%tileWidth == 0 { // a batch lies in one tile
			w.batches <- batch
			batch = make([]journal.Record, 0, tileWidth)
		}
		return nil
	})
	w.batches <- batch
	close(w.batches)
	hands.Wait()
	if err == nil && next <= a.Head.Size {
		err = errMissing(next)
	}
	if errors.Join(err, w.err) == nil && a.Differing > 0 {
		err = errDiffers(a.Differ[0])
	}
	return a, errors.Join(err, w.err)
}

// auditors share the work of [VerifyHub].
type auditors struct {
	opts    Options
	size    uint64
	batches chan []journal.Record

	mu    sync.Mutex // guards what follows
	found *Audit
	err   error
}

func (w *auditors) work() {
	m := newMaker(w.opts.Epoch, w.opts.SaltKey)
	tiles := newReader(w.opts.Dir, w.size)
	for batch := range w.batches {
		clear(tiles.cache)
		var checked, beyond uint64
		var differ []uint64
		var failed error
		for _, r := range batch {
			sound := r.Sound() == nil
			if r.Position > w.size {
				beyond++
			} else {
				checked++
				err := tiles.holds(r.Position, m.leaf(r))
				if err != nil && schemas.CodeOf(err) == "" { // a tile that was there before
					failed = err
				}
				sound = sound && err == nil
			}
			if !sound {
				differ = append(differ, r.Position)
			}
		}
		w.add(checked, beyond, differ, failed)
	}
}

func (w *auditors) add(checked, beyond uint64, differ []uint64, failed error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found.Records += checked
	w.found.Beyond += beyond
	w.found.Differing += uint64(len(differ))
	w.found.Differ = append(w.found.Differ, differ[:min(len(differ), maxDiffer-len(w.found.Differ))]...)
	w.err = errors.Join(w.err, failed)
}
