package agent

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
	"github.com/linkage-exchange/linkage/agent/internal/inbox"
	"github.com/linkage-exchange/linkage/agent/internal/ledgerview"
	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// effects is what a membership does with what comes in.
type effects struct{ m *membership }

// SigningKey returns a member's key.
func (f effects) SigningKey(tx durable.Tx, a schemas.AgencyID, id schemas.KeyID, at time.Time) (ed25519.PublicKey, error) {
	return f.m.dir.SigningKey(tx, a, id, at)
}

// Grant returns a grant to this agency.
func (f effects) Grant(tx durable.Tx, id schemas.GrantID) (inbox.GrantState, error) {
	p, ok, err := casebook.PeekPermission(tx, id)
	if err != nil || !ok {
		return inbox.GrantState{}, err
	}
	return inbox.GrantState{Grant: &p.Grant, Revoked: p.Revoked, Terms: p.Terms}, nil
}

// KeepTerms keeps the verified text of a grant.
func (f effects) KeepTerms(tx durable.Tx, rec schemas.SignedRecord, t schemas.Terms) error {
	p, ok, err := casebook.FindPermission(tx, t.ID)
	if err != nil || !ok || p.Terms != nil {
		return err
	}
	p.Terms, p.TermsRecord = &t, &rec
	if err := casebook.KeepHandle(tx, t.Discloser, t.Client); err != nil {
		return err
	}
	return casebook.PutPermission(tx, p)
}

// Take records an event, or does what an event for the agent itself asks.
func (f effects) Take(tx durable.Tx, t inbox.Taken) error {
	if err := f.m.ledger.Heard(tx, t.Sender, t.Head); err != nil {
		return err
	}
	epoch, err := f.note(tx, ledgerview.Known{Position: t.Position, Kind: ledgerview.KindAccepted, Envelope: t.Envelope, Hash: t.Outline.Hash()})
	if err != nil {
		return err
	}
	switch schemas.EventType(t.Event.Type()) {
	case schemas.TypeNetworkCanarySent:
		return f.m.canaryBack(tx, t)
	case schemas.TypeNetworkEventsNeeded:
		return f.resend(tx, t)
	case schemas.TypeNetworkAgencyRestored:
		return f.partnerRestored(tx, t.Sender, t.Event.Data())
	case schemas.TypeNetworkAgencySupplied:
		return f.supplied(tx, t.Sender, t.Event.Data())
	case schemas.TypeNetworkRecordsReturned:
		return f.returned(tx, t.Sender, t.Event.Data())
	case schemas.TypeAttachmentPartShared:
		return f.part(tx, t)
	}
	n, known, err := casebook.Append(tx, casebook.Entry{
		Direction: casebook.Heard, From: t.Sender, Grant: t.Grant, Purpose: t.Purpose, Envelope: t.Envelope,
		Outline: &t.Outline, Epoch: epoch, Position: t.Position,
		Recorded: f.m.agent.opts.Now(), Event: t.Record.Payload, Proof: &t.Record,
	}, t.Event)
	if err != nil || known {
		return err
	}
	if err := f.m.takenAgain(tx, t.Sender, schemas.EventID(t.Event.ID())); err != nil {
		return err
	}
	return f.announced(tx, t, n)
}

func (f effects) resend(tx durable.Tx, t inbox.Taken) error {
	var need schemas.NetworkEventsNeeded
	if err := json.Unmarshal(t.Event.Data(), &need); err != nil {
		return schemas.Refuse(schemas.CodeInvalidEvent, "data", "must say which chain and numbers are needed", "correct the event")
	}
	again, err := f.m.outbox.Resend(tx, t.Sender, need.Chain, need.From, need.To)
	f.m.later(again...)
	return err
}

// Ask requests from a sender what its chain lacks here.
func (f effects) Ask(tx durable.Tx, sender schemas.AgencyID, chain schemas.ULID, from, to uint64) error {
	return f.m.say(tx, schemas.TypeNetworkEventsNeeded, sender, schemas.NetworkEventsNeeded{Chain: chain, From: from, To: to})
}

// Raise records an alarm.
func (f effects) Raise(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error {
	return f.m.raise(tx, code, about, text)
}

// Committed follows a transaction.
func (f effects) Committed() {
	f.m.committed()
	f.m.ledger.Committed()
	f.m.wakeSync()
}

// Apply verifies and takes over an item that is not an envelope.
func (f effects) Apply(tx durable.Tx, item schemas.Item) error {
	switch item.Kind {
	case schemas.ItemWithdrawn:
		return f.withdrawn(tx, item)
	case schemas.ItemRevocation:
		return f.revoked(tx, item)
	case schemas.ItemEntry:
		return f.entry(tx, item)
	case schemas.ItemNotice:
		return f.notice(tx, item)
	case schemas.ItemReceipt, schemas.ItemGrant, schemas.ItemRoll:
		rec, err := schemas.ParseRecord(item.Data)
		if err != nil {
			return err
		}
		switch item.Kind {
		case schemas.ItemReceipt:
			return f.receipt(tx, rec, item.Position)
		case schemas.ItemGrant:
			return f.granted(tx, rec)
		default:
			return f.roll(tx, rec)
		}
	default: // a kind of a later version: the broker keeps it, we lose nothing
		return f.Raise(tx, schemas.CodeUnsupportedVersion, "", "the broker sent something that this version does not know: "+string(item.Kind))
	}
}

// signer returns a member's key for a record that was signed at a time, or the
// refusal.
func (f effects) signer(tx durable.Tx, a schemas.AgencyID, rec schemas.SignedRecord, at time.Time) (ed25519.PublicKey, error) {
	key, err := f.m.dir.SigningKey(tx, a, rec.KeyID(), at)
	if err == nil && key == nil {
		err = errNoSigner(a)
	}
	return key, err
}

func errNoSigner(a schemas.AgencyID) error {
	return schemas.Refuse(schemas.CodeUnknownSigningKey, "signatures.keyid", "must name a key on the card of "+string(a), "fetch the card")
}

func (f effects) receipt(tx durable.Tx, rec schemas.SignedRecord, position uint64) error {
	claimed, err := schemas.PeekRecord[schemas.Receipt](rec, schemas.RecordReceipt)
	if err != nil {
		return err
	}
	key, err := f.signer(tx, claimed.From, rec, claimed.At.Time)
	if err != nil {
		return err
	}
	if err := rec.Verify(schemas.RecordReceipt, key); err != nil {
		return err
	}
	if claimed.To != f.m.own || claimed.Network != f.m.network {
		return schemas.Malformed("to", "must be this agency")
	}
	epoch, err := f.note(tx, ledgerview.Known{Position: position, Kind: ledgerview.KindStored, Hash: rec.Hash()})
	if err != nil {
		return err
	}
	if err := f.m.ledger.KeepReceipt(tx, epoch, position, rec, claimed); err != nil {
		return err
	}
	for _, item := range claimed.Items {
		again, err := f.m.outbox.ApplyReceipt(tx, claimed.From, item)
		if err != nil {
			return err
		}
		if again != nil {
			f.m.later(*again)
		}
	}
	return nil
}

// note keeps that the ledger must have what was handed over; epoch is the one
// in which it was.
func (f effects) note(tx durable.Tx, k ledgerview.Known) (epoch schemas.ULID, err error) {
	if k.Epoch, _, err = inbox.Cursor(tx); err != nil {
		return "", err
	}
	return k.Epoch, f.m.ledger.Note(tx, k)
}

func (f effects) granted(tx durable.Tx, rec schemas.SignedRecord) error {
	g, err := schemas.PeekRecord[schemas.Grant](rec, schemas.RecordGrant)
	if err != nil {
		return err
	}
	if p, known, err := casebook.FindPermission(tx, g.ID); err != nil || known && p.Record.Hash() == rec.Hash() {
		return err
	}
	key, err := f.m.dir.TrustedKey(tx, g.Discloser, rec.KeyID()) // a grant does not say when it was signed
	if err == nil && key == nil {
		err = errNoSigner(g.Discloser)
	}
	if err != nil {
		return err
	}
	if err := rec.Verify(schemas.RecordGrant, key); err != nil {
		return err
	}
	if g.Recipient != f.m.own && g.Discloser != f.m.own || g.Network != f.m.network {
		return schemas.Malformed("recipient", "must be this agency, or its own grant")
	}
	if _, known, err := casebook.FindPermission(tx, g.ID); err != nil || known {
		return err
	}
	return casebook.PutPermission(tx, casebook.Permission{Grant: g, Record: rec, Registered: f.m.agent.opts.Now()})
}

func (f effects) revoked(tx durable.Tx, item schemas.Item) error {
	var r schemas.Revoked
	if err := schemas.DecodeJSON(item.Data, &r); err != nil {
		return err
	}
	return f.ended(tx, r.Revocation)
}

// ended verifies the revocation of a grant and takes it over.
func (f effects) ended(tx durable.Tx, rec schemas.SignedRecord) error {
	rev, err := schemas.PeekRecord[schemas.Revocation](rec, schemas.RecordRevocation)
	if err != nil {
		return err
	}
	key, err := f.signer(tx, rev.By, rec, time.Time{}) // it can only take back
	if err != nil {
		return err
	}
	if err := rec.Verify(schemas.RecordRevocation, key); err != nil {
		return err
	}
	p, ok, err := casebook.FindPermission(tx, rev.Grant)
	if err != nil || !ok {
		return err
	}
	if rev.By != p.Grant.Discloser && (rev.Key == nil || schemas.HashOf(rev.Key) != p.Grant.Lock) {
		return schemas.Refuse(schemas.CodeNoGrant, "by", "must be the discloser, or hold the key of the grant's lock", "ask the broker's operator")
	}
	return f.m.keepRevocation(tx, p, rec, rev)
}

func (f effects) withdrawn(tx durable.Tx, item schemas.Item) error {
	var w schemas.Withdrawn
	if err := schemas.DecodeJSON(item.Data, &w); err != nil {
		return err
	}
	if w.Outline.Envelope.Sender != f.m.own {
		return nil
	}
	key, err := f.m.dir.SigningKey(tx, f.m.own, w.Outline.Envelope.SigningKey(), time.Time{})
	if err != nil {
		return err
	}
	if err := w.Outline.Verify(key); err != nil {
		return err
	}
	if w.Code == schemas.CodeGrantRevoked { // the revocation itself came before
		p, ok, err := casebook.FindPermission(tx, w.Outline.Envelope.Grant)
		if err != nil {
			return err
		}
		if !ok || p.Revocation == nil {
			return schemas.Refuse(schemas.CodeNoGrant, "code", "must be true: nobody has revoked this grant", "ask the broker's operator")
		}
	}
	return f.m.outbox.ApplyWithdrawn(tx, w.Outline.Envelope.ID, w.Code)
}

func (f effects) roll(tx durable.Tx, rec schemas.SignedRecord) error {
	if err := f.m.dir.ApplyRoll(tx, rec); err != nil {
		return err
	}
	m, ok, err := f.m.dir.Member(tx, f.m.own)
	if err != nil || !ok || m.Status == schemas.MemberActive {
		return err
	}
	return f.Raise(tx, schemas.CodeSuspended, f.m.own, keptOut(m.Status))
}

func (f effects) entry(tx durable.Tx, item schemas.Item) error {
	var e schemas.Entry
	if err := schemas.DecodeJSON(item.Data, &e); err != nil {
		return err
	}
	return f.m.dir.ApplyEntry(tx, e)
}

func (f effects) notice(tx durable.Tx, item schemas.Item) error {
	var n schemas.Notice
	if err := schemas.DecodeJSON(item.Data, &n); err != nil {
		return err
	}
	about := n.To
	if about == f.m.own {
		about = n.From
	}
	text := fmt.Sprintf("%d of at most %d envelopes from %s wait for %s", n.Waiting, n.Quota, n.From, n.To)
	if n.Kind == "ageing" {
		text = fmt.Sprintf("mail from %s has waited for %s since %s and goes back on %s", n.From, n.To, n.Oldest.Format(time.DateOnly), n.Expires.Format(time.DateOnly))
	}
	return f.Raise(tx, schemas.CodeQuota, about, text)
}
