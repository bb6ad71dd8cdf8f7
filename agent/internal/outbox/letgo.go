package outbox

import (
	"context"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
)

// KeepFor is how long after a recipient has signed for an event it can have it
// again, if it is restored from a backup.
const KeepFor = 90 * 24 * time.Hour

const (
	mapLetGo    = "let-go"
	keyLetGo    = "next" // the first delivery that was not looked at
	letGoAtOnce = 1000
)

// LetGo forgets the places in chains of what was stored, or ended, long ago:
// a recipient cannot ask for it any more. What was delivered, and when, stays in
// the record of disclosures.
func (o *Outbox) LetGo(ctx context.Context) error {
	for more := true; more; {
		err := o.opts.Store.Update(ctx, func(tx durable.Tx) (err error) {
			more, err = o.letGo(tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *Outbox) letGo(tx durable.Tx) (more bool, err error) {
	next, _, err := durable.GetJSON[uint64](tx.Map(mapLetGo), keyLetGo)
	if err != nil {
		return false, err
	}
	before := o.opts.Now().Add(-KeepFor)
	from := max(next, 1)
	next = from
	var gone []string
	err = tx.Log(logDeliveries).Scan(from, func(n uint64, v []byte) error {
		d, err := durable.DecodeJSON[Delivery](v)
		if err != nil {
			return err
		}
		if d.Since.After(before) || n-from == letGoAtOnce {
			more = n-from == letGoAtOnce
			return durable.ErrStop
		}
		if next = n + 1; (d.State == Stored || d.State == Ended) && d.Chain != "" {
			gone = append(gone, chainKey(d.Recipient, d.Chain, d.Sequence))
		}
		return nil
	})
	if err != nil || next == from {
		return false, err
	}
	for _, key := range gone {
		if err := tx.Map(mapByChain).Delete(key); err != nil {
			return false, err
		}
	}
	return more, durable.PutJSON(tx.Map(mapLetGo), keyLetGo, next)
}
