package outbox

import (
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// freeze seals waiting deliveries, puts them into the recipient's chain and
// stores them so: from now on their bytes do not change until there is a
// definite answer. What may not go is held; what has to wait for its grant to
// be known to the broker is returned as unready. Parts of attachments it takes
// only if it is told to, and otherwise returns as postponed.
func (o *Outbox) freeze(tx durable.Tx, recipient schemas.AgencyID, numbers []uint64, parts bool) (batch []work, unready, postponed []uint64, err error) {
	h, err := headOf(tx, recipient)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range numbers {
		d, ok, err := find(tx, n, recipient)
		if err != nil {
			return nil, nil, nil, err
		}
		if !ok || d.State != Waiting {
			continue
		}
		if d.Part != nil && !parts {
			postponed = append(postponed, n)
			continue
		}
		e, ready, err := o.envelope(tx, &d)
		if refusal, ok := errors.AsType[*schemas.Error](err); ok {
			d.Refusal = schemas.RefusalOf(refusal)
			if err := o.put(tx, d, Held); err != nil {
				return nil, nil, nil, err
			}
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if !ready {
			unready = append(unready, n)
			continue
		}
		e.Chain, e.Sequence, e.Previous = h.Chain, h.Sequence+1, h.Hash
		e = e.Signed(o.opts.Key())
		h.Sequence, h.Hash = e.Sequence, e.Hash()
		if err := o.keepFrozen(tx, d, e, h.Hash); err != nil {
			return nil, nil, nil, err
		}
		batch = append(batch, work{delivery: d, envelope: e})
	}
	return batch, unready, postponed, nil
}

// known reports whether a delivery that stood aside for its grant need not do
// so any more; false for number 0.
func (o *Outbox) known(tx durable.Tx, recipient schemas.AgencyID, number uint64) (bool, error) {
	if number == 0 {
		return false, nil
	}
	d, ok, err := find(tx, number, recipient)
	if err != nil || !ok || d.State != Waiting {
		return err == nil, err
	}
	_, _, ready, err := o.opts.Content.Prepare(tx, d, schemas.NewEventID())
	if _, refused := errors.AsType[*schemas.Error](err); refused {
		return true, nil
	}
	return ready, err
}

// keyID names this agency's signing key. Envelope, event and terms are signed by
// one key.
func (o *Outbox) keyID() schemas.KeyID {
	return schemas.KeyIDOf(o.opts.Key().Public().(ed25519.PublicKey))
}

// envelope addresses and seals a delivery; what was sealed with the present keys
// before is used again, under the same id.
func (o *Outbox) envelope(tx durable.Tx, d *Delivery) (e schemas.Envelope, ready bool, err error) {
	fresh := schemas.NewEventID()
	sealed, grant, ready, err := o.opts.Content.Prepare(tx, *d, fresh)
	if err != nil || !ready {
		return e, false, err
	}
	key, err := o.opts.Content.SealingKey(tx, d.Recipient)
	if err != nil {
		return e, false, err
	}
	now := o.opts.Now()
	e = schemas.Envelope{
		ID: d.Envelope, Sender: o.opts.Own, Time: schemas.At(now).Time, Recipient: d.Recipient, Grant: grant, RecipientKey: schemas.KeyIDOf(key),
	}
	data, err := tx.Map(mapSeals).Get(string(d.Envelope))
	if err != nil {
		return e, false, err
	}
	if data != nil && d.RecipientKey == e.RecipientKey && d.Grant == grant && d.SenderKey == o.keyID() {
		e.Data = data
		return e, true, nil
	}
	if err := tx.Map(mapSeals).Delete(string(d.Envelope)); err != nil {
		return e, false, err
	}
	e.ID = fresh
	d.Envelope, d.RecipientKey, d.Grant, d.SenderKey = e.ID, e.RecipientKey, grant, o.keyID()
	d.Content = sealed.Event.Hash()
	if e.Data, err = schemas.Seal(key, e.SealInfo(o.opts.Network), sealed); err != nil {
		return e, false, err
	}
	return e, true, tx.Map(mapSeals).Put(string(e.ID), e.Data)
}

// keepFrozen stores everything that the envelope's bytes depend on.
func (o *Outbox) keepFrozen(tx durable.Tx, d Delivery, e schemas.Envelope, hash schemas.Hash) error {
	d.Time, d.Chain, d.Sequence, d.Previous, d.Material, d.Hash = e.Time, e.Chain, e.Sequence, e.Previous, e.Material, hash
	d.Data = schemas.HashOf(e.Data)
	d.Attempts++
	if err := durable.PutJSON(tx.Map(mapByEnvelope), string(e.ID), d.Number); err != nil {
		return err
	}
	return o.put(tx, d, Frozen)
}

// thaw makes the envelopes of frozen deliveries again, byte for byte, up to one
// whose grant was revoked and for which the revocation has to go first: quiet
// says that there is one. gone lists those that are not frozen any more.
func (o *Outbox) thaw(tx durable.Tx, recipient schemas.AgencyID, numbers []uint64) (batch []work, gone []uint64, quiet bool, err error) {
	for _, n := range numbers {
		d, ok, err := find(tx, n, recipient)
		if err != nil {
			return nil, nil, false, err
		}
		if !ok || d.State != Frozen {
			gone = append(gone, n)
			continue
		}
		if quiet, err := o.opts.Content.Quiet(tx, d.Grant); err != nil || quiet {
			return batch, gone, quiet, err // what comes after it in the chain waits with it
		}
		data, err := tx.Map(mapSeals).Get(string(d.Envelope))
		if err != nil {
			return nil, nil, false, err
		}
		if data == nil {
			return nil, nil, false, fmt.Errorf("seal of envelope %s is missing", d.Envelope)
		}
		batch = append(batch, work{delivery: d, envelope: schemas.Envelope{
			ID: d.Envelope, Sender: o.opts.Own, Time: d.Time, Recipient: d.Recipient, Grant: d.Grant, RecipientKey: d.RecipientKey,
			Chain: d.Chain, Sequence: d.Sequence, Previous: d.Previous, Material: d.Material, Data: data,
		}})
	}
	return batch, gone, false, nil
}

func chainKey(recipient schemas.AgencyID, chain schemas.ULID, sequence uint64) string {
	return fmt.Sprintf("%s|%s|%d", recipient, chain, sequence)
}

// accepted notes that the broker has an envelope: the chain goes on from it.
// The gate accepts a chain without gaps, so it has those before it too, even if
// their answers are still on the way.
func (o *Outbox) accepted(tx durable.Tx, d Delivery) error {
	h, err := headOf(tx, d.Recipient)
	if err != nil {
		return err
	}
	if d.Chain == h.Chain && d.Sequence > h.Sequence {
		h.Sequence, h.Hash = d.Sequence, d.Hash
		if err := durable.PutJSON(tx.Map(mapChains), string(d.Recipient), h); err != nil {
			return err
		}
	}
	return durable.PutJSON(tx.Map(mapByChain), chainKey(d.Recipient, d.Chain, d.Sequence), d.Number)
}
