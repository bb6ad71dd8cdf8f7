package schemas

import (
	"crypto/ed25519"
	"crypto/hpke"
	"fmt"
	"slices"
	"time"
)

// SigningKey is an agency's Ed25519 key with the time for which it signs.
type SigningKey struct {
	Key  []byte   `json:"key"`
	From Instant  `json:"from"`
	To   *Instant `json:"to"` // nil while it is in use
	// Compromised is since when somebody else may have had the private key:
	// nothing that was signed with it from then on is the agency's word.
	Compromised *Instant `json:"compromised,omitempty"`
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
// signed by the key in use on the card before it, the first one by its own and
// countersigned by an [Admission].
//
// Of each kind, the first key listed is the one in use: it alone has no end.
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

const (
	// MaxKeys bounds the keys of each kind on a card.
	MaxKeys = 8
	// MaxCard is the size limit of a card as a signed record in JSON, in bytes.
	MaxCard = 16 << 10
	// MaxCards bounds the cards of one member: an [Entry] has to fit one
	// message. Then the agency is invited again.
	MaxCards = 48
)

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
	case len(c.Services) > 500:
		return Malformed("services", "must list at most 500")
	}
	signing, sealing := make([]cardKey, len(c.Signing)), make([]cardKey, len(c.Sealing))
	for i, k := range c.Signing {
		if len(k.Key) != ed25519.PublicKeySize {
			return Malformed(fmt.Sprintf("signing[%d].key", i), "must be 32 bytes")
		}
		if k.Compromised != nil && k.To == nil {
			return Malformed(fmt.Sprintf("signing[%d].compromised", i), "must be absent from the key in use: replace it")
		}
		signing[i] = cardKey{k.Key, k.From, k.To}
	}
	for i, k := range c.Sealing {
		if k.Suite != SealSuite {
			return Malformed(fmt.Sprintf("sealing[%d].suite", i), "must be %s", SealSuite)
		}
		if _, err := hpke.MLKEM768P256().NewPublicKey(k.Key); err != nil {
			return Malformed(fmt.Sprintf("sealing[%d].key", i), "must be a public key of the suite")
		}
		sealing[i] = cardKey{k.Key, k.From, k.To}
	}
	if err := checkKeys("signing", signing); err != nil {
		return err
	}
	return checkKeys("sealing", sealing)
}

// cardKey is what the two kinds of key have in common.
type cardKey struct {
	key  []byte
	from Instant
	to   *Instant
}

// checkKeys holds the keys of one kind against the rules for lists of them.
func checkKeys(field string, keys []cardKey) error {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return Malformed(field, "must list 1 to %d keys", MaxKeys)
	}
	seen := map[KeyID]bool{}
	for i, k := range keys {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case seen[KeyIDOf(k.key)]:
			return Malformed(at+".key", "must stand only once on a card")
		case (k.to == nil) != (i == 0):
			return Malformed(at+".to", "must be set on every key but the first, which is the one in use")
		case k.to != nil && k.to.Before(k.from.Time):
			return Malformed(at+".to", "must not lie before from")
		}
		seen[KeyIDOf(k.key)] = true
	}
	return nil
}

// SigningKey returns the key of an id that had not ended at t, the time at which
// something was signed; it does not matter whether it has ended since. That it
// had begun is not asked: only a wrong clock dates a signature before its key.
func (c Card) SigningKey(id KeyID, t time.Time) (ed25519.PublicKey, bool) {
	k, ok := c.signing(id)
	if !ok || k.To != nil && !t.Before(k.To.Time) || k.Compromised != nil && !t.Before(k.Compromised.Time) {
		return nil, false
	}
	return k.Key, true
}

// Trusted returns the key of an id as long as nobody else may have had it. It
// is for what bears no time of its own, or a time that cannot be believed.
func (c Card) Trusted(id KeyID) (ed25519.PublicKey, bool) {
	k, ok := c.signing(id)
	if !ok || k.Compromised != nil {
		return nil, false
	}
	return k.Key, true
}

// AnyKey returns the key of an id, ended or stolen, nil if the agency never had
// it.
func (c Card) AnyKey(id KeyID) ed25519.PublicKey {
	k, _ := c.signing(id)
	return k.Key
}

func (c Card) signing(id KeyID) (SigningKey, bool) {
	for _, k := range c.Signing {
		if KeyIDOf(k.Key) == id {
			return k, true
		}
	}
	return SigningKey{}, false
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

// CurrentSealingKey returns the newest sealing key that is live at t. If all
// are still to begin, it is the first of them: the clock that gave t is behind,
// and its owner's events are no worse for that.
func (c Card) CurrentSealingKey(t time.Time) ([]byte, bool) {
	var best, first SealingKey
	for _, k := range c.Sealing {
		switch {
		case live(k.From, k.To, t):
			if best.Key == nil || k.From.After(best.From.Time) {
				best = k
			}
		case t.Before(k.From.Time):
			if first.Key == nil || k.From.Before(first.From.Time) {
				first = k
			}
		}
	}
	if best.Key == nil {
		best = first
	}
	return best.Key, best.Key != nil
}

// live allows five minutes of difference between clocks before a key begins.
func live(from Instant, to *Instant, t time.Time) bool {
	return !t.Add(MaxClockSkew).Before(from.Time) && (to == nil || t.Before(to.Time))
}

// MaxClockSkew is how far ahead of the gate's clock an envelope may be dated.
const MaxClockSkew = 5 * time.Minute

// Fingerprint names the card's signing key in use, for two people to compare.
func (c Card) Fingerprint() string { return KeyIDOf(c.Signing[0].Key).Fingerprint() }

// Successor reads the card that may replace c: the same agency, the next
// number, signed by c's key in use, which it lists with an end. A key that has
// an end, an overlap included, can sign no card: whoever steals it later cannot
// speak for the agency. What time it is does not matter, so every reader comes
// to the same answer.
//
// The result also knows the keys that the new card does not list any more, so
// that old signatures stay provable.
func (c Card) Successor(next SignedRecord) (Card, error) {
	key := c.Signing[0].Key
	if next.KeyID() != KeyIDOf(key) {
		return Card{}, Refuse(CodeUnknownSigningKey, "signatures.keyid", "must name the key in use on the card before", "compare fingerprints by telephone")
	}
	n, err := ReadRecord[Card](next, RecordCard, key)
	if err != nil {
		return Card{}, err
	}
	if n.Agency != c.Agency || n.Network != c.Network || n.Number != c.Number+1 {
		return Card{}, Malformed("number", "must be the next one, for the same agency")
	}
	return n, n.inherit(c)
}

// inherit holds the keys of a card against those of the one before, and takes
// over what it leaves out.
func (c *Card) inherit(before Card) error {
	for _, old := range before.Signing {
		k, listed := c.signing(KeyIDOf(old.Key))
		switch {
		case !listed && old.To == nil:
			return Malformed("signing", "must list the key in use on the card before, with an end if it ends")
		case !listed:
			c.Signing = append(c.Signing[:len(c.Signing):len(c.Signing)], old)
		case !k.From.Equal(old.From.Time) || later(k.To, old.To) || later(k.Compromised, old.Compromised):
			return Malformed("signing", "must not give a key of the card before more time than it had")
		}
	}
	for _, k := range c.Signing[1:] {
		if _, known := before.signing(KeyIDOf(k.Key)); !known {
			return Malformed("signing", "must add no key that has ended")
		}
	}
	for _, old := range before.Sealing {
		i := slices.IndexFunc(c.Sealing, func(k SealingKey) bool { return KeyIDOf(k.Key) == KeyIDOf(old.Key) })
		if i >= 0 && (!c.Sealing[i].From.Equal(old.From.Time) || later(c.Sealing[i].To, old.To)) {
			return Malformed("sealing", "must not give a key of the card before more time than it had")
		}
	}
	return nil
}

// later reports whether an end was moved back; nil is never.
func later(now, before *Instant) bool {
	return before != nil && (now == nil || now.After(before.Time))
}

// FirstCard reads a card that is signed by the key in use on itself.
func FirstCard(r SignedRecord) (Card, error) {
	c, err := PeekRecord[Card](r, RecordCard)
	if err != nil {
		return Card{}, err
	}
	if KeyIDOf(c.Signing[0].Key) != r.KeyID() {
		return Card{}, Refuse(CodeUnknownSigningKey, "signatures.keyid", "must name the key in use on the card", "sign the first card with its own key")
	}
	return c, r.Verify(RecordCard, c.Signing[0].Key)
}
