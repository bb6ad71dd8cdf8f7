package gate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Allow takes one request from a member's rate, before anything is done for it.
func (g *Gate) Allow(account string) error {
	if g.rates.allow(account, g.now()) {
		return nil
	}
	return schemas.Refuse(schemas.CodeOverRate, "", "must not exceed this member's rate", "wait a second and send again; nothing was lost")
}

// Receipt takes a recipient's signed receipt for a sender. When it returns, the
// receipt is on disk and waits for the sender. The same receipt may come again;
// its reader goes by (envelope, kind).
func (g *Gate) Receipt(ctx context.Context, account string, rec schemas.SignedRecord) (position uint64, err error) {
	a, err := g.checkSender(&submission{account: account})
	if err != nil {
		return 0, err
	}
	key, ok := g.members.SigningKey(a, rec.KeyID(), g.now())
	if !ok {
		return 0, schemas.Refuse(schemas.CodeUnknownSigningKey, "signatures.keyid", "must name a live signing key of the agency", "publish the card with the new key first")
	}
	receipt, err := schemas.ReadRecord[schemas.Receipt](rec, schemas.RecordReceipt, key)
	if err != nil {
		return 0, err
	}
	if receipt.Network != g.opts.Network {
		return 0, schemas.Malformed("network", "must be %s", g.opts.Network)
	}
	if receipt.From != a {
		return 0, schemas.Refuse(schemas.CodeSenderMismatch, "from", "must be the agency that sends the receipt", "sign receipts as this agency")
	}
	out, err := g.Write(ctx, journal.Change{Decide: func() ([]journal.Record, error) {
		if err := g.checkReceipt(receipt); err != nil {
			return nil, err
		}
		return []journal.Record{receiptRecord(receipt, rec)}, nil
	}})
	if err == nil {
		g.opts.Hint(receipt.To, out.Position)
	}
	return out.Position, err
}

// checkReceipt refuses receipts for what was never committed.
func (g *Gate) checkReceipt(r schemas.Receipt) error {
	for i, item := range r.Items {
		c := g.state.chains[pair{r.To, item.Chain, r.From}]
		if c == nil || item.Sequence == 0 || item.Sequence > uint64(len(c.positions)) {
			return schemas.Malformed(fmt.Sprintf("items[%d].sequence", i), "must be an envelope that the broker holds for this recipient")
		}
	}
	return nil
}

func receiptRecord(r schemas.Receipt, rec schemas.SignedRecord) journal.Record {
	return journal.Record{
		Subject: "hub.0.receipt." + string(r.To),
		Header: map[string][]string{
			journal.HeaderKind:      {string(journal.Stored)},
			journal.HeaderSender:    {string(r.From)},
			journal.HeaderRecipient: {string(r.To)},
			journal.HeaderHash:      {rec.Hash().String()},
			journal.HeaderCount:     {strconv.Itoa(len(r.Items))},
		},
		Data: rec.Encode(),
	}
}
