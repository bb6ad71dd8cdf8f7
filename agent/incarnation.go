package agent

import (
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// beginChain makes this agency a new incarnation towards every partner: at
// join, after a restore, in a new epoch of the broker, and when this copy of the
// agency takes over from another. The new chain sorts behind the present one,
// and behind others of this agency's, whatever the clock says, so that the
// broker takes it for the newer. tx is that of the network.
func beginChain(tx durable.Tx, now time.Time, others ...schemas.ULID) error {
	before, err := outbox.Chain(tx)
	if err != nil {
		return err
	}
	for _, other := range others {
		before = max(before, other)
	}
	return outbox.BeginChain(tx, schemas.NewULIDAfter(now, before))
}
