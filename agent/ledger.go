package agent

import (
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/agent/internal/outbox"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// accepted notes what the broker's ledger must have of a delivery.
func (m *membership) accepted(tx durable.Tx, d outbox.Delivery) error {
	return m.ledger.Note(tx, ledgerview.Known{
		Epoch: d.Epoch, Position: d.Position, Kind: ledgerview.KindAccepted, Envelope: d.Envelope, Hash: d.Hash,
	})
}

// sent reports whether an envelope is one of this agency's. Of one that was
// sealed anew since only the id is known.
func sent(tx durable.Tx, id schemas.EventID, hash schemas.Hash) (bool, error) {
	d, ok, err := outbox.ByEnvelope(tx, id)
	return ok && (d.Envelope != id || d.Hash == hash), err
}
