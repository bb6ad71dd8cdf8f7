package schemas

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Bound is the first or last moment of a permission. It is a whole day, so that
// it tells an onlooker little, or an instant where hours matter: an emergency.
type Bound struct {
	day     Date
	instant Instant
}

// OnDay bounds a permission by a day.
func OnDay(d Date) Bound { return Bound{day: d} }

// AtInstant bounds a permission by an instant.
func AtInstant(t time.Time) Bound { return Bound{instant: At(t)} }

// Start is the first instant that a permission from b covers.
func (b Bound) Start() time.Time {
	if b.instant.IsZero() {
		return b.day.Start()
	}
	return b.instant.Time
}

// End is the first instant that a permission until b no longer covers.
func (b Bound) End() time.Time {
	if b.instant.IsZero() {
		return b.day.End()
	}
	return b.instant.Time
}

// IsZero reports whether no bound was set.
func (b Bound) IsZero() bool { return b.day.IsZero() && b.instant.IsZero() }

func (b Bound) String() string {
	if b.instant.IsZero() {
		return b.day.String()
	}
	return b.instant.UTC().Format(time.RFC3339)
}

// MarshalJSON writes 2026-11-21 or 2026-11-21T09:30:00Z.
func (b Bound) MarshalJSON() ([]byte, error) { return json.Marshal(b.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (b *Bound) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &b.day); err == nil {
		return nil
	}
	return json.Unmarshal(data, &b.instant)
}

// Grant is the public part of a permission: all of it that the broker and the
// ledger ever see. It is signed by the discloser ([RecordGrant]).
type Grant struct {
	V         int       `json:"v"`
	Network   NetworkID `json:"network"`
	ID        GrantID   `json:"id"`
	Discloser AgencyID  `json:"discloser"`
	Recipient AgencyID  `json:"recipient"`
	NotBefore Bound     `json:"notbefore"`
	NotAfter  Bound     `json:"notafter"`
	// Commit is the SHA-256 of the terms' payload. The terms hold a random
	// nonce, so it says nothing to anyone who does not have them.
	Commit Hash `json:"commit"`
	// Lock is the SHA-256 of the key that revokes the grant without the
	// discloser; see [LockKey].
	Lock Hash `json:"lock"`
}

// Validate reports the first rule that g breaks.
func (g Grant) Validate() error {
	if err := checkVersion(g.V); err != nil {
		return err
	}
	if err := checkParties(g.Network, g.ID, g.Discloser, g.Recipient, g.NotBefore, g.NotAfter); err != nil {
		return err
	}
	switch {
	case g.Commit == Hash{}:
		return Malformed("commit", "must be the hash of the terms")
	case g.Lock == Hash{}:
		return Malformed("lock", "must be the hash of the lock's key")
	}
	return nil
}

func checkParties(network NetworkID, id GrantID, discloser, recipient AgencyID, from, to Bound) error {
	switch {
	case !network.Valid():
		return Malformed("network", "must be a slug")
	case !id.Valid() || id == CharterGrant:
		return Malformed("id", "must be 26 characters of Crockford base32")
	case !discloser.Valid():
		return Malformed("discloser", "must be an agency's slug")
	case !recipient.Valid():
		return Malformed("recipient", "must be an agency's slug")
	case discloser == recipient:
		return Malformed("recipient", "must be another agency than the discloser")
	case from.IsZero() || to.IsZero():
		return Malformed("notafter", "must have a first and a last day")
	case !from.Start().Before(to.End()):
		return Malformed("notafter", "must not be before notbefore")
	}
	return nil
}

// Live reports whether t lies within the grant's days, as a code: "" if it
// does.
func (g Grant) Live(t time.Time) Code {
	switch {
	case t.Before(g.NotBefore.Start()):
		return CodeGrantNotYetValid
	case !t.Before(g.NotAfter.End()):
		return CodeGrantExpired
	}
	return ""
}

// Cell is one permitted category for one purpose.
type Cell struct {
	Category Category `json:"category"`
	Purpose  Purpose  `json:"purpose"`
}

// Basis is the reason that a disclosure is lawful.
type Basis string

// The bases (42 CFR 2.31, 2.35, 2.51, 2.61-2.67, 2.12(c)(3), 2.12(c)(4), 2.53).
const (
	BasisConsent          Basis = "consent"
	BasisJusticeConsent   Basis = "justice-consent"
	BasisMedicalEmergency Basis = "medical-emergency"
	BasisCourtOrder       Basis = "court-order"
	BasisWithinProgram    Basis = "within-program"
	BasisQSOA             Basis = "qsoa"
	BasisAudit            Basis = "audit-evaluation"
	// BasisOwnAuthority is that of an agency that is not a Part 2 program and
	// discloses what is its own to disclose.
	BasisOwnAuthority Basis = "own-authority"
)

// Bases lists the bases.
var Bases = []Basis{
	BasisConsent, BasisJusticeConsent, BasisMedicalEmergency, BasisCourtOrder, BasisWithinProgram, BasisQSOA,
	BasisAudit, BasisOwnAuthority,
}

// Valid reports whether b is one of the bases.
func (b Basis) Valid() bool {
	return slices.Contains(Bases, b)
}

// Terms are the full text of a grant: what, about whom, why. They are signed by
// the discloser ([RecordTerms]) and only ever stand inside a seal.
type Terms struct {
	V         int       `json:"v"`
	Network   NetworkID `json:"network"`
	ID        GrantID   `json:"id"`
	Discloser AgencyID  `json:"discloser"`
	Recipient AgencyID  `json:"recipient"`
	NotBefore Bound     `json:"notbefore"`
	NotAfter  Bound     `json:"notafter"`
	// Client is the handle that these two agencies use for the client.
	Client Handle `json:"client"`
	// Cells are what may be disclosed, the main purpose of a category first.
	Cells      []Cell   `json:"cells"`
	Basis      Basis    `json:"basis"`
	Consent    *string  `json:"consent"`
	Supersedes *GrantID `json:"supersedes"`
	// Nonce is 16 random bytes or more, so that Commit cannot be guessed.
	Nonce []byte `json:"nonce"`
}

// maxCells is more than there are categories times purposes.
const maxCells = 256

// Validate reports the first rule that t breaks.
func (t Terms) Validate() error {
	if err := checkVersion(t.V); err != nil {
		return err
	}
	if err := checkParties(t.Network, t.ID, t.Discloser, t.Recipient, t.NotBefore, t.NotAfter); err != nil {
		return err
	}
	switch {
	case t.Client == "" || len(t.Client) > 64:
		return Malformed("client", "must be a handle")
	case len(t.Cells) == 0 || len(t.Cells) > maxCells:
		return Malformed("cells", "must name at least one category and purpose")
	case !t.Basis.Valid():
		return Malformed("basis", "must be one of the lawful bases")
	case len(t.Nonce) < 16 || len(t.Nonce) > 64:
		return Malformed("nonce", "must be 16 to 64 random bytes")
	}
	for i, c := range t.Cells {
		if !c.Category.Valid() {
			return Malformed(fmt.Sprintf("cells[%d].category", i), "must be one of the categories")
		}
		if !c.Purpose.Valid() {
			return Malformed(fmt.Sprintf("cells[%d].purpose", i), "must be one of the purposes")
		}
	}
	return nil
}

// Has reports whether the terms permit a category for a purpose.
func (t Terms) Has(c Category, p Purpose) bool {
	return slices.Contains(t.Cells, Cell{c, p})
}

// Purpose returns the purpose for which the terms permit a category: the first
// that they name for it.
func (t Terms) Purpose(c Category) (Purpose, bool) {
	for _, cell := range t.Cells {
		if cell.Category == c {
			return cell.Purpose, true
		}
	}
	return "", false
}

// Issue signs terms and the public part that commits to them. lockKey is the
// grant's [LockKey].
func Issue(t Terms, lockKey []byte, key ed25519.PrivateKey) (grant, terms SignedRecord, err error) {
	if t.Nonce == nil {
		t.Nonce = random(16)
	}
	if err := t.Validate(); err != nil {
		return grant, terms, err
	}
	if len(lockKey) != lockKeySize {
		return grant, terms, Malformed("lock", "must have a key of %d bytes", lockKeySize)
	}
	if terms, err = Sign(RecordTerms, t, key); err != nil {
		return grant, terms, err
	}
	grant, err = Sign(RecordGrant, Grant{
		V: 1, Network: t.Network, ID: t.ID, Discloser: t.Discloser, Recipient: t.Recipient,
		NotBefore: t.NotBefore, NotAfter: t.NotAfter, Commit: terms.Hash(), Lock: HashOf(lockKey),
	}, key)
	return grant, terms, err
}

// lockKeySize is the length of a lock's key in bytes.
const lockKeySize = 32

// LockKey derives a grant's revocation key from the secret that every copy of
// the consent holds, so that whoever holds the consent can revoke every grant
// drawn from it.
func LockKey(consentSecret []byte, id GrantID) []byte {
	key, err := hkdf.Key(sha256.New, consentSecret, nil, "linkage grant lock v1\n"+string(id), lockKeySize)
	if err != nil {
		panic("HKDF of 32 bytes: " + err.Error())
	}
	return key
}

// MatchTerms holds terms against the grant that they claim to be the text of.
func MatchTerms(g Grant, t Terms, termsRecord SignedRecord) error {
	same := t.Network == g.Network && t.ID == g.ID && t.Discloser == g.Discloser && t.Recipient == g.Recipient &&
		t.NotBefore == g.NotBefore && t.NotAfter == g.NotAfter && termsRecord.Hash() == g.Commit
	if !same {
		return Refuse(CodeTermsMismatch, "terms", "must be the text that the grant's commitment names", "telephone the sender: its grant and its terms differ")
	}
	return nil
}

// Revocation ends a grant. It is signed by the discloser ([RecordRevocation]),
// or carries the lock's key and then any agency's signature.
type Revocation struct {
	V       int       `json:"v"`
	Network NetworkID `json:"network"`
	Grant   GrantID   `json:"grant"`
	At      Instant   `json:"at"`
	// Successor is a narrower grant that stands in its place, for readers: nobody
	// checks it. nil if there is none.
	Successor *GrantID `json:"successor"`
	// Key opens the grant's lock; nil when the discloser signs.
	Key []byte `json:"key,omitempty"`
	// By is the agency that signs.
	By AgencyID `json:"by"`
}

// Validate reports the first rule that r breaks.
func (r Revocation) Validate() error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	switch {
	case !r.Network.Valid():
		return Malformed("network", "must be a slug")
	case !r.Grant.Valid() || r.Grant == CharterGrant:
		return Malformed("grant", "must be a grant id")
	case r.At.IsZero():
		return Malformed("at", "must be a time")
	case !r.By.Valid():
		return Malformed("by", "must be the agency that signs")
	case r.Key != nil && len(r.Key) != lockKeySize:
		return Malformed("key", "must be %d bytes", lockKeySize)
	case r.Successor != nil && (!r.Successor.Valid() || *r.Successor == CharterGrant || *r.Successor == r.Grant):
		return Malformed("successor", "must be the id of another grant")
	}
	return nil
}

// Register is a discloser's numbered list of its grants ([RecordRegister]).
// Whoever has seen a number refuses a lower one, so that a broker restored from
// an old copy cannot bring a revoked grant back.
type Register struct {
	V         int       `json:"v"`
	Network   NetworkID `json:"network"`
	Discloser AgencyID  `json:"discloser"`
	Number    uint64    `json:"number"`
	Live      []GrantID `json:"live"`
	Ended     []GrantID `json:"ended"`
}

// Validate reports the first rule that r breaks.
func (r Register) Validate() error {
	if err := checkVersion(r.V); err != nil {
		return err
	}
	switch {
	case !r.Network.Valid():
		return Malformed("network", "must be a slug")
	case !r.Discloser.Valid():
		return Malformed("discloser", "must be an agency's slug")
	case r.Number == 0:
		return Malformed("number", "must count from 1")
	}
	seen := make(map[GrantID]bool, len(r.Live)+len(r.Ended))
	for i, id := range slices.Concat(r.Live, r.Ended) {
		field := "live"
		if i >= len(r.Live) {
			field = "ended"
		}
		if !id.Valid() || id == CharterGrant || seen[id] {
			return Malformed(field, "must list ids of grants, each once and in one of the two lists")
		}
		seen[id] = true
	}
	return nil
}
