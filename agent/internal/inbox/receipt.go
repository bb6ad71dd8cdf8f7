package inbox

import (
	"context"
	"errors"
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
	receipt := owed{To: e.Sender, Item: schemas.ReceiptItem{
		Envelope: e.ID, Chain: e.Chain, Sequence: e.Sequence, Hash: o.Hash(), Kind: kind, Code: code,
	}}
	if kind == schemas.ReceiptRefused { // what was refused may have no place in a chain that could be believed
		if _, err := durable.AppendJSON(tx.Log(logRefusals), refusal{receipt, in.opts.Now()}); err != nil {
			return err
		}
	}
	_, err := durable.AppendJSON(tx.Log(logReceipts), receipt)
	return err
}

// refusal is a refusal that was once owed, and since when.
type refusal struct {
	Owed owed      `json:"owed"`
	At   time.Time `json:"at"`
}

const logRefusals = "refusals"

// owing is how many receipts are looked at together. While an agency takes in
// what waited for long, that many gather before they are sent, so that each
// record to a sender holds many.
const owing = 10 * schemas.MaxReceiptItems

// sendReceipts signs and sends everything that is owed, one sender after the
// other. A receipt leaves the queue when the broker has it on disk; it may be
// sent twice, which has no effect.
func (in *Inbox) sendReceipts(ctx context.Context) error {
	for {
		all, err := in.nextReceipts()
		if err != nil || len(all) == 0 {
			return err
		}
		for _, r := range all {
			if err := in.sendReceipt(ctx, r); err != nil {
				return err
			}
		}
	}
}

// receipt is what one record to a sender will say.
type receipt struct {
	to      schemas.AgencyID
	numbers []uint64 // in the queue
	items   []schemas.ReceiptItem
}

// nextReceipts gathers what is owed, by sender, the oldest first.
func (in *Inbox) nextReceipts() ([]*receipt, error) {
	var all []*receipt
	open := map[schemas.AgencyID]*receipt{}
	err := in.opts.Store.View(func(tx durable.Tx) error {
		seen := 0
		return tx.Log(logReceipts).Scan(1, func(n uint64, v []byte) error {
			o, err := durable.DecodeJSON[owed](v)
			if err != nil {
				return err
			}
			r := open[o.To]
			if r == nil || len(r.items) == schemas.MaxReceiptItems {
				r = &receipt{to: o.To}
				open[o.To], all = r, append(all, r)
			}
			r.numbers, r.items = append(r.numbers, n), append(r.items, o.Item)
			if seen++; seen == owing {
				return durable.ErrStop
			}
			return nil
		})
	})
	return all, err
}

func (in *Inbox) sendReceipt(ctx context.Context, r *receipt) error {
	rec, err := schemas.Sign(schemas.RecordReceipt, schemas.Receipt{
		V: 1, Network: in.opts.Network, From: in.opts.Own, To: r.to, At: schemas.At(in.opts.Now()), Items: r.items,
	}, in.opts.Key())
	if err != nil {
		return fmt.Errorf("sign receipt: %w", err)
	}
	err = in.opts.Line.Receipt(ctx, rec)
	code := schemas.CodeOf(err)
	if code.Kind() == schemas.KindInvalid {
		if len(r.items) > 1 { // one of them holds up the others: send them singly
			return in.sendSingly(ctx, r)
		}
		err = nil // it will never be taken
	}
	if err != nil {
		return err
	}
	crash.Point(crash.AgentReceipted)
	err = in.opts.Store.Update(ctx, func(tx durable.Tx) error {
		if code != "" {
			text := "the broker does not take the receipt for an envelope: " + string(r.items[0].Envelope)
			if err := in.opts.Effects.Raise(tx, code, r.to, text); err != nil {
				return err
			}
		}
		for _, n := range r.numbers {
			if err := tx.Log(logReceipts).Delete(n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("clear receipts: %w", err)
	}
	return nil
}

func (in *Inbox) sendSingly(ctx context.Context, r *receipt) error {
	for i := range r.items {
		if err := in.sendReceipt(ctx, &receipt{to: r.to, numbers: r.numbers[i : i+1], items: r.items[i : i+1]}); err != nil {
			return err
		}
	}
	return nil
}

// receiptLag is how much later than it was answered a receipt may have been
// signed: after a week without a line.
const receiptLag = 8 * 24 * time.Hour

// ReceiptsSince queues once more what may have been signed since a time: with a
// key that does not count for it any more.
func (in *Inbox) ReceiptsSince(tx durable.Tx, since time.Time) error {
	since = since.Add(-receiptLag)
	var refusals []owed
	err := tx.Log(logRefusals).Scan(1, func(_ uint64, v []byte) error {
		r, err := durable.DecodeJSON[refusal](v)
		if err == nil && !r.At.Before(since) {
			refusals = append(refusals, r.Owed)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range refusals {
		if _, err := durable.AppendJSON(tx.Log(logReceipts), o); err != nil {
			return err
		}
	}
	return tx.Map(mapAnswers).Each(func(place string, v []byte) error {
		a, err := durable.DecodeJSON[answer](v)
		if err != nil || a.Envelope == "" || a.Code != "" || a.At.Before(since) {
			return err
		}
		o := owed{Item: schemas.ReceiptItem{Envelope: a.Envelope, Hash: a.Hash, Kind: schemas.ReceiptStored}}
		parts := strings.Split(place, "|")
		if len(parts) != 3 {
			return errors.New("answer at an unknown place")
		}
		o.To, o.Item.Chain = schemas.AgencyID(parts[0]), schemas.ULID(parts[1])
		if o.Item.Sequence, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
			return err
		}
		_, err = durable.AppendJSON(tx.Log(logReceipts), o)
		return err
	})
}
