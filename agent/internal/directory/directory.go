// Package directory is what an agent knows of its network's members: the roll,
// and each member's card as far as it could be verified.
//
// Nothing the broker says is believed without the admission key's signature
// behind it. A member whose key changed without the old key's signature keeps
// its old card here until a person has compared fingerprints ([Confirm]).
package directory

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linkage-exchange/linkage/internal/durable"
	"github.com/linkage-exchange/linkage/schemas"
)

// Member is a verified member. Card has no keys before the member has joined.
type Member struct {
	Agency schemas.AgencyID     `json:"agency"`
	Status schemas.MemberStatus `json:"status"`
	Joined bool                 `json:"joined"`
	Card   schemas.Card         `json:"card"`
	// Cards is how many cards were verified, First the first one's hash: with
	// them and Last a further card is recognised as a successor.
	Cards int          `json:"cards"`
	First schemas.Hash `json:"first"`
	// Last is the hash of the card that is in force.
	Last schemas.Hash `json:"last"`
	// Unconfirmed is a chain of cards that does not continue the one we know.
	Unconfirmed *schemas.Entry `json:"unconfirmed,omitempty"`
}

const (
	mapMembers = "members"
	mapRoll    = "roll"
	mapOwn     = "own-entry"
	keyOwn     = "entry"
)

// Directory reads and writes the members of one network within the
// transactions of others. Own is this agency.
type Directory struct {
	Network   schemas.NetworkID
	Own       schemas.AgencyID
	Admission ed25519.PublicKey
	Now       func() time.Time
	// OwnCards are the hashes of the cards that this agency made: another one
	// under its name is an alarm.
	OwnCards func() []schemas.Hash
	// Changed follows a change of the keys of a partner that was known before.
	Changed func(tx durable.Tx, before, after Member) error
	// Raise records an alarm for a person.
	Raise func(tx durable.Tx, code schemas.Code, about schemas.AgencyID, text string) error

	// members spares decoding a card for every envelope.
	members durable.Decoded[Member]
}

// Member returns what is known of an agency; ok is false for one that is not on
// the roll.
func (d *Directory) Member(tx durable.Tx, a schemas.AgencyID) (m Member, ok bool, err error) {
	return d.members.Get(tx.Map(mapMembers), string(a))
}

// Members lists everybody on the roll, in no order.
func (d *Directory) Members(tx durable.Tx) ([]Member, error) {
	var all []Member
	err := tx.Map(mapMembers).Each(func(_ string, v []byte) error {
		m, err := durable.DecodeJSON[Member](v)
		all = append(all, m)
		return err
	})
	return all, err
}

// SigningKey returns a member's signing key that was live at a time, nil if there
// is none. Time zero asks for any that it ever had.
func (d *Directory) SigningKey(tx durable.Tx, a schemas.AgencyID, id schemas.KeyID, at time.Time) (ed25519.PublicKey, error) {
	m, ok, err := d.Member(tx, a)
	if err != nil || !ok {
		return nil, err
	}
	if at.IsZero() {
		return m.Card.AnyKey(id), nil
	}
	key, _ := m.Card.SigningKey(id, at)
	return key, nil
}

// TrustedKey returns a member's signing key that nobody else may have had, nil if
// there is none: for what bears no time.
func (d *Directory) TrustedKey(tx durable.Tx, a schemas.AgencyID, id schemas.KeyID) (ed25519.PublicKey, error) {
	m, ok, err := d.Member(tx, a)
	if err != nil || !ok {
		return nil, err
	}
	key, _ := m.Card.Trusted(id)
	return key, nil
}

// SealingKey returns the key to which events for a member are sealed now. Its
// error is the refusal that the sender of an event gets.
func (d *Directory) SealingKey(tx durable.Tx, a schemas.AgencyID) ([]byte, error) {
	m, ok, err := d.Member(tx, a)
	if err != nil {
		return nil, err
	}
	if !ok || !m.Joined || m.Status == schemas.MemberLeft {
		return nil, schemas.Refuse(schemas.CodeUnknownRecipient, "recipient", "must be an agency that has joined the network", "see `linkage agent status` for the members")
	}
	if m.Unconfirmed != nil {
		return nil, schemas.Refuse(schemas.CodeUnknownRecipientKey, "recipient", "must have a key that this agency knows or has confirmed", "compare fingerprints with the recipient by telephone, then confirm")
	}
	key, ok := m.Card.CurrentSealingKey(d.Now())
	if !ok {
		return nil, schemas.Refuse(schemas.CodeUnknownRecipientKey, "recipient", "must have a live sealing key", "ask the recipient to publish its card")
	}
	return key, nil
}

// Roll returns the roll with the highest number that was seen.
func (d *Directory) Roll(tx durable.Tx) (schemas.SignedRecord, schemas.Roll, error) {
	rec, ok, err := durable.GetJSON[schemas.SignedRecord](tx.Map(mapRoll), "roll")
	if err != nil || !ok {
		return rec, schemas.Roll{}, err
	}
	roll, err := schemas.PeekRecord[schemas.Roll](rec, schemas.RecordRoll)
	return rec, roll, err
}

// ApplyRoll takes a roll over if it is signed by the admission key and newer
// than the one that is known. An older one changes nothing.
func (d *Directory) ApplyRoll(tx durable.Tx, rec schemas.SignedRecord) error {
	roll, err := schemas.ReadRecord[schemas.Roll](rec, schemas.RecordRoll, d.Admission)
	if err != nil {
		return err
	}
	if roll.Network != d.Network {
		return schemas.Malformed("network", "must be %s", d.Network)
	}
	if _, old, err := d.Roll(tx); err != nil || roll.Number <= old.Number {
		return err
	}
	for _, line := range roll.Members {
		m, _, err := d.Member(tx, line.Agency)
		if err != nil {
			return err
		}
		m.Agency, m.Status = line.Agency, line.Status
		if err := d.put(tx, m); err != nil {
			return err
		}
		if _, err := d.vouched(tx, m, roll); err != nil {
			return err
		}
	}
	return durable.PutJSON(tx.Map(mapRoll), "roll", rec)
}

func (d *Directory) put(tx durable.Tx, m Member) error {
	return durable.PutJSON(tx.Map(mapMembers), string(m.Agency), m)
}

// ApplyEntry takes a member's cards over as far as they verify and continue
// what is known.
func (d *Directory) ApplyEntry(tx durable.Tx, e schemas.Entry) error {
	card, inv, err := e.Card(d.Admission)
	if err != nil {
		return err
	}
	_, roll, err := d.Roll(tx)
	if err != nil {
		return err
	}
	line, ok := roll.Member(inv.Agency)
	if !ok || inv.Network != d.Network || line.Invitation != schemas.KeyIDOf(inv.Key) || line.Account != inv.Account {
		return schemas.Refuse(schemas.CodeNotMember, "entry", "must be of a member who stands on the roll with this invitation", "ask the lead agency who was invited")
	}
	if card.Agency == d.Own {
		return d.checkOwn(tx, e, card)
	}
	m, _, err := d.Member(tx, card.Agency)
	if err != nil {
		return err
	}
	m.Agency, m.Status = card.Agency, line.Status
	first := e.Cards[0].Hash()
	switch {
	case !m.Joined || m.First == first && len(e.Cards) >= m.Cards && e.Cards[m.Cards-1].Hash() == m.Last:
		return d.take(tx, m, card, e)
	case m.First == first && len(e.Cards) < m.Cards: // an older chain of the same cards
		return nil
	case m.Unconfirmed != nil && m.Unconfirmed.Cards[0].Hash() == first:
		m.Unconfirmed = &e
	default:
		m.Unconfirmed = &e
		if vouched, err := d.vouched(tx, m, roll); err != nil || vouched {
			return err
		}
		text := fmt.Sprintf("%s presents new keys that its old key did not sign: %s", card.Agency, card.Fingerprint())
		if err := d.Raise(tx, schemas.CodeUnknownKey, card.Agency, text); err != nil {
			return err
		}
	}
	return d.put(tx, m)
}

// vouched puts a member's unconfirmed cards in force if the lead agency vouches
// for them, and reports whether it did. A person is told; nobody has to compare.
func (d *Directory) vouched(tx durable.Tx, m Member, roll schemas.Roll) (bool, error) {
	if m.Unconfirmed == nil {
		return false, nil
	}
	first, err := schemas.FirstCard(m.Unconfirmed.Cards[0])
	if err != nil || !roll.Vouches(first) {
		return false, err
	}
	card, _, err := m.Unconfirmed.Card(d.Admission)
	if err != nil {
		return false, err
	}
	text := fmt.Sprintf("%s has new keys, which its old key did not sign and for which the lead agency vouches: %s", card.Agency, card.Fingerprint())
	return true, errors.Join(d.take(tx, m, card, *m.Unconfirmed), d.Raise(tx, schemas.CodeUnknownKey, card.Agency, text))
}

// take puts the cards of an entry in force. What the keys before signed until
// now stays provable, also if another chain of cards replaces theirs.
func (d *Directory) take(tx durable.Tx, m Member, card schemas.Card, e schemas.Entry) error {
	before, now := m, schemas.At(d.Now())
	if m.Joined && m.First != e.Cards[0].Hash() {
		for _, k := range m.Card.Signing {
			if k.To == nil || k.To.After(now.Time) {
				k.To = &now
			}
			card.Signing = append(card.Signing, k)
		}
	}
	m.Joined, m.Card, m.Cards, m.Unconfirmed = true, card, len(e.Cards), nil
	m.First, m.Last = e.Cards[0].Hash(), e.Cards[len(e.Cards)-1].Hash()
	if err := d.put(tx, m); err != nil || !before.Joined || m.Agency == d.Own || d.Changed == nil {
		return err
	}
	return d.Changed(tx, before, m)
}

// checkOwn watches for this agency's own name: a card that it did not make
// means that somebody else joined as it, or has its signing key.
func (d *Directory) checkOwn(tx durable.Tx, e schemas.Entry, card schemas.Card) error {
	own := d.OwnCards()
	if !slices.Contains(own, e.Cards[0].Hash()) {
		return d.Raise(tx, schemas.CodeUnknownKey, d.Own, "somebody has joined under this agency's name with keys that are not ours")
	}
	if last := e.Cards[len(e.Cards)-1]; !slices.Contains(own, last.Hash()) {
		return d.Raise(tx, schemas.CodeUnknownKey, d.Own, "this agency's keys were replaced, and not by this machine: unless this is a backup from before that, somebody has the signing key; telephone the lead agency now")
	}
	m, _, err := d.Member(tx, d.Own)
	if err != nil || len(e.Cards) < m.Cards {
		return err
	}
	m.Agency = d.Own
	if err := durable.PutJSON(tx.Map(mapOwn), keyOwn, e); err != nil {
		return err
	}
	return d.take(tx, m, card, e)
}

// OwnEntry returns what shows to a broker that has forgotten this agency who it
// is: its invitation, admission and cards.
func (d *Directory) OwnEntry(tx durable.Tx) (e schemas.Entry, ok bool, err error) {
	return durable.GetJSON[schemas.Entry](tx.Map(mapOwn), keyOwn)
}

// Confirm takes over a member's unconfirmed cards, after a person has compared
// the fingerprint.
func (d *Directory) Confirm(tx durable.Tx, a schemas.AgencyID, fingerprint schemas.KeyID) error {
	m, ok, err := d.Member(tx, a)
	if err != nil {
		return err
	}
	if !ok || m.Unconfirmed == nil {
		return schemas.Refuse(schemas.CodeNotFound, "agency", "must have new keys that wait for confirmation", "see `linkage agent status`")
	}
	card, _, err := m.Unconfirmed.Card(d.Admission)
	if err != nil {
		return err
	}
	if schemas.KeyIDOf(card.Signing[0].Key) != fingerprint {
		return schemas.Refuse(schemas.CodeUnknownKey, "fingerprint", "must be that of the new keys", "compare it with the agency by telephone again; if it differs, tell the lead agency")
	}
	return d.take(tx, m, card, *m.Unconfirmed)
}
