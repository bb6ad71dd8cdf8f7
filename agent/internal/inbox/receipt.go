package inbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linkage-exchange/linkage/internal/crash"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// owed is a receipt that is to be signed and sent.
type owed struct {
	To   schemas.AgencyID    `json:"to"`
	Item schemas.ReceiptItem `json:"item"`
}

func (in *Inbox) queueReceipt(tx durable.Tx, o schemas.Outline, kind schemas.ReceiptKind, code schemas.Code) error {
	e := o.Envelope
	_, err := durable.AppendJSON(tx.Log(logReceipts), owed{To: e.Sender, Item: schemas.ReceiptItem{
		Envelope: e.ID, Chain: e.Chain, Sequence: e.Sequence, Hash: o.Hash(), Kind: kind, Code: code,
	}})
	return err
}

// sendReceipts signs and sends everything that is owed, one sender after the
// other. A receipt leaves the queue when the broker has it on disk; it may be
// sent twice, which has no effect.
func (in *Inbox) sendReceipts(ctx context.Context) error {
	most := schemas.MaxReceiptItems
	for {
		numbers, to, items, err := in.nextReceipt(most)
		if err != nil || len(items) == 0 {
			return err
		}
		rec, err := schemas.Sign(schemas.RecordReceipt, schemas.Receipt{
			V: 1, Network: in.opts.Network, From: in.opts.Own, To: to, At: schemas.At(in.opts.Now()), Items: items,
		}, in.opts.Key())
		if err != nil {
			return fmt.Errorf("sign receipt: %w", err)
		}
		err = in.opts.Line.Receipt(ctx, rec)
		code := schemas.CodeOf(err)
		if code.Kind() == schemas.KindInvalid {
			if len(items) > 1 { // one of them holds up the others: send them singly
				most = 1
				continue
			}
			err = nil // it will never be taken
		}
		if err != nil {
			return err
		}
		crash.Point(crash.AgentReceipted)
		err = in.opts.Store.Update(ctx, func(tx durable.Tx) error {
			if code != "" {
				text := "the broker does not take the receipt for an envelope: " + string(items[0].Envelope)
				if err := in.opts.Effects.Raise(tx, code, to, text); err != nil {
					return err
				}
			}
			for _, n := range numbers {
				if err := tx.Log(logReceipts).Delete(n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("clear receipts: %w", err)
		}
		if code != "" {
			most = schemas.MaxReceiptItems // the one that held them up is gone
		}
	}
}

// nextReceipt gathers what is owed to the sender of the oldest one.
func (in *Inbox) nextReceipt(most int) (numbers []uint64, to schemas.AgencyID, items []schemas.ReceiptItem, err error) {
	err = in.opts.Store.View(func(tx durable.Tx) error {
		seen := 0
		return tx.Log(logReceipts).Scan(1, func(n uint64, v []byte) error {
			o, err := durable.DecodeJSON[owed](v)
			if err != nil {
				return err
			}
			if to == "" {
				to = o.To
			}
			if o.To == to {
				numbers, items = append(numbers, n), append(items, o.Item)
			}
			if seen++; seen >= 10*schemas.MaxReceiptItems || len(items) == most {
				return durable.ErrStop
			}
			return nil
		})
	})
	return numbers, to, items, err
}

// receiptLag is how much later than it was answered a receipt may have been
// signed: after a week without a line.
const receiptLag = 8 * 24 * time.Hour

// ReceiptsSince queues once more what may have been signed since a time: with a
// key that does not count for it any more.
func (in *Inbox) ReceiptsSince(tx durable.Tx, since time.Time) error {
	since = since.Add(-receiptLag)
	return tx.Map(mapAnswers).Each(func(place string, v []byte) error {
		a, err := durable.DecodeJSON[answer](v)
		if err != nil || a.Envelope == "" || a.At.Before(since) {
			return err
		}
		o := owed{Item: schemas.ReceiptItem{Envelope: a.Envelope, Hash: a.Hash, Kind: schemas.ReceiptStored, Code: a.Code}}
		if a.Code != "" {
			o.Item.Kind = schemas.ReceiptRefused
		}
		parts := strings.Split(place, "|")
		if len(parts) != 3 {
			return fmt.Errorf("answer at an unknown place")
		}
		o.To, o.Item.Chain = schemas.AgencyID(parts[0]), schemas.ULID(parts[1])
		if o.Item.Sequence, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
			return err
		}
		_, err = durable.AppendJSON(tx.Log(logReceipts), o)
		return err
	})
}
