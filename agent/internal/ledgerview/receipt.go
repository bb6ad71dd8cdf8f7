package ledgerview

import (
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

const (
	logReceipts  = "receipts-had"
	mapReceiptOf = "receipt-of" // envelope -> number in the log
)

// Receipt is a partner's signed receipt as it was handed over.
type Receipt struct {
	Epoch    schemas.ULID         `json:"epoch"`
	Position uint64               `json:"position"` // of the ledger's entry
	Record   schemas.SignedRecord `json:"record"`
}

// KeepReceipt keeps a verified receipt: with it this agency can show that the
// recipient had what it sent.
func (v *View) KeepReceipt(tx durable.Tx, epoch schemas.ULID, position uint64, rec schemas.SignedRecord, r schemas.Receipt) error {
	n := uint64(0)
	for _, item := range r.Items {
		if item.Kind != schemas.ReceiptStored {
			continue
		}
		if _, known, err := durable.GetJSON[uint64](tx.Map(mapReceiptOf), string(item.Envelope)); err != nil || known {
			if err != nil {
				return err
			}
			continue
		}
		if n == 0 {
			var err error
			if n, err = durable.AppendJSON(tx.Log(logReceipts), Receipt{epoch, position, rec}); err != nil {
				return err
			}
		}
		if err := durable.PutJSON(tx.Map(mapReceiptOf), string(item.Envelope), n); err != nil {
			return err
		}
	}
	return nil
}

// ReceiptOf returns the receipt of an envelope, ok false if there is none.
func ReceiptOf(tx durable.Tx, id schemas.EventID) (r Receipt, ok bool, err error) {
	n, ok, err := durable.GetJSON[uint64](tx.Map(mapReceiptOf), string(id))
	if err != nil || !ok {
		return r, false, err
	}
	return durable.LogJSON[Receipt](tx.Log(logReceipts), n)
}
