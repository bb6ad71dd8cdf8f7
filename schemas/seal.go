package schemas

import (
	"crypto/hpke"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// A seal is 0x01, the HPKE encapsulated key, the ciphertext. The suite is
// MLKEM768P256 (draft-ietf-hpke-pq: hybrid, because these records stay
// sensitive for a lifetime), HKDF-SHA256, AES-256-GCM, base mode, single shot.
const sealVersion = 0x01

// SealSuite names the suite on a card.
const SealSuite = "MLKEM768P256-HKDFSHA256-AES256GCM"

// The buckets that plaintexts are padded to, in bytes: the powers of two
// between these.
const (
	minBucket = 2 << 10
	maxBucket = 512 << 10
)

// SealInfo is what a seal is bound to besides its key. Chain and sequence are
// not in it: the signature binds them, so an envelope can be chained anew
// without being sealed anew.
type SealInfo struct {
	Network      NetworkID
	ID           EventID
	Sender       AgencyID
	Recipient    AgencyID
	Grant        GrantID
	RecipientKey KeyID
}

func (i SealInfo) bytes() []byte {
	return fmt.Appendf(nil, "linkage seal v1\n%s\n%s\n%s\n%s\n%s\n%s\n", i.Network, i.ID, i.Sender, i.Recipient, i.Grant, i.RecipientKey)
}

// SealInfo returns what the envelope's seal must be bound to.
func (e Envelope) SealInfo(network NetworkID) SealInfo {
	return SealInfo{Network: network, ID: e.ID, Sender: e.Sender, Recipient: e.Recipient, Grant: e.Grant, RecipientKey: e.RecipientKey}
}

// Sealed is what stands inside a seal.
type Sealed struct {
	// Terms are the grant's signed terms; nil if and only if the grant is
	// [CharterGrant].
	Terms *SignedRecord `json:"terms"`
	// Event is the inner CloudEvent (JSON format), signed by the sender, so
	// that authorship can be shown to a third party later.
	Event SignedRecord `json:"event"`
	// Head is the last ledger head that the sender saw, nil if none yet.
	Head *string `json:"head"`
	// Attached is what travels beside the event as it is, not in JSON: the bytes
	// of a part of an attachment, whose hash the event names.
	Attached []byte `json:"-"`
}

// sealedJSON is how [Sealed] is written: with the number of the attached bytes
// in place of them.
type sealedJSON struct {
	Sealed
	Attached int `json:"attached,omitempty"`
}

// NewSealingKey makes a key pair of the suite.
func NewSealingKey() (hpke.PrivateKey, error) { return hpke.MLKEM768P256().GenerateKey() }

// ParseSealingKey reads a private key of the suite.
func ParseSealingKey(b []byte) (hpke.PrivateKey, error) { return hpke.MLKEM768P256().NewPrivateKey(b) }

// Seal pads and encrypts s to a recipient's public sealing key.
func Seal(public []byte, info SealInfo, s Sealed) ([]byte, error) {
	key, err := hpke.MLKEM768P256().NewPublicKey(public)
	if err != nil {
		return nil, Refuse(CodeUnknownRecipientKey, "recipientkey", "must be a public key of the suite "+SealSuite, "fetch the recipient's current card")
	}
	content, err := json.Marshal(sealedJSON{s, len(s.Attached)})
	if err != nil {
		return nil, fmt.Errorf("encode sealed content: %w", err)
	}
	plain, err := pad(content, s.Attached)
	if err != nil {
		return nil, err
	}
	box, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info.bytes(), plain)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append([]byte{sealVersion}, box...), nil
}

// OpenSeal decrypts and checks the form of what is inside; it verifies no
// signature.
func OpenSeal(key hpke.PrivateKey, info SealInfo, data []byte) (Sealed, error) {
	var s Sealed
	if len(data) == 0 || data[0] != sealVersion {
		return s, Refuse(CodeUnsupportedVersion, "data", "must be a seal of version 1", "upgrade this agency's Linkage")
	}
	plain, err := hpke.Open(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info.bytes(), data[1:])
	if err != nil {
		return s, Refuse(CodeCannotOpen, "data", "must open with the sealing key that the envelope names", "seal the event again to the recipient's current key")
	}
	content, rest, err := unframe(plain)
	if err != nil {
		return s, err
	}
	var read sealedJSON
	if err := DecodeJSON(content, &read); err != nil {
		return s, err
	}
	s = read.Sealed
	if s.Attached, err = attached(rest, read.Attached); err != nil {
		return s, err
	}
	if (s.Terms == nil) != (info.Grant == CharterGrant) {
		return s, Malformed("terms", "must be present except under the charter")
	}
	return s, nil
}

// pad frames content with its length, puts what is attached behind it and fills
// with zeros to a bucket.
func pad(content, attached []byte) ([]byte, error) {
	size := minBucket
	for size < 4+len(content)+len(attached) {
		size *= 2
	}
	if size > maxBucket {
		return nil, Refuse(CodeTooLarge, "data", fmt.Sprintf("must be at most %d bytes with its signatures", maxBucket-4), "send large content as attachments")
	}
	plain := make([]byte, size)
	binary.BigEndian.PutUint32(plain, uint32(len(content))) // #nosec G115 -- at most maxBucket
	copy(plain[4:], content)
	copy(plain[4+len(content):], attached)
	return plain, nil
}

// unframe takes the content out of its bucket and returns what follows it.
func unframe(plain []byte) (content, rest []byte, err error) {
	if len(plain) < minBucket || len(plain) > maxBucket || len(plain)&(len(plain)-1) != 0 {
		return nil, nil, Malformed("padding", "must fill a bucket of 2, 4, 8 ... 512 KiB")
	}
	n := binary.BigEndian.Uint32(plain)
	if int64(n) > int64(len(plain)-4) {
		return nil, nil, Malformed("padding", "must state a length within the bucket")
	}
	return plain[4 : 4+n], plain[4+n:], nil
}

// attached takes the n attached bytes from what follows the content; the rest
// is padding.
func attached(rest []byte, n int) ([]byte, error) {
	if n < 0 || n > len(rest) {
		return nil, Malformed("attached", "must be the number of bytes that follow, within the bucket")
	}
	for _, b := range rest[n:] {
		if b != 0 {
			return nil, Malformed("padding", "must be zeros")
		}
	}
	if n == 0 {
		return nil, nil
	}
	return rest[:n:n], nil
}
