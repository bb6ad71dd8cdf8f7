// Package ledger keeps the Merkle tree of everything that the broker decided,
// and signs its heads.
//
// The ledger is derived: it follows the hub and appends one salted entry for
// each record, in order. Only hashes are kept, in the tiles of C2SP tlog-tiles;
// an entry's text is made again from its record. What lies on disk counts as
// far as the newest signed head says; the rest is made again from the hub, so
// the process may die at any time.
package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linkage-exchange/linkage/internal/atomicfile"
	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Hub is what the ledger follows.
type Hub interface {
	// Scan calls fn for every record from a position on, in order.
	Scan(ctx context.Context, from uint64, fn func(journal.Record) error) error
	// ReadMany calls fn for the records at rising positions, in order.
	ReadMany(ctx context.Context, positions []uint64, fn func(journal.Record) error) error
	// Last is the position of the newest record.
	Last(ctx context.Context) (uint64, error)
}

// Options are what a ledger is made of; all but Every are required.
type Options struct {
	// Dir is this epoch's own directory, ledger/<epoch> of the broker's. A new
	// epoch begins an empty one beside it; the old ones stay as they are.
	Dir     string
	Network schemas.NetworkID
	Epoch   schemas.ULID
	Hub     Hub
	Key     ed25519.PrivateKey // signs heads
	SaltKey []byte
	// Every is how often a head is signed at most, and how often the hub is
	// looked at. Default one second.
	Every  time.Duration
	Logger *slog.Logger
}

// maxBehind is how far heads may lag the hub before it is an operator's matter.
const maxBehind = 10 * time.Second

// Ledger follows the hub.
type Ledger struct {
	opts Options
	head atomic.Pointer[signedHead] // nil before the first
	// tree belongs to the follower, and to Open and Stop while it does not run.
	// nil after a failure: then it is read again.
	tree     *tree
	maker    *maker
	partial  []string // files of the head's incomplete tiles
	signedAt time.Time
	// files is held for reading while tiles of the newest head are read, for
	// writing while the next head takes its place.
	files    sync.RWMutex
	caughtUp atomic.Int64 // Unix nanoseconds at which the head covered the whole hub
	parties  *parties
	damage   atomic.Pointer[error] // what the audit found
	wg       sync.WaitGroup
	stopOnce sync.Once
	ctx      context.Context
	cancel   context.CancelFunc
}

type signedHead struct {
	schemas.LedgerHead
	text string
}

// Open reads the ledger and holds it against the hub. It refuses one that says
// something else than the hub does. [Ledger.Start] begins to follow.
func Open(ctx context.Context, opts Options) (*Ledger, error) {
	if opts.Every == 0 {
		opts.Every = time.Second
	}
	if err := makeDir(filepath.Clean(opts.Dir)); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l := &Ledger{opts: opts, maker: newMaker(opts.Epoch, opts.SaltKey)}
	l.ctx, l.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	if err := l.compare(ctx); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.parties = newParties(l.size())
	l.caughtUp.Store(time.Now().UnixNano())
	return l, nil
}

// size is that of the newest head, 0 before the first.
func (l *Ledger) size() uint64 {
	if h := l.head.Load(); h != nil {
		return h.Size
	}
	return 0
}

// load reads the newest head and the tree up to it.
func (l *Ledger) load() error {
	text, err := os.ReadFile(filepath.Join(l.opts.Dir, FileHead))
	if errors.Is(err, fs.ErrNotExist) {
		l.tree, l.partial = &tree{dir: l.opts.Dir}, nil
		return nil
	}
	if err != nil {
		return err
	}
	head, err := readHead(l.opts.Dir, string(text), l.opts.Key.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	if head.Network != l.opts.Network || head.Epoch != l.opts.Epoch {
		return damaged(l.opts.Dir, filepath.Join(l.opts.Dir, FileHead), fmt.Sprintf("must be of this hub's epoch %s, is of %s", l.opts.Epoch, head.Epoch))
	}
	t := &tree{dir: l.opts.Dir, size: head.Size}
	if t.edges, err = newReader(t.dir, t.size).edge(); err != nil {
		return err
	}
	if treeRoot(t.edges) != head.Root {
		return damaged(l.opts.Dir, filepath.Join(l.opts.Dir, FileHead), "must sign the root of the tiles")
	}
	l.tree, l.partial = t, nil
	for level, edge := range t.edges {
		if len(edge) > 0 {
			l.partial = append(l.partial, tilePath(t.dir, level, countAt(t.size, level)/tileWidth, len(edge)))
		}
	}
	l.head.Store(&signedHead{head, string(text)})
	return nil
}

func readHead(dir, text string, key ed25519.PublicKey) (schemas.LedgerHead, error) {
	head, err := schemas.OpenLedgerHead(text, key)
	if err != nil {
		return head, damaged(dir, filepath.Join(dir, FileHead), "must be a head signed by the broker's key")
	}
	return head, nil
}

// Start begins to follow the hub, and to hold all of it against the ledger.
func (l *Ledger) Start() {
	size := l.size()
	l.wg.Go(func() { l.audit(size) })
	l.wg.Go(l.follow)
}

// Stop signs a last head. The hub must not grow any more.
func (l *Ledger) Stop(ctx context.Context) (err error) {
	l.stopOnce.Do(func() {
		l.cancel()
		l.wg.Wait()
		if err = l.advance(ctx); err != nil {
			err = fmt.Errorf("last ledger head: %w", err)
		}
	})
	return err
}

// Head is the newest signed head, nil before the first.
func (l *Ledger) Head() *string {
	if h := l.head.Load(); h != nil {
		return &h.text
	}
	return nil
}

// Await waits until the newest head covers a position.
func (l *Ledger) Await(ctx context.Context, position uint64) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if h := l.head.Load(); position == 0 || h != nil && h.Size >= position {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for ledger head over %d: %w", position, ctx.Err())
		}
	}
}

// Behind is for how long the newest head has not covered the whole hub, as far
// as is known.
func (l *Ledger) Behind() time.Duration { return time.Since(time.Unix(0, l.caughtUp.Load())) }

// Healthy reports a ledger that lags, or that the hub does not fit.
func (l *Ledger) Healthy() error {
	if found := l.damage.Load(); found != nil {
		return *found
	}
	return l.lagging()
}

func (l *Ledger) lagging() error {
	if behind := l.Behind(); behind > maxBehind {
		return schemas.Refuse(schemas.CodeUnavailable, "ledger", fmt.Sprintf("must not lag the hub by more than %s, lags by %s", maxBehind, behind.Truncate(time.Second)), "look at the broker's log")
	}
	return nil
}

// follow looks at the hub again and again.
func (l *Ledger) follow() {
	ticker := time.NewTicker(l.opts.Every)
	defer ticker.Stop()
	late := false
	for {
		err := l.advance(l.ctx)
		if l.ctx.Err() != nil {
			return
		}
		if err != nil {
			l.opts.Logger.WarnContext(l.ctx, "ledger goes on later", "error", err)
		}
		switch now := l.lagging(); {
		case now != nil && !late:
			late = true
			l.opts.Logger.ErrorContext(l.ctx, "ledger lags the hub", "behind", l.Behind().String())
		case now == nil && late:
			late = false
			l.opts.Logger.InfoContext(l.ctx, "ledger has caught up")
		}
		select {
		case <-ticker.C:
		case <-l.ctx.Done():
			return
		}
	}
}

// advance appends what the hub has, and signs.
func (l *Ledger) advance(ctx context.Context) (err error) {
	began := time.Now()
	if l.tree == nil {
		if err := l.load(); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			l.tree = nil // what is on disk counts
		}
	}()
	err = l.opts.Hub.Scan(ctx, l.tree.size+1, func(r journal.Record) error {
		if r.Position != l.tree.size+1 {
			return fmt.Errorf("hub goes from position %d to %d", l.tree.size, r.Position)
		}
		if err := l.tree.add(l.maker.leaf(r)); err != nil {
			return err
		}
		l.parties.put(r)
		if time.Since(l.signedAt) < l.opts.Every {
			return nil
		}
		return l.sign() // a long way to go: partners see it grow
	})
	if err == nil {
		err = l.sign()
	}
	if err == nil {
		l.caughtUp.Store(began.UnixNano())
	}
	return err
}

// sign makes the tree as it is the newest head, if it has grown.
func (l *Ledger) sign() error {
	before := l.head.Load()
	if l.tree.size == 0 || before != nil && before.Size == l.tree.size {
		return nil
	}
	l.signedAt = time.Now()
	paths, err := l.tree.keep()
	if err != nil {
		return err
	}
	crash.Point(crash.LedgerTiled)
	head := schemas.LedgerHead{Network: l.opts.Network, Epoch: l.opts.Epoch, Size: l.tree.size, Root: treeRoot(l.tree.edges)}
	text, err := head.Sign(l.opts.Key)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(l.opts.Dir, FileHead), []byte(text), 0o600); err != nil {
		return err
	}
	crash.Point(crash.LedgerSigned)
	l.files.Lock()
	defer l.files.Unlock()
	l.head.Store(&signedHead{head, text})
	var old []string
	for _, path := range l.partial {
		if !slices.Contains(paths, path) {
			old = append(old, path)
		}
	}
	drop(old)
	l.partial = paths
	return nil
}
