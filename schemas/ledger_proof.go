package schemas

import (
	"crypto/ed25519"
	"encoding/json"

	"github.com/cloudevents/sdk-go/v2/event"
)

// This file is the proof that a party writes to a file and anybody checks,
// years later, without a network, a store or the broker.

// LedgerProofType says what a proof file is.
const LedgerProofType = "org.linkage.ledger-proof.v1"

// The bounds of a proof file.
const (
	MaxLedgerProof    = 4 << 20
	maxProofEntries   = 16
	kindAccepted      = "accepted"
	kindLedgerReceipt = "stored"
)

// HeadedEntry is an entry, what leads from it to a head's root, and the head.
type HeadedEntry struct {
	Head string `json:"head"`
	ProvenEntry
}

// Check reports whether the head is signed by the key and the entry lies under
// it.
func (h HeadedEntry) Check(key ed25519.PublicKey) (LedgerEntry, LedgerHead, error) {
	head, err := OpenLedgerHead(h.Head, key)
	if err != nil {
		return LedgerEntry{}, head, err
	}
	e, err := head.CheckInclusion([]byte(h.Entry), h.Proof)
	return e, head, err
}

// LedgerProof proves entries of a ledger, and, as far as its maker could and
// would show it, what lies behind the first of them. Entries stand alone: all
// else may be left out.
type LedgerProof struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	// Key is the broker's public key. Whose it is the file cannot prove: its
	// reader compares the fingerprint, or brings the key.
	Key     []byte        `json:"key"`
	Entries []HeadedEntry `json:"entries"`
	// Envelope is what the first entry's hash is made of, signed by the sender
	// with SenderKey.
	Envelope  *Outline `json:"envelope,omitempty"`
	SenderKey []byte   `json:"senderkey,omitempty"`
	// Receipt is the recipient's, signed with RecipientKey.
	Receipt      *SignedRecord `json:"receipt,omitempty"`
	RecipientKey []byte        `json:"recipientkey,omitempty"`
	// Event is what was sealed in the envelope, signed by the sender, and Terms
	// the permission under which it went. They hold clinical content.
	Event *SignedRecord `json:"event,omitempty"`
	Terms *SignedRecord `json:"terms,omitempty"`
}

// Proven is what a proof shows. What the file does not hold is nil.
type Proven struct {
	Broker   KeyID
	Network  NetworkID
	Entries  []LedgerEntry
	Heads    []LedgerHead
	Envelope *Envelope
	Sender   KeyID // of the key that signed the envelope
	// Receipt is the recipient's word for the first entry's envelope.
	Receipt   *Receipt
	Recipient KeyID
	Event     *event.Event
	// Bound says that the sender's signature ties Event to this envelope.
	Bound bool
	Terms *Terms
}

// ParseLedgerProof reads a proof file. It verifies nothing.
func ParseLedgerProof(b []byte) (LedgerProof, error) {
	var p LedgerProof
	if len(b) > MaxLedgerProof {
		return p, Refuse(CodeTooLarge, "proof", "must be at most 4 MiB", "use the file as it was made")
	}
	if err := DecodeJSON(b, &p); err != nil {
		return p, err
	}
	if p.Type != LedgerProofType {
		return p, Malformed("type", "must be %s", LedgerProofType)
	}
	return p, checkVersion(p.V)
}

// Encode renders the file.
func (p LedgerProof) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	return append(b, '\n'), err
}

// Check verifies everything that the file holds against the broker's key, nil
// for the one in the file. The first thing that does not hold is the error;
// then the file proves nothing.
func (p LedgerProof) Check(key ed25519.PublicKey) (Proven, error) {
	if key == nil {
		key = p.Key
	}
	if len(key) != ed25519.PublicKeySize {
		return Proven{}, Malformed("key", "must be an Ed25519 public key")
	}
	out := Proven{Broker: KeyIDOf(key)}
	if err := p.checkEntries(key, &out); err != nil {
		return Proven{}, err
	}
	for _, check := range []func(*Proven) error{p.checkEnvelope, p.checkReceipt, p.checkEvent, p.checkTerms} {
		if err := check(&out); err != nil {
			return Proven{}, err
		}
	}
	return out, nil
}

func (p LedgerProof) checkEntries(key ed25519.PublicKey, out *Proven) error {
	if len(p.Entries) == 0 || len(p.Entries) > maxProofEntries {
		return Malformed("entries", "must be 1 to %d", maxProofEntries)
	}
	for _, h := range p.Entries {
		e, head, err := h.Check(key)
		if err != nil {
			return err
		}
		if out.Network == "" {
			out.Network = head.Network
		}
		if head.Network != out.Network {
			return Malformed("entries", "must be of one network")
		}
		out.Entries, out.Heads = append(out.Entries, e), append(out.Heads, head)
	}
	if more := p.Envelope != nil || p.Receipt != nil || p.Event != nil || p.Terms != nil; more && (out.Entries[0].Kind != kindAccepted || out.Entries[0].Hash == nil) {
		return Malformed("entries", "must begin with the entry of the envelope that was accepted")
	}
	return nil
}

func errNotItsOwn(field, rule string) error {
	return Refuse(CodeBadSignature, field, rule, "use the file as it was made; this one proves nothing")
}

func (p LedgerProof) checkEnvelope(out *Proven) error {
	if p.Envelope == nil {
		return nil
	}
	if err := p.Envelope.Verify(p.SenderKey); err != nil {
		return err
	}
	e, entry := p.Envelope.Envelope, out.Entries[0]
	if p.Envelope.Hash() != *entry.Hash || e.ID != entry.Envelope || e.Sender != entry.Sender || e.Recipient != entry.Recipient || e.Grant != entry.Grant {
		return errNotItsOwn("envelope", "must be the one that the first entry speaks of")
	}
	out.Envelope, out.Sender = &e, KeyIDOf(p.SenderKey)
	return nil
}

func (p LedgerProof) checkReceipt(out *Proven) error {
	if p.Receipt == nil {
		return nil
	}
	r, err := ReadRecord[Receipt](*p.Receipt, RecordReceipt, p.RecipientKey)
	if err != nil {
		return err
	}
	first := out.Entries[0]
	signed := false
	for _, item := range r.Items {
		signed = signed || item.Envelope == first.Envelope && item.Hash == *first.Hash && item.Kind == ReceiptStored
	}
	if !signed || r.From != first.Recipient || r.To != first.Sender || r.Network != out.Network {
		return errNotItsOwn("receipt", "must say that the recipient stored the first entry's envelope")
	}
	for _, e := range out.Entries[1:] {
		if e.Kind == kindLedgerReceipt && (e.Hash == nil || *e.Hash != p.Receipt.Hash()) {
			return errNotItsOwn("receipt", "must be the one that the ledger's entry speaks of")
		}
	}
	out.Receipt, out.Recipient = &r, KeyIDOf(p.RecipientKey)
	return nil
}

func (p LedgerProof) checkEvent(out *Proven) error {
	if p.Event == nil {
		return nil
	}
	e, err := ReadEvent(*p.Event, p.SenderKey)
	if err != nil {
		return err
	}
	first := out.Entries[0]
	envelope := EventID(Extension(e, ExtEnvelope))
	if e.Source() != first.Sender.Source() || envelope != "" && envelope != first.Envelope {
		return errNotItsOwn("event", "must be the one that the sender sealed in the first entry's envelope")
	}
	out.Event, out.Bound = &e, envelope != ""
	return nil
}

func (p LedgerProof) checkTerms(out *Proven) error {
	if p.Terms == nil {
		return nil
	}
	t, err := ReadRecord[Terms](*p.Terms, RecordTerms, p.SenderKey)
	if err != nil {
		return err
	}
	first := out.Entries[0]
	if t.ID != first.Grant || t.Discloser != first.Sender || t.Recipient != first.Recipient || t.Network != out.Network ||
		out.Event != nil && Extension(*out.Event, ExtClient) != string(t.Client) {
		return errNotItsOwn("terms", "must be those of the permission that the first entry names")
	}
	out.Terms = &t
	return nil
}
