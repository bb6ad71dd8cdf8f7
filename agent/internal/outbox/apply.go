package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Queued is a delivery that a transaction put into a lane again; hand it to
// [Outbox.Add] once the transaction is on disk.
type Queued struct {
	Recipient schemas.AgencyID
	Number    uint64
}

// ApplyReceipt takes over one item of a recipient's verified receipt. It is
// idempotent. An item about an envelope that is not ours, or not that
// recipient's, is an alarm and changes nothing.
func (o *Outbox) ApplyReceipt(tx durable.Tx, from schemas.AgencyID, item schemas.ReceiptItem) (again *Queued, err error) {
	n, ok, err := durable.GetJSON[uint64](tx.Map(mapByEnvelope), string(item.Envelope))
	if err != nil {
		return nil, err
	}
	if !ok {
		if chain, err := Chain(tx); err != nil || item.Chain != chain {
			return nil, errors.Join(err, o.opts.Content.Forgotten(tx, from, item))
		}
	}
	var d Delivery
	if ok {
		if d, err = read(tx, n); err != nil {
			return nil, err
		}
	}
	if !ok || d.Recipient != from || d.Envelope == item.Envelope && d.Hash != item.Hash {
		return nil, o.opts.Content.Raise(tx, schemas.CodeChainMismatch, from, "a receipt for an envelope that was not sent so: "+string(item.Envelope))
	}
	if d.Envelope != item.Envelope && (item.Kind == schemas.ReceiptRefused || d.State == Frozen) {
		return nil, nil // it was sealed anew since, and what comes of that is still open
	}
	switch item.Kind {
	case schemas.ReceiptSeen:
		d.Seen = o.opts.Now()
		return nil, o.put(tx, d, d.State)
	case schemas.ReceiptStored:
		if d.State == Stored {
			return nil, nil
		}
		d.Refusal = schemas.Refusal{}
		if d.Envelope == item.Envelope {
			if err := o.accepted(tx, d); err != nil {
				return nil, err
			}
		}
		return nil, o.put(tx, d, Stored)
	default:
		return o.refused(tx, d, item.Code)
	}
}

// refused takes over that the recipient could not or would not take it in. The
// envelope is spent: what is sent after that is sealed anew, under a new id.
func (o *Outbox) refused(tx durable.Tx, d Delivery, code schemas.Code) (*Queued, error) {
	if d.State != Frozen && d.State != Accepted {
		return nil, nil // it was dealt with
	}
	if err := o.accepted(tx, d); err != nil {
		return nil, err
	}
	if err := tx.Map(mapSeals).Delete(string(d.Envelope)); err != nil {
		return nil, err
	}
	d.Refusal = schemas.Refusal{Code: code, Rule: "was refused by the recipient", Remedy: "telephone the recipient, then send again or end it"}
	again := code == schemas.CodeUnknownKey || code == schemas.CodeUnknownSigningKey && d.SenderKey != o.keyID()
	if again && d.Attempts < maxAttempts {
		// To the key that the recipient's card names now, with the one that ours does.
		return &Queued{d.Recipient, d.Number}, o.put(tx, d, Waiting)
	}
	return nil, o.put(tx, d, Held)
}

// maxAttempts is how often a delivery is sealed for a recipient that cannot
// open it, before a person has to look.
const maxAttempts = 10

// ApplyWithdrawn takes over that the broker will not hand an envelope over.
func (o *Outbox) ApplyWithdrawn(tx durable.Tx, envelope schemas.EventID, code schemas.Code) error {
	n, ok, err := durable.GetJSON[uint64](tx.Map(mapByEnvelope), string(envelope))
	if err != nil || !ok {
		return err
	}
	d, err := read(tx, n)
	if err != nil || d.Envelope != envelope || d.State == Stored || d.State == Ended {
		return err
	}
	d.Refusal = schemas.Refusal{Code: code, Rule: "was taken back before the recipient had it", Remedy: "send it again under a permission that is alive, or end it"}
	if err := o.accepted(tx, d); err != nil {
		return err
	}
	return o.put(tx, d, Withdrawn)
}

// Stop takes back, in this agency, what waits under a grant that was revoked.
// Frozen envelopes may already be at the broker, which will say.
func (o *Outbox) Stop(tx durable.Tx, grant schemas.GrantID) error {
	all, err := Active(tx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Grant != grant || d.State != Waiting {
			continue
		}
		d.Refusal = schemas.Refusal{Code: schemas.CodeGrantRevoked, Rule: "was revoked before it was sent", Remedy: "send it under another permission, or end it"}
		if err := o.put(tx, d, Held); err != nil {
			return err
		}
	}
	return nil
}

// maxRepeats is how often an event goes to a recipient again because it lacked
// it. Asking costs one envelope and brings up to a thousand.
const maxRepeats = 3

// Resend queues again what a recipient says that its chain lacks: each envelope
// once, however often it asks, an event no more than maxRepeats times, and not
// what a person has ended.
func (o *Outbox) Resend(tx durable.Tx, recipient schemas.AgencyID, chain schemas.ULID, from, to uint64) ([]Queued, error) {
	if to < from || to-from >= 1000 {
		return nil, schemas.Malformed("to", "must be at most 999 after from")
	}
	var again []Queued
	for sequence := from; sequence <= to; sequence++ {
		n, ok, err := durable.GetJSON[uint64](tx.Map(mapByChain), chainKey(recipient, chain, sequence))
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		d, err := read(tx, n)
		if err != nil {
			return nil, err
		}
		if d.State == Ended || d.Resent > 0 {
			continue
		}
		if d.Repeats >= maxRepeats {
			text := "asks again and again for what it was sent: find out why it loses its mail"
			if err := o.opts.Content.Raise(tx, schemas.CodeSequenceGap, recipient, text); err != nil {
				return nil, err
			}
			continue
		}
		if d.Resent, err = o.queue(tx, Delivery{Event: d.Event, EventID: d.EventID, Recipient: recipient, Grant: d.Grant, Part: d.Part}); err != nil {
			return nil, err
		}
		repeat, err := read(tx, d.Resent)
		if err != nil {
			return nil, err
		}
		repeat.Repeats = d.Repeats + 1
		if err := o.put(tx, repeat, repeat.State); err != nil {
			return nil, err
		}
		if err := o.put(tx, d, d.State); err != nil {
			return nil, err
		}
		again = append(again, Queued{recipient, d.Resent})
	}
	return again, nil
}

// Release puts what a recipient's deliveries are held for into the lane again,
// because it is no more: hand it to Add once the transaction is on disk.
func (o *Outbox) Release(tx durable.Tx, recipient schemas.AgencyID, reason schemas.Code) ([]Queued, error) {
	all, err := Active(tx)
	if err != nil {
		return nil, err
	}
	var again []Queued
	for _, d := range all {
		if d.Recipient != recipient || d.State != Held || d.Refusal.Code != reason {
			continue
		}
		if err := o.put(tx, d, Waiting); err != nil {
			return nil, err
		}
		again = append(again, Queued{recipient, d.Number})
	}
	return again, nil
}

// Retry puts a held or withdrawn delivery into its lane again: a person has
// removed what was in the way.
func (o *Outbox) Retry(ctx context.Context, number uint64) error {
	var d Delivery
	err := o.opts.Store.Update(ctx, func(tx durable.Tx) (err error) {
		if d, err = o.decidable(tx, number); err != nil {
			return err
		}
		if d.State == Withdrawn { // its envelope is spent
			if err := tx.Map(mapSeals).Delete(string(d.Envelope)); err != nil {
				return err
			}
		}
		return o.put(tx, d, Waiting)
	})
	if err == nil {
		o.Add(d.Recipient, number)
		o.opts.Content.Committed()
	}
	return err
}

// End decides that a held or withdrawn delivery will not go. The reason is kept.
func (o *Outbox) End(ctx context.Context, number uint64, reason string) error {
	if len(reason) < 3 || len(reason) > 500 {
		return schemas.Malformed("reason", "must be 3 to 500 bytes")
	}
	err := o.opts.Store.Update(ctx, func(tx durable.Tx) error {
		d, err := o.decidable(tx, number)
		if err != nil {
			return err
		}
		d.Reason = reason
		return o.put(tx, d, Ended)
	})
	if err == nil {
		o.opts.Content.Committed()
	}
	return err
}

func (o *Outbox) decidable(tx durable.Tx, number uint64) (Delivery, error) {
	d, ok, err := durable.LogJSON[Delivery](tx.Log(logDeliveries), number)
	d.Number = number
	switch {
	case err != nil:
		return d, err
	case !ok:
		return d, schemas.Refuse(schemas.CodeNotFound, "delivery", "must be one of the outbox", "see `linkage agent status`")
	case d.State != Held && d.State != Withdrawn:
		return d, schemas.Refuse(schemas.CodeMalformed, "delivery", fmt.Sprintf("must be held or withdrawn; it is %s", d.State), "wait: nothing is to be decided about it")
	}
	return d, nil
}
