package ledgerview

import (
	"context"
	"fmt"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// The kinds of entry that a party knows of by itself; see docs/protocol.md.
const (
	KindAccepted = "accepted"
	KindStored   = "stored"
)

// Known is an entry that the ledger must have, as this agency knows from what
// the broker answered or handed over. It is kept until the entry was fetched.
type Known struct {
	Epoch    schemas.ULID    `json:"epoch"`
	Position uint64          `json:"position"`
	Kind     string          `json:"kind"`
	Envelope schemas.EventID `json:"envelope,omitempty"`
	Hash     schemas.Hash    `json:"hash"`
}

// fits reports whether an entry says what is known.
func (k Known) fits(e schemas.LedgerEntry) bool {
	return e.Position == k.Position && e.Kind == k.Kind && e.Envelope == k.Envelope && e.Hash != nil && *e.Hash == k.Hash
}

const logKnown = "ledger-known"

// Note keeps what is known in the caller's transaction.
func (v *View) Note(tx durable.Tx, k Known) error {
	if k.Position == 0 || k.Epoch == "" {
		return nil // a broker that does not say where
	}
	_, err := durable.AppendJSON(tx.Log(logKnown), k)
	return err
}

// reckonAtOnce bounds one transaction; strays is how many entries beyond what
// was fetched may stand before one that was.
const (
	reckonAtOnce = 1000
	strays       = 200
)

// reckon holds what is known against what was fetched. An entry that is not
// there, or says something else, is an alarm: the broker's own signature stands
// against its answer. beyond reports whether something is known that is not
// under the head.
func (v *View) reckon(ctx context.Context, head schemas.LedgerHead, fetched uint64) (beyond bool, err error) {
	var due []uint64
	var known []Known
	err = v.opts.Store.View(func(tx durable.Tx) error {
		stray := 0
		return tx.Log(logKnown).Scan(1, func(n uint64, b []byte) error {
			k, err := durable.DecodeJSON[Known](b)
			if err != nil {
				return err
			}
			switch {
			case k.Epoch != head.Epoch: // of an epoch that ended: it is not proven any more
				due, known = append(due, n), append(known, k)
			case k.Position <= fetched:
				due, known = append(due, n), append(known, k)
			default:
				beyond = beyond || k.Position > head.Size
				stray++
			}
			if stray > strays || len(due) == reckonAtOnce {
				return durable.ErrStop
			}
			return nil
		})
	})
	if err != nil || len(due) == 0 {
		return beyond, err
	}
	return beyond, v.opts.Store.Update(ctx, func(tx durable.Tx) error {
		for i, n := range due {
			if err := v.settle(tx, known[i], head.Epoch); err != nil {
				return err
			}
			if err := tx.Log(logKnown).Delete(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle compares one.
func (v *View) settle(tx durable.Tx, k Known, epoch schemas.ULID) error {
	proof, ok, err := At(tx, k.Epoch, k.Position)
	if err != nil {
		return err
	}
	if !ok && k.Epoch != epoch {
		return v.opts.Raise(tx, schemas.CodeEpochChanged, "", "an epoch of the exchange ended before its ledger had proven everything that this agency knows of")
	}
	what := "has no entry of"
	if ok {
		e, err := schemas.ParseLedgerEntry([]byte(proof.Entry))
		if err != nil || k.fits(e) {
			return err
		}
		what = "says something else about"
	}
	about := "what this agency was told of as " + k.Kind
	if k.Envelope != "" {
		about = "envelope " + string(k.Envelope)
	}
	return v.opts.Raise(tx, schemas.CodeHistoryForked, "", fmt.Sprintf("the exchange's signed ledger %s %s, position %d: keep this agency's data as evidence, and ask the exchange's operator and the partner", what, about, k.Position))
}
