package broker

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// mark says how far the hub of an epoch had come. It lies outside the message
// server's directory: a hub that has lost its end, or is another one, is noticed
// at the start and not by its agents. It follows the hub within markEvery, and
// is exact after an orderly stop.
type mark struct {
	Epoch    schemas.ULID `json:"epoch"`
	Position uint64       `json:"position"` // 0 before the first record
	Hash     schemas.Hash `json:"hash"`     // of the record at the position
}

// markEvery is how often the mark is moved at most. Each costs a write to disk
// beside the commits.
const markEvery = 250 * time.Millisecond

// newEpochHint is what an operator does about a broker that lost its memory.
const newEpochHint = "find out what happened to the directory; if what is missing is gone, have the lead agency declare it with `linkage broker new-epoch --reason wiped|restored|corrupt`, and the agents bring back what they hold"

// disagreement refuses to serve what is not the hub that was here before.
func disagreement(field, format string, args ...any) error {
	return schemas.Refuse(schemas.CodeHistoryForked, field, fmt.Sprintf(format, args...), newEpochHint)
}

func writeMark(dir string, m mark) error {
	return writeJSON(filepath.Join(dir, fileMark), m)
}

// readMark returns the mark of an epoch. A directory without one, or with that
// of another epoch, is not as its broker left it.
func readMark(dir string, epoch schemas.ULID) (mark, error) {
	var m mark
	err := readJSON(filepath.Join(dir, fileMark), &m)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, disagreement(fileMark, "must be there: it says how far the hub had come")
	case err != nil:
		return m, err
	case m.Epoch != epoch:
		return m, disagreement(fileMark, "must be of epoch %s, is of %s: the directory holds parts of two, or a new epoch was not declared to its end", epoch, m.Epoch)
	}
	return m, nil
}

// checkMark holds the hub against the mark. The hub may have come further.
func (b *Broker) checkMark(ctx context.Context) error {
	hub := b.nats.Hub()
	last, err := hub.Last(ctx)
	if err != nil {
		return err
	}
	if last < b.mark.Position {
		return disagreement("hub", "must have the %d records that it had, has %d", b.mark.Position, last)
	}
	if b.mark.Position == 0 {
		return nil
	}
	r, err := hub.Read(ctx, b.mark.Position)
	if err != nil {
		return err
	}
	if recordHash(r) != b.mark.Hash {
		return disagreement("hub", "must have at position %d the record that it had, has another", b.mark.Position)
	}
	return nil
}

// checkEpoch makes sure that hub and directory mean the same epoch.
func (b *Broker) checkEpoch() error {
	if hub := b.gate.Epoch(); hub != "" && hub != b.epoch.Epoch {
		return disagreement("hub", "must be of epoch %s, is of %s", b.epoch.Epoch, hub)
	}
	return nil
}

// followHub moves the mark until the broker stops, then once more.
func (b *Broker) followHub() {
	ticker := time.NewTicker(markEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-b.ctx.Done():
			return
		}
		if err := b.moveMark(b.ctx); err != nil && b.ctx.Err() == nil {
			b.log.WarnContext(b.ctx, "mark is moved later", "error", err)
		}
	}
}

// moveMark sets the mark to the hub's end.
func (b *Broker) moveMark(ctx context.Context) error {
	last, err := b.nats.Hub().Last(ctx)
	if err != nil || last == b.mark.Position {
		return err
	}
	r, err := b.nats.Hub().Read(ctx, last)
	if err != nil {
		return err
	}
	next := mark{b.epoch.Epoch, last, recordHash(r)}
	if err := writeMark(b.opts.DataDir, next); err != nil {
		return err
	}
	b.mark = next
	return nil
}

// recordHash is over everything that a record of the hub says.
func recordHash(r journal.Record) schemas.Hash {
	h := sha256.New()
	part := func(s []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s)))) // a hash takes everything
		_, _ = h.Write(s)
	}
	part([]byte(r.Subject))
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		part([]byte(name))
		for _, v := range r.Header[name] {
			part([]byte(v))
		}
	}
	part(r.Data)
	return schemas.Hash(h.Sum(nil))
}
