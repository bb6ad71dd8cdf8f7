package agent

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/agent/internal/casebook"
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

// sent reports whether the envelope of an entry is one of this agency's. Of one
// that was sealed anew since only the id is known, and a restored agency does
// not know what it sent after its backup was made.
func (m *membership) sent(tx durable.Tx, e schemas.LedgerEntry) (bool, error) {
	d, ok, err := outbox.ByEnvelope(tx, e.Envelope)
	if err != nil || ok {
		return ok && (d.Envelope != e.Envelope || d.Hash == *e.Hash), err
	}
	r, restored, err := recoveryOf(tx)
	return restored && e.Time.After(r.Since) && e.Time.Before(r.At), err
}

// LedgerHead is the newest head of a broker's ledger that an agent could
// connect with those before it.
type LedgerHead struct {
	Network schemas.NetworkID `json:"network"`
	Epoch   schemas.ULID      `json:"epoch"`
	Size    uint64            `json:"size"`
	Root    schemas.Hash      `json:"root"`
	// Broker names the key that signed it.
	Broker schemas.KeyID `json:"broker"`
	Head   string        `json:"head"` // as it was signed
	// Own is the position up to which this agency has its entries and their
	// proofs.
	Own uint64 `json:"own"`
}

// LedgerHead returns the newest head of a network, "" for the only one.
func (a *Agent) LedgerHead(n schemas.NetworkID) (LedgerHead, error) {
	m, err := a.member(n)
	if err != nil {
		return LedgerHead{}, err
	}
	return m.ledgerHead()
}

func (m *membership) ledgerHead() (out LedgerHead, err error) {
	err = m.store.View(func(tx durable.Tx) error {
		text, err := ledgerview.Head(tx)
		if err != nil {
			return err
		}
		if text == nil {
			return schemas.Refuse(schemas.CodeNotFound, "ledger", "has no head here yet", "wait until the agent has exchanged something with its broker")
		}
		h, err := schemas.PeekLedgerHead(*text)
		if err != nil {
			return err
		}
		out = LedgerHead{Network: h.Network, Epoch: h.Epoch, Size: h.Size, Root: h.Root, Broker: m.target().Broker, Head: *text}
		out.Own, err = ledgerview.Fetched(tx, h.Epoch)
		return err
	})
	return out, err
}

// Proof is a proof file about one envelope.
type Proof struct {
	Envelope  schemas.EventID     `json:"envelope"`
	Sender    schemas.AgencyID    `json:"sender"`
	Recipient schemas.AgencyID    `json:"recipient"`
	File      schemas.LedgerProof `json:"file"`
}

// Prove makes a proof file for each envelope in which an event of the casebook
// went or came, or for the one with an id. Without content they hold nothing
// about the client.
func (a *Agent) Prove(n schemas.NetworkID, id schemas.EventID, content bool) ([]Proof, error) {
	m, err := a.member(n)
	if err != nil {
		return nil, err
	}
	return m.provenBy(id, content)
}

// LedgerOf reads the ledger of an agent that does not run: its newest head and,
// unless id is "", proofs as [Agent.Prove] makes them.
func LedgerOf(_ context.Context, opts Options, n schemas.NetworkID, id schemas.EventID, content bool) (head LedgerHead, proofs []Proof, err error) {
	a, err := openStopped(opts)
	if err != nil {
		return head, nil, err
	}
	defer func() { _ = a.store.Close() }() // only read from
	records, err := a.readMemberships()
	if err != nil {
		return head, nil, err
	}
	for _, r := range records {
		if !r.Joined {
			continue
		}
		if a.memberships[r.Target.Network], err = a.newMembership(r); err != nil {
			return head, nil, err
		}
	}
	if id != "" {
		proofs, err = a.Prove(n, id, content)
		return head, proofs, err
	}
	head, err = a.LedgerHead(n)
	return head, nil, err
}

// provenBy finds what an id names, and proves it.
func (m *membership) provenBy(id schemas.EventID, content bool) (proofs []Proof, err error) {
	if !id.Valid() {
		return nil, schemas.Refuse(schemas.CodeMalformed, "id", "must be the id of an event or an envelope", "see `linkage events`; `linkage send` prints an event's id")
	}
	err = m.store.View(func(tx durable.Tx) error {
		proofs = nil
		deliveries, err := m.deliveriesOf(tx, id)
		if err != nil {
			return err
		}
		for _, d := range deliveries {
			p, err := m.proveSaid(tx, d, content)
			if err != nil {
				return err
			}
			proofs = append(proofs, p)
		}
		if len(proofs) > 0 {
			return nil
		}
		e, err := m.heardAs(tx, id)
		if err != nil {
			return err
		}
		p, err := m.proveHeard(tx, e, content)
		proofs = append(proofs, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range proofs { // what does not hold here must not leave
		if _, err := p.File.Check(nil); err != nil {
			return nil, fmt.Errorf("proof of envelope %s: %w", p.Envelope, err)
		}
	}
	return proofs, nil
}

// deliveriesOf lists the deliveries of an event of this agency that the broker
// has, or the one that was an envelope.
func (m *membership) deliveriesOf(tx durable.Tx, id schemas.EventID) (all []outbox.Delivery, err error) {
	d, ok, err := outbox.ByEnvelope(tx, id)
	if err != nil {
		return nil, err
	}
	if ok {
		if d.Envelope != id {
			return nil, schemas.Refuse(schemas.CodeNotFound, "id", "must be of the envelope that was accepted: this one was sealed anew", "prove the event instead: "+string(d.EventID))
		}
		return []outbox.Delivery{d}, nil
	}
	n, ok, err := casebook.Find(tx, m.own.Source(), string(id))
	if err != nil || !ok {
		return nil, err
	}
	waiting := false
	err = outbox.All(tx, func(d outbox.Delivery) error {
		switch {
		case d.Event != n:
		case d.Material == "":
			waiting = true
		default:
			all = append(all, d)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		rule, remedy := "was sent to nobody, so there is nothing to prove", "see `linkage events`"
		if waiting {
			rule, remedy = "has not left this agency yet", "see `linkage agent status`, and try again once it was accepted"
		}
		err = schemas.Refuse(schemas.CodeNotFound, "event", rule, remedy)
	}
	return all, err
}

// heardAs finds a partner's event by its id or its envelope's.
func (m *membership) heardAs(tx durable.Tx, id schemas.EventID) (e casebook.Entry, err error) {
	members, err := m.dir.Members(tx)
	if err != nil {
		return e, err
	}
	for _, partner := range members {
		n, ok, err := casebook.Find(tx, partner.Agency.Source(), string(id))
		if err != nil {
			return e, err
		}
		if ok {
			e, _, err := casebook.Read(tx, n)
			return e, err
		}
	}
	found := false
	err = casebook.Events(tx, 0, func(other casebook.Entry) error {
		if other.Envelope != id {
			return nil
		}
		e, found = other, true
		return durable.ErrStop
	})
	if err == nil && !found {
		err = schemas.Refuse(schemas.CodeNotFound, "id", "must be of an event or an envelope that this agency sent or received", "see `linkage events`; `linkage send` prints an event's id")
	}
	return e, err
}

// begin finds the entry that accepted an envelope.
func (m *membership) begin(tx durable.Tx, epoch schemas.ULID, position uint64, id schemas.EventID) (p schemas.LedgerProof, err error) {
	found, ok, err := ledgerview.Proof{}, false, error(nil)
	if position > 0 {
		found, ok, err = ledgerview.At(tx, epoch, position)
	} else if head, headErr := ledgerview.Head(tx); headErr == nil && head != nil {
		h, _ := schemas.PeekLedgerHead(*head) // it was verified before it was kept
		found, ok, err = ledgerview.OfEnvelope(tx, h.Epoch, id)
	}
	if err == nil && !ok {
		err = schemas.Refuse(schemas.CodeUnavailable, "ledger", "has not proven this to the agency yet", "try again in a minute; `linkage agent status` says whether the line stands")
	}
	return schemas.LedgerProof{V: 1, Type: schemas.LedgerProofType, Key: found.Key, Entries: []schemas.HeadedEntry{found.HeadedEntry}}, err
}

// proveSaid proves what this agency sent: that the broker accepted it, what was
// in it, and that the recipient had it.
func (m *membership) proveSaid(tx durable.Tx, d outbox.Delivery, content bool) (Proof, error) {
	p := Proof{Envelope: d.Envelope, Sender: m.own, Recipient: d.Recipient}
	var err error
	if p.File, err = m.begin(tx, d.Epoch, d.Position, d.Envelope); err != nil {
		return p, err
	}
	if outline, ok := d.Outline(m.own); ok {
		key, err := m.ownKey(tx, outline.Envelope)
		if err != nil {
			return p, err
		}
		if outline.Verify(key) == nil {
			p.File.Envelope, p.File.SenderKey = &outline, key
		}
	}
	if err := m.addReceipt(tx, &p.File, d); err != nil {
		return p, err
	}
	if !content || p.File.Envelope == nil {
		return p, nil
	}
	if !bytes.Equal(p.File.SenderKey, m.identity().Public().Signing) {
		return p, nil // nobody signs with that key any more: what it was, the recipient can show
	}
	p.File.Event, p.File.Terms, err = m.contentOf(tx, d)
	return p, err
}

// ownKey is the public key with which this agency signed an envelope: the
// present one, or one that its card still names.
func (m *membership) ownKey(tx durable.Tx, e schemas.Envelope) (ed25519.PublicKey, error) {
	if key := m.identity().Public().Signing; schemas.KeyIDOf(key) == e.SigningKey() {
		return key, nil
	}
	return m.dir.SigningKey(tx, m.own, e.SigningKey(), e.Time)
}

// addReceipt adds the recipient's word, and the ledger's for that.
func (m *membership) addReceipt(tx durable.Tx, p *schemas.LedgerProof, d outbox.Delivery) error {
	r, ok, err := ledgerview.ReceiptOf(tx, d.Envelope)
	if err != nil || !ok {
		return err
	}
	receipt, err := schemas.PeekRecord[schemas.Receipt](r.Record, schemas.RecordReceipt)
	if err != nil {
		return err
	}
	key, err := m.dir.SigningKey(tx, d.Recipient, r.Record.KeyID(), receipt.At.Time)
	if err != nil || key == nil {
		return err
	}
	p.Receipt, p.RecipientKey = &r.Record, key
	entry, ok, err := ledgerview.At(tx, r.Epoch, r.Position)
	if ok && slices.Equal(entry.Key, p.Key) {
		p.Entries = append(p.Entries, entry.HeadedEntry)
	}
	return err
}

// contentOf makes what was sealed in a delivery's envelope again. It is not
// kept: the event, the permission and the purpose determine it, and its hash
// says whether it is the same.
func (m *membership) contentOf(tx durable.Tx, d outbox.Delivery) (rec, terms *schemas.SignedRecord, err error) {
	if d.Part != nil {
		return nil, nil, nil // a part of a document; the event names the document's hash
	}
	e, err := eventToSend(tx, d.Event)
	if err != nil {
		return nil, nil, err
	}
	var candidates []event.Event
	if d.Grant == schemas.CharterGrant {
		if e, err := underCharter(e); err == nil {
			candidates = append(candidates, e)
		}
	} else {
		p, ok, err := casebook.FindPermission(tx, d.Grant)
		if err != nil || !ok || p.Terms == nil {
			return nil, nil, err
		}
		terms = p.TermsRecord
		for _, cell := range p.Terms.Cells {
			if cell.Category != schemas.CategoryOf(e) {
				continue
			}
			if out, err := m.project(e, *p.Terms, cell.Purpose); err == nil {
				candidates = append(candidates, out)
			}
		}
	}
	for _, out := range candidates {
		signed, err := m.signEvent(out, d.Envelope)
		if err != nil {
			return nil, nil, err
		}
		if signed.Hash() == d.Content {
			return &signed, terms, nil
		}
	}
	return nil, nil, nil // made by another version's rules: what it was, the recipient can show
}

// proveHeard proves what this agency received: that the sender sent it, by its
// signature and by the ledger.
func (m *membership) proveHeard(tx durable.Tx, e casebook.Entry, content bool) (Proof, error) {
	p := Proof{Envelope: e.Envelope, Sender: e.From, Recipient: m.own}
	var err error
	if p.File, err = m.begin(tx, e.Epoch, e.Position, e.Envelope); err != nil || e.Outline == nil {
		return p, err
	}
	key, err := m.dir.SigningKey(tx, e.From, e.Outline.Envelope.SigningKey(), e.Outline.Envelope.Time)
	if err != nil || key == nil {
		return p, err
	}
	p.File.Envelope, p.File.SenderKey = e.Outline, key
	if !content || e.Proof == nil || e.Proof.KeyID() != schemas.KeyIDOf(key) {
		return p, nil
	}
	p.File.Event = e.Proof
	permission, ok, err := casebook.FindPermission(tx, e.Grant)
	if ok && permission.TermsRecord != nil && permission.TermsRecord.KeyID() == schemas.KeyIDOf(key) {
		p.File.Terms = permission.TermsRecord
	}
	return p, err
}
