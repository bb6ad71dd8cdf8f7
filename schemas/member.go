package schemas

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"slices"
)

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
// that card and the invitation. Time does not matter: the invitation's expiry
// was the broker's to check, once.
func (e Entry) Card(admission ed25519.PublicKey) (Card, Invitation, error) {
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
	if len(e.Cards) > MaxCards {
		return Card{}, inv, Malformed("cards", "must be at most %d", MaxCards)
	}
	for _, next := range e.Cards[1:] {
		if card, err = card.Successor(next); err != nil {
			return Card{}, inv, err
		}
	}
	return card, inv, nil
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
	// Vouched names the key of the member's first card, once a person at the lead
	// agency has compared its fingerprint with the member's. Partners then take
	// new keys over without comparing them themselves.
	Vouched KeyID `json:"vouched,omitempty"`
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

// SetupInformal is the setup in which nobody stands above the pairs.
const SetupInformal = "informal-partnership"

// Setups lists the ways in which a network can be organised (SAMHSA TIP 27,
// chapter 3).
var Setups = []string{"single-agency", SetupInformal, "formal-consortium"}

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
		case m.Vouched != "" && !m.Vouched.Valid():
			return Malformed(fmt.Sprintf("members[%d].vouched", i), "must be a key id")
		}
		seen[m.Agency] = true
	}
	return nil
}

// Vouches reports whether the lead agency vouches for a member's first card. In an
// informal partnership there is nobody who could: each pair compares for itself.
func (r Roll) Vouches(first Card) bool {
	m, ok := r.Member(first.Agency)
	return ok && r.Setup != SetupInformal && m.Vouched != "" && m.Vouched == KeyIDOf(first.Signing[0].Key)
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
