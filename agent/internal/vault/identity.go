package vault

import (
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/nats-io/nkeys"

	"github.com/linkage-exchange/linkage/schemas"
)

// Identity is the private half of one membership of one network: what the
// agency signs with, what others seal to it with, and what it logs in with. It
// is kept, encoded, in the sealed store, and nowhere else. However it is
// printed, logged or marshalled, only the ids of its keys show.
//
// Keys rotate by keeping an old Identity beside a new one.
type Identity struct {
	// keys is a function because fmt cannot call our methods on another
	// struct's unexported field, and a function is all that it does not print.
	keys func() *identityKeys
}

type identityKeys struct {
	signing ed25519.PrivateKey
	sealing hpke.PrivateKey
	user    nkeys.KeyPair
	public  PublicKeys
}

// PublicKeys are the public halves.
type PublicKeys struct {
	// Signing is the Ed25519 key that proves the agency's authorship.
	Signing ed25519.PublicKey `json:"signing"`
	// Sealing is the MLKEM768P256 key to which others seal.
	Sealing []byte `json:"sealing"`
	// User is the NATS user nkey, U....
	User string `json:"user"`
}

// SigningID is the id of the signing key, by which people compare fingerprints.
func (p PublicKeys) SigningID() schemas.KeyID { return schemas.KeyIDOf(p.Signing) }

// SealingID is the id of the sealing key, which an envelope names.
func (p PublicKeys) SealingID() schemas.KeyID { return schemas.KeyIDOf(p.Sealing) }

// encodedIdentity is what the store keeps.
type encodedIdentity struct {
	Version int    `json:"version"`
	Signing []byte `json:"signing"` // Ed25519 seed
	Sealing []byte `json:"sealing"` // HPKE SerializePrivateKey
	User    string `json:"user"`    // nkey seed, SU...
}

const identityVersion = 1

// NewIdentity makes three new keys. It keeps them nowhere.
func NewIdentity() (Identity, error) {
	_, signing, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Identity{}, fmt.Errorf("make signing key: %w", err)
	}
	sealing, err := schemas.NewSealingKey()
	if err != nil {
		return Identity{}, fmt.Errorf("make sealing key: %w", err)
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		return Identity{}, fmt.Errorf("make user key: %w", err)
	}
	return assemble(signing, sealing, user)
}

// Successor makes new signing and sealing keys and keeps the user key, by which
// the message server knows the agent.
func (i Identity) Successor() (Identity, error) {
	next, err := NewIdentity()
	if err != nil {
		return Identity{}, err
	}
	return assemble(next.keys().signing, next.keys().sealing, i.keys().user)
}

func assemble(signing ed25519.PrivateKey, sealing hpke.PrivateKey, user nkeys.KeyPair) (Identity, error) {
	name, err := user.PublicKey()
	if err != nil {
		return Identity{}, fmt.Errorf("name user key: %w", err)
	}
	public := PublicKeys{Signing: signing.Public().(ed25519.PublicKey), Sealing: sealing.PublicKey().Bytes(), User: name}
	keys := &identityKeys{signing, sealing, user, public}
	return Identity{func() *identityKeys { return keys }}, nil
}

// Encode renders the private keys as JSON, for the sealed store alone.
func (i Identity) Encode() ([]byte, error) {
	sealing, err := i.keys().sealing.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	seed, err := i.keys().user.Seed()
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	return json.Marshal(encodedIdentity{identityVersion, i.keys().signing.Seed(), sealing, string(seed)})
}

// ParseIdentity reads what Encode gave. Its errors are [ErrIdentity] and quote
// nothing.
func ParseIdentity(b []byte) (Identity, error) {
	bad := func(detail string) (Identity, error) {
		return Identity{}, &Error{Err: ErrIdentity, Detail: detail, Remedy: "restore the last backup"}
	}
	var e encodedIdentity
	if err := json.Unmarshal(b, &e); err != nil {
		return bad("not the JSON of an identity")
	}
	if e.Version != identityVersion {
		return bad(fmt.Sprintf("version %d, this one reads %d", e.Version, identityVersion))
	}
	if len(e.Signing) != ed25519.SeedSize {
		return bad("signing key")
	}
	sealing, err := schemas.ParseSealingKey(e.Sealing)
	if err != nil {
		return bad("sealing key")
	}
	user, err := nkeys.FromSeed([]byte(e.User))
	if err != nil || nkeys.CompatibleKeyPair(user, nkeys.PrefixByteUser) != nil {
		return bad("user key")
	}
	return assemble(ed25519.NewKeyFromSeed(e.Signing), sealing, user)
}

// IsZero reports whether there are no keys in i; then only the methods that
// print it may be called.
func (i Identity) IsZero() bool { return i.keys == nil }

// Public returns the public halves; the caller must not change their bytes.
func (i Identity) Public() PublicKeys { return i.keys().public }

// SigningKey is the Ed25519 private key.
func (i Identity) SigningKey() ed25519.PrivateKey { return i.keys().signing }

// SealingKey is the HPKE private key with which envelopes are opened.
func (i Identity) SealingKey() hpke.PrivateKey { return i.keys().sealing }

// SignNonce signs the message server's challenge with the user key, as the
// client's signature callback wants it. The seed itself need not leave.
func (i Identity) SignNonce(nonce []byte) ([]byte, error) { return i.keys().user.Sign(nonce) }

// String shows the ids of the keys.
func (i Identity) String() string {
	if i.keys == nil {
		return "identity (none)"
	}
	p := i.keys().public
	return fmt.Sprintf("identity (signing %s, sealing %s, user %s)", p.SigningID(), p.SealingID(), p.User)
}

// GoString shows the ids of the keys.
func (i Identity) GoString() string { return i.String() }

// Format shows the ids of the keys under every verb.
func (i Identity) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(i.String())) } // as fmt itself does

// LogValue shows the ids of the keys.
func (i Identity) LogValue() slog.Value {
	if i.keys == nil {
		return slog.StringValue(i.String())
	}
	p := i.keys().public
	return slog.GroupValue(slog.String("signing", string(p.SigningID())),
		slog.String("sealing", string(p.SealingID())), slog.String("user", p.User))
}

// MarshalText shows the ids of the keys, in JSON too; Encode gives the keys.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }
