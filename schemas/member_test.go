package schemas_test

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// member is everything that makes an entry, so that a test can exchange one
// part and sign the rest again.
type member struct {
	admission, invitation, card ed25519.PrivateKey // the keys that sign
	inv                         schemas.Invitation
	adm                         schemas.Admission
	first                       schemas.Card
	successors                  []schemas.SignedRecord
	// hash, if not nil, stands in the admission in place of the card's.
	hash *schemas.Hash
}

func newMember() member {
	key := schemas.InvitationKey([]byte("twenty secret bytes!"), sender)
	at := schemas.At(noon)
	return member{
		admission: admissionKey, invitation: key, card: senderKey,
		inv:   schemas.Invitation{V: 1, Network: network, Agency: sender, Account: "ACCOUNT", Key: public(key), Expires: at},
		adm:   schemas.Admission{V: 1, Network: network, Agency: sender, User: "USER", At: at},
		first: testCard(),
	}
}

func (m member) entry() schemas.Entry {
	card := sign(schemas.RecordCard, m.first, m.card)
	m.adm.Card = card.Hash()
	if m.hash != nil {
		m.adm.Card = *m.hash
	}
	return schemas.Entry{
		Invitation: sign(schemas.RecordInvitation, m.inv, m.admission), Admission: sign(schemas.RecordAdmission, m.adm, m.invitation),
		Cards: append([]schemas.SignedRecord{card}, m.successors...),
	}
}

func successor(number uint64, key ed25519.PrivateKey, change func(*schemas.Card)) schemas.SignedRecord {
	c := testCard()
	c.Number = number
	if change != nil {
		change(&c)
	}
	return sign(schemas.RecordCard, c, key)
}

// rotate replaces the signing key on a card by another; former ones stand behind
// it with an end.
func rotate(to ed25519.PrivateKey, former ...ed25519.PrivateKey) func(*schemas.Card) {
	return func(c *schemas.Card) {
		from, end := c.Signing[0].From, schemas.At(noon)
		c.Signing = []schemas.SigningKey{{Key: public(to), From: from}}
		for _, key := range former {
			c.Signing = append(c.Signing, schemas.SigningKey{Key: public(key), From: from, To: &end})
		}
	}
}

func TestEntryCard(t *testing.T) {
	m := newMember()
	card, inv, err := m.entry().Card(public(admissionKey))
	if err != nil {
		t.Fatal(err)
	}
	if card.Number != 1 || inv.Account != "ACCOUNT" {
		t.Errorf("got %+v, %+v", card, inv)
	}
	m.successors = []schemas.SignedRecord{successor(2, senderKey, rotate(strangerKey, senderKey)), successor(3, strangerKey, rotate(brokerKey, strangerKey))}
	if card, _, err = m.entry().Card(public(admissionKey)); err != nil || card.Number != 3 {
		t.Errorf("successors: got number %d, %v", card.Number, err)
	}
}

func TestEntryCardRefuses(t *testing.T) {
	past := schemas.At(noon.AddDate(0, 0, -1))
	tests := map[string]struct {
		change func(*member)
		code   schemas.Code
		field  string
	}{
		"another admission key": {func(m *member) { m.admission = strangerKey }, schemas.CodeUnknownSigningKey, "signatures.keyid"},
		"admission by another invitation": {
			func(m *member) { m.invitation = strangerKey }, schemas.CodeUnknownSigningKey, "signatures.keyid",
		},
		"admission of another agency":  {func(m *member) { m.adm.Agency = recipient }, schemas.CodeMalformed, "admission"},
		"admission to another network": {func(m *member) { m.adm.Network = "mountain" }, schemas.CodeMalformed, "admission"},
		"swapped card": {
			func(m *member) { h := schemas.HashOf([]byte("another card")); m.hash = &h }, schemas.CodeMalformed, "admission",
		},
		"card signed by a key that is not on it": {func(m *member) { m.card = strangerKey }, schemas.CodeUnknownSigningKey, "signatures.keyid"},
		"card of another agency":                 {func(m *member) { m.first.Agency = recipient }, schemas.CodeMalformed, "agency"},
		"card of another network":                {func(m *member) { m.first.Network = "mountain" }, schemas.CodeMalformed, "agency"},
		"card that breaks a rule":                {func(m *member) { m.first.Sealing = nil }, schemas.CodeMalformed, "sealing"},
		"successor by an unknown key": {
			func(m *member) { m.successors = append(m.successors, successor(2, strangerKey, rotate(strangerKey))) }, schemas.CodeUnknownSigningKey, "signatures.keyid",
		},
		"successor by the key before last": {
			func(m *member) {
				m.successors = append(m.successors, successor(2, senderKey, rotate(strangerKey, senderKey)), successor(3, senderKey, nil))
			}, schemas.CodeUnknownSigningKey, "signatures.keyid",
		},
		"first card without a key in use": {func(m *member) { m.first.Signing[0].To = &past }, schemas.CodeMalformed, "signing[0].to"},
		"successor that forgets the key before": {
			func(m *member) { m.successors = append(m.successors, successor(2, senderKey, rotate(strangerKey))) }, schemas.CodeMalformed, "signing",
		},
		"successor that lets an ended key live on": {
			func(m *member) {
				m.successors = append(m.successors, successor(2, senderKey, rotate(strangerKey, senderKey)), successor(3, strangerKey, func(c *schemas.Card) {
					rotate(strangerKey, senderKey)(c)
					later := schemas.At(noon.Add(time.Hour))
					c.Signing[1].To = &later
				}))
			}, schemas.CodeMalformed, "signing",
		},
		"successor that adds an ended key": {
			func(m *member) {
				m.successors = append(m.successors, successor(2, senderKey, rotate(strangerKey, senderKey, brokerKey)))
			}, schemas.CodeMalformed, "signing",
		},
		"successor that clears a key of suspicion": {
			func(m *member) {
				m.successors = append(m.successors, successor(2, senderKey, func(c *schemas.Card) {
					rotate(strangerKey, senderKey)(c)
					c.Signing[1].Compromised = &past
				}), successor(3, strangerKey, rotate(strangerKey, senderKey)))
			}, schemas.CodeMalformed, "signing",
		},
		"successor that skips a number": {
			func(m *member) { m.successors = append(m.successors, successor(3, senderKey, nil)) }, schemas.CodeMalformed, "number",
		},
		"the same number": {func(m *member) { m.successors = append(m.successors, successor(1, senderKey, nil)) }, schemas.CodeMalformed, "number"},
		"a lower number": {
			func(m *member) { m.first.Number = 5; m.successors = append(m.successors, successor(4, senderKey, nil)) }, schemas.CodeMalformed, "number",
		},
		"successor of another agency": {
			func(m *member) {
				m.successors = append(m.successors, successor(2, senderKey, func(c *schemas.Card) { c.Agency = recipient }))
			}, schemas.CodeMalformed, "number",
		},
		"successor of another type": {
			func(m *member) { m.successors = append(m.successors, sign(schemas.RecordTerms, testCard(), senderKey)) }, schemas.CodeMalformed, "payloadType",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMember()
			tt.change(&m)
			_, _, err := m.entry().Card(public(admissionKey))
			refused(t, err, tt.code, tt.field)
		})
	}
	t.Run("no card", func(t *testing.T) {
		e := newMember().entry()
		e.Cards = nil
		_, _, err := e.Card(public(admissionKey))
		refused(t, err, schemas.CodeMalformed, "admission")
	})
	t.Run("forged card", func(t *testing.T) {
		e := newMember().entry()
		e.Cards[0].Payload = append(e.Cards[0].Payload, ' ')
		_, _, err := e.Card(public(admissionKey))
		refused(t, err, schemas.CodeMalformed, "admission")
		_, err = schemas.FirstCard(e.Cards[0])
		refused(t, err, schemas.CodeBadSignature, "signatures.sig")
	})
}

func TestCardKeysByTime(t *testing.T) {
	from, to := schemas.At(noon), schemas.At(noon.Add(time.Hour))
	c := testCard()
	old := c.Sealing[0]
	old.To = &to
	newer := schemas.SealingKey{Suite: schemas.SealSuite, Key: mustValue(schemas.NewSealingKey()).PublicKey().Bytes(), From: from}
	c.Sealing = []schemas.SealingKey{newer, old}
	c.Signing[0].From, c.Signing[0].To = from, &to
	id := schemas.KeyIDOf(public(senderKey))
	tests := map[string]struct {
		at              time.Time
		signs, sealsOld bool
		current         []byte
	}{
		"before both":             {noon.AddDate(0, -2, 0), true, false, old.Key}, // a wrong clock
		"six minutes before":      {noon.Add(-6 * time.Minute), true, true, old.Key},
		"within clocks' distance": {noon.Add(-5 * time.Minute), true, true, newer.Key},
		"overlap":                 {noon.Add(time.Minute), true, true, newer.Key},
		"the end":                 {noon.Add(time.Hour), false, false, newer.Key},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, ok := c.SigningKey(id, tt.at); ok != tt.signs {
				t.Errorf("signing key is live: got %v, want %v", ok, tt.signs)
			}
			if _, ok := c.SealingKey(schemas.KeyIDOf(old.Key), tt.at); ok != tt.sealsOld {
				t.Errorf("old sealing key is live: got %v, want %v", ok, tt.sealsOld)
			}
			got, ok := c.CurrentSealingKey(tt.at)
			if ok != (tt.current != nil) || string(got) != string(tt.current) {
				t.Errorf("current sealing key: got %s, want %s", schemas.KeyIDOf(got), schemas.KeyIDOf(tt.current))
			}
		})
	}
	if _, ok := c.SigningKey("AAAAAAAAAAAAAAAAAAAAAA", noon); ok {
		t.Error("found a key that is not on the card")
	}
	if got, want := c.Fingerprint(), id.Fingerprint(); got != want || len(got) != 27 {
		t.Errorf("fingerprint: got %q, want %q", got, want)
	}
}

func TestRollMember(t *testing.T) {
	r := validRecords()[schemas.RecordRoll].(schemas.Roll)
	if m, ok := r.Member(sender); !ok || m.Status != schemas.MemberActive {
		t.Errorf("got %+v, %v", m, ok)
	}
	if _, ok := r.Member(recipient); ok {
		t.Error("found an agency that is not on the roll")
	}
}
