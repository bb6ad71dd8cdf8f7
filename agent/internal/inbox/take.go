package inbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// take applies one item.
func (in *Inbox) take(tx durable.Tx, k *known, item schemas.Item, o *opened) error {
	if item.Kind != schemas.ItemEnvelope {
		k.forget() // it may change what is known
		return in.takeOther(tx, item)
	}
	e := o.envelope
	if e.Sender == "" { // it could not even be read; the gate never lets such through
		return in.opts.Effects.Raise(tx, schemas.CodeOf(o.err), "", "the broker handed over something that is not an envelope")
	}
	key, err := k.signingKey(tx, e)
	if err != nil {
		return err
	}
	if key == nil {
		return in.refuse(tx, o.outline, schemas.Refuse(schemas.CodeUnknownSigningKey, "ce-dssematerial", "must be made with a key on the sender's card", "publish the card"))
	}
	in.examine(o, key)
	if o.unsigned != nil {
		return in.refuse(tx, o.outline, o.unsigned)
	}
	if e.Recipient != in.opts.Own { // it has no place in the sender's chain for this agency
		return in.refuse(tx, o.outline, o.err)
	}
	if err := in.newest(tx, e); err != nil {
		return err
	}
	before, err := in.follow(tx, o.outline)
	if err != nil {
		return err
	}
	if before {
		return in.answerAgain(tx, o.outline)
	}
	err = o.err
	if err == nil {
		err = in.takeEvent(tx, k, o, item.Position)
	}
	return in.answer(tx, o.outline, err)
}

// answer keeps and queues the answer to an envelope that came for the first
// time: refusal says why it was not stored, nil that it was.
func (in *Inbox) answer(tx durable.Tx, o schemas.Outline, refusal error) error {
	code := schemas.CodeOf(refusal)
	if refusal != nil && code == "" {
		return refusal // it is none: something failed here
	}
	if err := in.keepAnswer(tx, o, code); err != nil {
		return err
	}
	if refusal != nil {
		return in.refuse(tx, o, refusal)
	}
	return in.queueReceipt(tx, o, schemas.ReceiptStored, "")
}

// takeEvent decides about what was opened, and takes it. What is written before
// a refusal, such as the grant's terms, stays.
func (in *Inbox) takeEvent(tx durable.Tx, k *known, o *opened, position uint64) error {
	taken, err := in.check(tx, k, o)
	if err != nil {
		return err
	}
	taken.Outline, taken.Position = o.outline, position
	return in.opts.Effects.Take(tx, taken)
}

// check makes the recipient's decision: the same function as the sender's, on
// what was opened and on the grant that the broker told of.
func (in *Inbox) check(tx durable.Tx, k *known, o *opened) (Taken, error) {
	e, s, ev := o.envelope, o.sealed, o.event
	if o.unreadable != nil {
		return Taken{}, o.unreadable
	}
	if err := schemas.CheckInner(ev, e.Sender, later(in.opts.Now(), e.Time)); err != nil {
		return Taken{}, err
	}
	if tied := schemas.Extension(ev, schemas.ExtEnvelope); tied != "" && tied != string(e.ID) {
		return Taken{}, schemas.Refuse(schemas.CodeInvalidEvent, schemas.ExtEnvelope, "must name the envelope in which the event travels", "seal the event anew for each envelope")
	}
	q := schemas.Question{
		At: e.Time, Sender: e.Sender, Recipient: in.opts.Own, Type: schemas.EventType(ev.Type()), Category: schemas.CategoryOf(ev),
		Client: schemas.Handle(schemas.Extension(ev, schemas.ExtClient)), Purpose: schemas.Purpose(schemas.Extension(ev, schemas.ExtPurpose)),
	}
	if e.Grant != schemas.CharterGrant {
		if err := in.checkTerms(tx, k, o, &q); err != nil {
			return Taken{}, err
		}
		if q.Purpose == "" {
			return Taken{}, schemas.Refuse(schemas.CodePurposeNotCovered, "purpose", "must be stated", "state the purpose of the grant")
		}
	}
	purpose, err := schemas.Decide(q)
	if err != nil {
		return Taken{}, err
	}
	if o.invalid != nil {
		return Taken{}, o.invalid
	}
	if s.Attached != nil && q.Type != schemas.TypeAttachmentPartShared {
		return Taken{}, schemas.Malformed("attached", "must be absent: only a part of an attachment has bytes beside it")
	}
	return Taken{
		Sender: e.Sender, Envelope: e.ID, Grant: e.Grant, Purpose: purpose, Category: q.Category, Event: ev, Record: s.Event, Head: s.Head,
		Attached: s.Attached,
	}, nil
}

// later guards against a clock here that is behind: the gate has held the
// envelope's time against its own.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// checkTerms holds the terms against the grant's public part before they are
// believed.
func (in *Inbox) checkTerms(tx durable.Tx, k *known, o *opened, q *schemas.Question) error {
	g, err := k.grant(tx, o.envelope.Grant)
	if err != nil {
		return err
	}
	if g.Grant == nil {
		return schemas.Refuse(schemas.CodeNoGrant, "grant", "must be one that the broker told of", "issue the grant first")
	}
	if o.untrue != nil {
		return o.untrue
	}
	terms, rec := o.terms, *o.sealed.Terms
	if err := schemas.MatchTerms(*g.Grant, terms, rec); err != nil {
		return err
	}
	q.Grant, q.Terms, q.Revoked = g.Grant, &terms, g.Revoked
	if g.Terms {
		return nil
	}
	g.Terms = true
	return in.opts.Effects.KeepTerms(tx, rec, terms)
}

// refuse answers with a typed refusal and shows it to a person: a disagreement
// with sender and gate is an alarm, not a log line.
func (in *Inbox) refuse(tx durable.Tx, o schemas.Outline, err error) error {
	refusal, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	text := "an envelope was refused here: " + refusal.Error()
	if err := in.opts.Effects.Raise(tx, refusal.Code, o.Envelope.Sender, text); err != nil {
		return err
	}
	return in.queueReceipt(tx, o, schemas.ReceiptRefused, refusal.Code)
}

// answer is what this agency answered to the envelope at one place of a chain.
type answer struct {
	Hash schemas.Hash `json:"hash"`
	// Code is why it was refused, or withdrawn; "" if it is stored.
	Code     schemas.Code    `json:"code,omitempty"`
	Envelope schemas.EventID `json:"envelope,omitempty"`
	At       time.Time       `json:"at,omitzero"`
}

func placeKey(sender schemas.AgencyID, chain schemas.ULID, sequence uint64) string {
	return fmt.Sprintf("%s|%d", chainKey(sender, chain), sequence)
}

func (in *Inbox) keepAnswer(tx durable.Tx, o schemas.Outline, code schemas.Code) error {
	e := o.Envelope
	return durable.PutJSON(tx.Map(mapAnswers), placeKey(e.Sender, e.Chain, e.Sequence), answer{o.Hash(), code, e.ID, in.opts.Now()})
}

// answerAgain repeats the answer to an envelope that came before. Another one
// in the same place was not stored, whatever else may be the matter.
func (in *Inbox) answerAgain(tx durable.Tx, o schemas.Outline) error {
	e := o.Envelope
	before, _, err := durable.GetJSON[answer](tx.Map(mapAnswers), placeKey(e.Sender, e.Chain, e.Sequence))
	switch {
	case err != nil:
		return err
	case before.Hash != o.Hash():
		return in.refuse(tx, o, schemas.Refuse(schemas.CodeChainConflict, "ce-sequence", "must not stand for two different envelopes", "find out whether two copies of the sender's Linkage are running"))
	case before.Code != "":
		return in.queueReceipt(tx, o, schemas.ReceiptRefused, before.Code)
	}
	return in.queueReceipt(tx, o, schemas.ReceiptStored, "")
}

// takeOther applies a receipt, a grant, a roll and the like.
func (in *Inbox) takeOther(tx durable.Tx, item schemas.Item) error {
	if item.Kind == schemas.ItemWithdrawn {
		if err := in.takeWithdrawn(tx, item); err != nil {
			return in.tolerate(tx, item, err)
		}
	}
	return in.tolerate(tx, item, in.opts.Effects.Apply(tx, item))
}

// tolerate makes a bad item an alarm, so that it blocks nothing behind it.
func (in *Inbox) tolerate(tx durable.Tx, item schemas.Item, err error) error {
	refusal, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	return in.opts.Effects.Raise(tx, refusal.Code, "", "the broker handed over a "+string(item.Kind)+" that does not hold: "+refusal.Error())
}

// takeWithdrawn closes the sender's chain over an envelope that will not come,
// if this agency is its recipient and the proof holds.
func (in *Inbox) takeWithdrawn(tx durable.Tx, item schemas.Item) error {
	w, err := schemas.ReadWithdrawn(item.Data)
	if err != nil {
		return err
	}
	e := w.Outline.Envelope
	if e.Recipient != in.opts.Own {
		return nil
	}
	key, err := in.opts.Effects.SigningKey(tx, e.Sender, e.SigningKey(), time.Time{})
	if err != nil {
		return err
	}
	if err := w.Outline.Verify(key); err != nil {
		return err
	}
	if w.Code == schemas.CodeGrantRevoked {
		if err := in.checkRevocation(tx, w); err != nil {
			return err
		}
	}
	known, err := in.follow(tx, w.Outline)
	if err != nil || known {
		return err
	}
	if err := in.keepAnswer(tx, w.Outline, w.Code); err != nil || item.Position != w.Position {
		return err
	}
	// It was handed over once and lost here; the sender must know that it did
	// not arrive.
	if err := in.opts.Effects.Lost(tx, w.Outline); err != nil {
		return err
	}
	return in.queueReceipt(tx, w.Outline, schemas.ReceiptRefused, w.Code)
}

// checkRevocation makes sure that a revocation of this very grant is there, so
// that no broker can call a loss a withdrawal.
func (in *Inbox) checkRevocation(tx durable.Tx, w schemas.Withdrawn) error {
	if w.Revocation == nil {
		return schemas.Malformed("revocation", "must come with a withdrawal for that reason")
	}
	rev, err := schemas.PeekRecord[schemas.Revocation](*w.Revocation, schemas.RecordRevocation)
	if err != nil {
		return err
	}
	if rev.Grant != w.Outline.Envelope.Grant || rev.Network != in.opts.Network {
		return schemas.Malformed("revocation", "must be of the envelope's grant")
	}
	g, err := in.opts.Effects.Grant(tx, rev.Grant)
	if err != nil {
		return err
	}
	if g.Grant == nil || rev.By != g.Grant.Discloser && (rev.Key == nil || schemas.HashOf(rev.Key) != g.Grant.Lock) {
		return schemas.Refuse(schemas.CodeNoGrant, "revocation.by", "must be the discloser, or hold the key of the grant's lock", "ask the broker's operator")
	}
	key, err := in.opts.Effects.SigningKey(tx, rev.By, w.Revocation.KeyID(), time.Time{})
	if err != nil {
		return err
	}
	return w.Revocation.Verify(schemas.RecordRevocation, key)
}
