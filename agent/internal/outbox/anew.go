package outbox

import (
	"context"
	"slices"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Anew offers everything again that no recipient has signed for, in its order and
// under the same seals: the broker has forgotten it. It waits for what is being
// sent. also runs in the same transaction, begins the new chain, and is told how
// many deliveries go again.
func (o *Outbox) Anew(ctx context.Context, also func(tx durable.Tx, again int) error) error {
	o.rounds.Lock()
	defer o.rounds.Unlock()
	var waiting map[schemas.AgencyID][]uint64
	listed := map[uint64]bool{}
	err := o.opts.Store.Update(ctx, func(tx durable.Tx) error {
		waiting = map[schemas.AgencyID][]uint64{}
		clear(listed)
		numbers, err := activeNumbers(tx)
		if err != nil {
			return err
		}
		again := 0
		for _, n := range numbers {
			d, err := read(tx, n)
			if err != nil {
				return err
			}
			switch d.State {
			case Frozen, Accepted:
				d.Position, d.Refusal = 0, schemas.Refusal{}
				if err := o.put(tx, d, Waiting); err != nil {
					return err
				}
			case Waiting:
			default:
				continue
			}
			again++
			listed[n] = true
			waiting[d.Recipient] = append(waiting[d.Recipient], n)
		}
		return also(tx, again)
	})
	if err != nil {
		return err
	}
	for recipient := range waiting {
		o.lane(recipient)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for recipient, l := range o.lanes {
		l.mu.Lock()
		later := slices.DeleteFunc(l.waiting, func(n uint64) bool { return listed[n] })
		l.frozen, l.unready, l.parts, l.waiting = nil, nil, nil, append(waiting[recipient], later...)
		l.mu.Unlock()
		signal(l.again)
	}
	return nil
}
