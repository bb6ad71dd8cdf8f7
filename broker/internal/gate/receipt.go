package gate

import (
	"context"
	"fmt"

	"github.com/linkage-exchange/linkage/internal/journal"
	"github.com/linkage-exchange/linkage/schemas"
)

// Allow takes one request from a member's rate, before anything is done for it.
func (g *Gate) Allow(account string) error {
	if g.rates.allow(account, g.now()) {
		return nil
	}
	return errOverRate
}

// Receipt takes a recipient's signed receipt for a sender. When it returns, the
// receipt is on disk and waits for the sender. A receipt that comes again right
// away has the same position; its reader goes by (envelope, kind) in any case.
func (g *Gate) Receipt(ctx context.Context, account string, rec schemas.SignedRecord) (position uint64, err error) {
	receipt, err := g.readReceipt(account, rec)
	if err != nil {
		return 0, err
	}
	parties := [2]schemas.AgencyID{receipt.From, receipt.To}
	keys := []string{"receipt:" + rec.Hash().String()}
	out, err := g.Write(ctx, journal.Change{Keys: keys, Decide: func() ([]journal.Record, error) {
		if _, err := g.checkSender(account, receipt.From); err != nil {
			return nil, err
		}
		if last := g.state.receipts[parties]; last.hash == rec.Hash() {
			position = last.position
			return nil, nil
		}
		if err := g.checkReceipt(receipt); err != nil {
			return nil, err
		}
		return []journal.Record{receiptRecord(receipt, rec)}, nil
	}})
	if err != nil {
		return 0, err
	}
	if out.Position > 0 {
		position = out.Position
	}
	return position, nil
}

// readReceipt checks form and signature.
func (g *Gate) readReceipt(account string, rec schemas.SignedRecord) (schemas.Receipt, error) {
	var r schemas.Receipt
	a, err := g.checkSender(account, "")
	if err != nil {
		return r, err
	}
	if len(rec.Encode()) > schemas.MaxRecord {
		return r, schemas.Refuse(schemas.CodeTooLarge, "payload", fmt.Sprintf("must be at most %d bytes as JSON", schemas.MaxRecord), "send several receipts")
	}
	key, ok := g.members.SigningKey(a, rec.KeyID(), g.now())
	if !ok {
		return r, schemas.Refuse(schemas.CodeUnknownSigningKey, "signatures.keyid", "must name a live signing key of the agency", "publish the card with the new key first")
	}
	if r, err = schemas.ReadRecord[schemas.Receipt](rec, schemas.RecordReceipt, key); err != nil {
		return r, err
	}
	if r.Network != g.opts.Network {
		return r, schemas.Malformed("network", "must be %s", g.opts.Network)
	}
	if r.From != a {
		return r, schemas.Refuse(schemas.CodeSenderMismatch, "from", "must be the agency that sends the receipt", "sign receipts as this agency")
	}
	return r, nil
}

// checkReceipt refuses receipts for what was never committed. The writer calls
// it.
func (g *Gate) checkReceipt(r schemas.Receipt) error {
	for i, item := range r.Items {
		c := g.state.chains[pair{r.To, item.Chain, r.From}]
		if c == nil || item.Sequence == 0 || item.Sequence > uint64(len(c.positions)) {
			return schemas.Malformed(fmt.Sprintf("items[%d].sequence", i), "must be an envelope that the broker holds for this recipient")
		}
	}
	return nil
}
