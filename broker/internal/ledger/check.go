package ledger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	if err := l.opts.Hub.Scan(ctx, l.size()+1, journal.Record.Sound); err != nil {
		return err // it would be signed as it is now
	}
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
	return l.opts.Hub.ReadMany(ctx, sample(head.Size), func(r journal.Record) error {
		return errors.Join(r.Sound(), tiles.holds(r.Position, l.maker.leaf(r)))
	})
}

// audit holds every record that the hub had at start against the ledger, while
// the broker serves: what a start looks at by sample is no longer in doubt a
// minute later. What it finds makes the broker unready; nothing of it is served
// meanwhile, because every page is held against the ledger too.
func (l *Ledger) audit(size uint64) {
	if size == 0 {
		return
	}
	m := newMaker(l.opts.Epoch, l.opts.SaltKey)
	var tiles reader
	next := uint64(1)
	err := l.opts.Hub.Scan(l.ctx, 1, func(r journal.Record) error {
		if r.Position > size {
			return errAudited
		}
		if r.Position != next {
			return errMissing(next)
		}
		next++
		if err := errors.Join(r.Sound(), l.leafHolds(&tiles, r, m)); err != nil {
			return err
		}
		l.parties.put(r)
		return nil
	})
	switch {
	case l.ctx.Err() != nil:
	case err == nil && next <= size:
		err = errMissing(next)
		fallthrough
	case err != nil && !errors.Is(err, errAudited):
		err = fmt.Errorf("audit of hub and ledger: %w", err)
		l.damage.Store(&err)
		l.opts.Logger.ErrorContext(l.ctx, "hub and ledger do not fit; see the operations guide, the ledger", "error", err)
	default:
		l.opts.Logger.InfoContext(l.ctx, "hub and ledger fit", "records", size)
	}
}

// Holds reports whether records that were read from the hub are what they were
// when they were decided: their content fits their header, and their header the
// entry that was signed, if there is one yet.
func (l *Ledger) Holds(records []journal.Record) error {
	l.files.RLock()
	defer l.files.RUnlock()
	m, tiles := newMaker(l.opts.Epoch, l.opts.SaltKey), newReader(l.opts.Dir, l.size())
	for _, r := range records {
		if err := r.Sound(); err != nil {
			return err
		}
		if r.Position > tiles.size {
			continue
		}
		if err := tiles.holds(r.Position, m.leaf(r)); err != nil {
			return err
		}
	}
	return nil
}

// leafHolds is [reader.holds] for records that come in order, while the
// incomplete tiles are replaced by larger ones.
func (l *Ledger) leafHolds(tiles *reader, r journal.Record, m *maker) error {
	l.files.RLock()
	defer l.files.RUnlock()
	if r.Position%tileWidth == 1 {
		*tiles = newReader(l.opts.Dir, l.size())
	}
	return tiles.holds(r.Position, m.leaf(r))
}

var errAudited = errors.New("audited")

func errMissing(position uint64) error {
	return schemas.Refuse(schemas.CodeHistoryForked, "hub", fmt.Sprintf("must have at position %d the record that the ledger has an entry of, has none", position), remedy)
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
