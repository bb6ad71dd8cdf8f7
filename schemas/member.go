package schemas

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"
)

// SigningKey is an agency's Ed25519 key with the time for which it signs.
type SigningKey struct {
	Key  []byte   `json:"key"`
	From Instant  `json:"from"`
	To   *Instant `json:"to"` // nil while it is in use
}

// SealingKey is a public HPKE key with the time for which events may be sealed
// to it.
type SealingKey struct {
	Suite string   `json:"suite"`
	Key   []byte   `json:"key"`
	From  Instant  `json:"from"`
	To    *Instant `json:"to"`
}

// Card says who an agency is and which keys it uses ([RecordCard]). It is
// signed by a key on the card before it, the first one by a key on itself and
// countersigned by an [Admission].
type Card struct {
	V       int          `json:"v"`
	Network NetworkID    `json:"network"`
	Agency  AgencyID     `json:"agency"`
	Number  uint64       `json:"number"`
	Names   CardNames    `json:"names"`
	Signing []SigningKey `json:"signing"`
	Sealing []SealingKey `json:"sealing"`
	// Services lists what the agency offers, for people to read.
	Services []string `json:"services"`
}

// CardNames is what people call an agency.
type CardNames struct {
	Display string `json:"display"`
}

// maxKeys bounds the keys on a card.
const maxKeys = 16

// Validate reports the first rule that c breaks.
func (c Card) Validate() error {
	if err := checkVersion(c.V); err != nil {
		return err
	}
	switch {
	case !c.Network.Valid():
		return Malformed("network", "must be a slug")
	case !c.Agency.Valid():
		return Malformed("agency", "must be an agency's slug")
	case c.Number == 0:
		return Malformed("number", "must count from 1")
	case len(c.Names.Display) > 200:
		return Malformed("names.display", "must be at most 200 bytes")
	case len(c.Signing) == 0 || len(c.Signing) > maxKeys:
		return Malformed("signing", "must list 1 to %d keys", maxKeys)
	case len(c.Sealing) == 0 || len(c.Sealing) > maxKeys:
		return Malformed("sealing", "must list 1 to %d keys", maxKeys)
	case len(c.Services) > 500:
		return Malformed("services", "must list at most 500")
	}
	for i, k := range c.Signing {
		if len(k.Key) != ed25519.PublicKeySize {
			return Malformed(fmt.Sprintf("signing[%d].key", i), "must be 32 bytes")
		}
	}
	for i, k := range c.Sealing {
		if k.Suite != SealSuite {
			return Malformed(fmt.Sprintf("sealing[%d].suite", i), "must be %s", SealSuite)
		}
		if _, err := hpke.MLKEM768P256().NewPublicKey(k.Key); err != nil {
			return Malformed(fmt.Sprintf("sealing[%d].key", i), "must be a public key of the suite")
		}
	}
	return nil
}

// SigningKey returns the key of an id that is live at t.
func (c Card) SigningKey(id KeyID, t time.Time) (ed25519.PublicKey, bool) {
	for _, k := range c.Signing {
		if KeyIDOf(k.Key) == id && live(k.From, k.To, t) {
			return k.Key, true
		}
	}
	return nil, false
}

// SealingKey returns the key of an id that is live at t.
func (c Card) SealingKey(id KeyID, t time.Time) ([]byte, bool) {
	for _, k := range c.Sealing {
		if KeyIDOf(k.Key) == id && live(k.From, k.To, t) {
			return k.Key, true
		}
	}
	return nil, false
}

// CurrentSealingKey returns the newest sealing key that is live at t.
func (c Card) CurrentSealingKey(t time.Time) ([]byte, bool) {
	var best []byte
	var from time.Time
	for _, k := range c.Sealing {
		if live(k.From, k.To, t) && (best == nil || k.From.After(from)) {
			best, from = k.Key, k.From.Time
		}
	}
	return best, best != nil
}

// live allows five minutes of difference between clocks before a key begins.
func live(from Instant, to *Instant, t time.Time) bool {
	return !t.Add(MaxClockSkew).Before(from.Time) && (to == nil || t.Before(to.Time))
}

// MaxClockSkew is how far ahead of the gate's clock an envelope may be dated.
const MaxClockSkew = 5 * time.Minute

// Fingerprint names the card's first signing key, for two people to compare.
func (c Card) Fingerprint() string { return KeyIDOf(c.Signing[0].Key).Fingerprint() }

// Successor checks that next may replace c: the same agency, a higher number,
// signed by a key of c.
func (c Card) Successor(next SignedRecord, t time.Time) (Card, error) {
	key, ok := c.SigningKey(next.KeyID(), t)
	if !ok {
		return Card{}, Refuse(CodeUnknownSigningKey, "signatures.keyid", "must name a live key of the card before", "compare fingerprints by telephone")
	}
	n, err := ReadRecord[Card](next, RecordCard, key)
	if err != nil {
		return Card{}, err
	}
	if n.Agency != c.Agency || n.Network != c.Network || n.Number <= c.Number {
		return Card{}, Malformed("number", "must be higher than on the card before, for the same agency")
	}
	return n, nil
}

// Invitation lets one agency join ([RecordInvitation], signed by the network's
// admission key). Key belongs to a pair that is derived from the secret in the
// invitation's code: whoever has the code can countersign one card, and the
// broker, which never sees the secret, cannot.
type Invitation struct {
	V       int       `json:"v"`
	Network NetworkID `json:"network"`
	Agency  AgencyID  `json:"agency"`
	Account string    `json:"account"` // the agency's NATS account key
	Key     []byte    `json:"key"`
	Expires Instant   `json:"expires"`
}

// Validate reports the first rule that i breaks.
func (i Invitation) Validate() error {
	if err := checkVersion(i.V); err != nil {
		return err
	}
	switch {
	case !i.Network.Valid():
		return Malformed("network", "must be a slug")
	case !i.Agency.Valid():
		return Malformed("agency", "must be an agency's slug")
	case i.Account == "" || len(i.Account) > 64:
		return Malformed("account", "must be an account key")
	case len(i.Key) != ed25519.PublicKeySize:
		return Malformed("key", "must be 32 bytes")
	case i.Expires.IsZero():
		return Malformed("expires", "must be a time")
	}
	return nil
}

// InvitationKey derives the key pair of an invitation from its secret.
func InvitationKey(secret []byte, agency AgencyID) ed25519.PrivateKey {
	seed, err := hkdf.Key(sha256.New, secret, nil, "linkage invitation v1\n"+string(agency), ed25519.SeedSize)
	if err != nil {
		panic("HKDF of 32 bytes: " + err.Error())
	}
	return ed25519.NewKeyFromSeed(seed)
}

// Admission countersigns an agency's first card ([RecordAdmission], signed by
// the invitation's key).
type Admission struct {
	V       int       `json:"v"`
	Network NetworkID `json:"network"`
	Agency  AgencyID  `json:"agency"`
	Card    Hash      `json:"card"` // SHA-256 of the card's payload
	User    string    `json:"user"` // the agent's NATS user key
	At      Instant   `json:"at"`
}

// Validate reports the first rule that a breaks.
func (a Admission) Validate() error {
	if err := checkVersion(a.V); err != nil {
		return err
	}
	switch {
	case !a.Network.Valid():
		return Malformed("network", "must be a slug")
	case !a.Agency.Valid():
		return Malformed("agency", "must be an agency's slug")
	case a.User == "" || len(a.User) > 64:
		return Malformed("user", "must be a user key")
	}
	return nil
}

// Entry is what a network knows of one member's identity: the invitation, the
// admission and the cards in order. Anyone who has the admission key's public
// half can check it; see [Entry.Card].
type Entry struct {
	Invitation SignedRecord   `json:"invitation"`
	Admission  SignedRecord   `json:"admission"`
	Cards      []SignedRecord `json:"cards"`
}

// Card verifies the chain from the admission key to the newest card and returns
// that card and the invitation. Time matters for the successors' keys only: the
// invitation's expiry was the broker's to check, once.
func (e Entry) Card(admission ed25519.PublicKey, t time.Time) (Card, Invitation, error) {
	inv, err := ReadRecord[Invitation](e.Invitation, RecordInvitation, admission)
	if err != nil {
		return Card{}, inv, err
	}
	adm, err := ReadRecord[Admission](e.Admission, RecordAdmission, inv.Key)
	if err != nil {
		return Card{}, inv, err
	}
	if len(e.Cards) == 0 || adm.Agency != inv.Agency || adm.Network != inv.Network || adm.Card != e.Cards[0].Hash() {
		return Card{}, inv, Malformed("admission", "must name the first card of the invited agency")
	}
	card, err := FirstCard(e.Cards[0])
	if err != nil {
		return Card{}, inv, err
	}
	if card.Agency != inv.Agency || card.Network != inv.Network {
		return Card{}, inv, Malformed("agency", "must be the invited one")
	}
	for _, next := range e.Cards[1:] {
		if card, err = card.Successor(next, t); err != nil {
			return Card{}, inv, err
		}
	}
	return card, inv, nil
}

// FirstCard reads a card that is signed by a key on itself.
func FirstCard(r SignedRecord) (Card, error) {
	c, err := PeekRecord[Card](r, RecordCard)
	if err != nil {
		return Card{}, err
	}
	for _, k := range c.Signing {
		if KeyIDOf(k.Key) == r.KeyID() {
			return c, r.Verify(RecordCard, k.Key)
		}
	}
	return Card{}, Refuse(CodeUnknownSigningKey, "signatures.keyid", "must name a key on the card", "sign the first card with a key that stands on it")
}

// MemberStatus is a member's standing on the roll.
type MemberStatus string

// The standings.
const (
	MemberActive    MemberStatus = "active"
	MemberSuspended MemberStatus = "suspended"
	MemberLeft      MemberStatus = "left"
)

// RollMember is one line of the roll.
type RollMember struct {
	Agency  AgencyID     `json:"agency"`
	Account string       `json:"account"`
	Status  MemberStatus `json:"status"`
	// Invitation names the key that countersigns the member's first card. The
	// roll can so be signed before the member has made its keys.
	Invitation KeyID `json:"invitation"`
}

// Roll is the numbered list of members ([RecordRoll], signed by the admission
// key). The highest number wins; every agent keeps it.
type Roll struct {
	V       int          `json:"v"`
	Network NetworkID    `json:"network"`
	Setup   string       `json:"setup"` // single-agency, informal-partnership or formal-consortium
	Number  uint64       `json:"number"`
	At      Instant      `json:"at"`
	Members []RollMember `json:"members"`
}

// Setups lists the ways in which a network can be organised (SAMHSA TIP 27,
// chapter 3).
var Setups = []string{"single-agency", "informal-partnership", "formal-consortium"}

// Validate reports the first rule that r breaks.
func (r Roll) Validate() error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	if !r.Network.Valid() {
		return Malformed("network", "must be a slug")
	}
	if r.Number == 0 {
		return Malformed("number", "must count from 1")
	}
	if !slices.Contains(Setups, r.Setup) {
		return Malformed("setup", "must be single-agency, informal-partnership or formal-consortium")
	}
	seen := map[AgencyID]bool{}
	for i, m := range r.Members {
		switch {
		case !m.Agency.Valid() || seen[m.Agency]:
			return Malformed(fmt.Sprintf("members[%d].agency", i), "must be a slug that stands once")
		case m.Status != MemberActive && m.Status != MemberSuspended && m.Status != MemberLeft:
			return Malformed(fmt.Sprintf("members[%d].status", i), "must be active, suspended or left")
		case m.Account == "" || !m.Invitation.Valid():
			return Malformed(fmt.Sprintf("members[%d]", i), "must have an account and an invitation")
		}
		seen[m.Agency] = true
	}
	return nil
}

// Member returns the line of an agency.
func (r Roll) Member(a AgencyID) (RollMember, bool) {
	for _, m := range r.Members {
		if m.Agency == a {
			return m, true
		}
	}
	return RollMember{}, false
}

// Epoch opens a hub's life ([RecordEpoch], signed by the admission key). A
// broker that lost or changed its memory begins another one.
type Epoch struct {
	V        int       `json:"v"`
	Network  NetworkID `json:"network"`
	Epoch    ULID      `json:"epoch"`
	Previous *ULID     `json:"previous"`
	Reason   string    `json:"reason"` // one of EpochReasons
	LastHead *string   `json:"lasthead"`
	Time     Instant   `json:"time"`
}

// EpochReasons lists why a hub's life begins.
var EpochReasons = []string{"founded", "wiped", "restored", "corrupt"}

// Validate reports the first rule that e breaks.
func (e Epoch) Validate() error {
	if err := checkVersion(e.V); err != nil {
		return err
	}
	switch {
	case !e.Network.Valid():
		return Malformed("network", "must be a slug")
	case !e.Epoch.Valid():
		return Malformed("epoch", "must be a ULID")
	case !slices.Contains(EpochReasons, e.Reason):
		return Malformed("reason", "must be founded, wiped, restored or corrupt")
	case e.Previous != nil && (e.Reason == "founded" || !e.Previous.Valid() || *e.Previous == e.Epoch):
		return Malformed("previous", "must be the ULID of another epoch, and absent at the founding")
	case e.Time.IsZero():
		return Malformed("time", "must be a time")
	}
	return nil
}
