package schemas

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"
)

// RecordType tells what a signed record says. It is part of what is signed, so
// that no signature can serve as another.
type RecordType string

// The types of signed records.
const (
	RecordGrant      RecordType = "application/vnd.linkage.grant.v1+json"
	RecordTerms      RecordType = "application/vnd.linkage.terms.v1+json"
	RecordRevocation RecordType = "application/vnd.linkage.revocation.v1+json"
	RecordRegister   RecordType = "application/vnd.linkage.register.v1+json"
	RecordCard       RecordType = "application/vnd.linkage.card.v1+json"
	RecordInvitation RecordType = "application/vnd.linkage.invitation.v1+json"
	RecordAdmission  RecordType = "application/vnd.linkage.admission.v1+json"
	RecordRoll       RecordType = "application/vnd.linkage.roll.v1+json"
	RecordEpoch      RecordType = "application/vnd.linkage.epoch.v1+json"
	RecordReceipt    RecordType = "application/vnd.linkage.receipt.v1+json"
	RecordEvent      RecordType = "application/vnd.linkage.event.v1+json"
	RecordHello      RecordType = "application/vnd.linkage.hello.v1+json"
)

// MaxRecord is the size limit of a signed record as JSON, in bytes. An inner
// event may fill the largest seal; everything else stays far below.
const MaxRecord = 768 << 10

// SignedRecord is a DSSE envelope (DSSE 1.0.2) with one Ed25519 signature over
// exactly the bytes in Payload. They are kept as they came and never encoded
// again.
type SignedRecord struct {
	PayloadType RecordType  `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of a DSSE envelope.
type Signature struct {
	KeyID KeyID  `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// Sign encodes v once and signs the bytes.
func Sign(kind RecordType, v any, key ed25519.PrivateKey) (SignedRecord, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return SignedRecord{}, fmt.Errorf("encode %s: %w", kind, err)
	}
	return SignBytes(kind, payload, key), nil
}

// SignBytes signs a payload as it stands.
func SignBytes(kind RecordType, payload []byte, key ed25519.PrivateKey) SignedRecord {
	return SignedRecord{
		PayloadType: kind,
		Payload:     payload,
		Signatures: []Signature{{
			KeyID: KeyIDOf(key.Public().(ed25519.PublicKey)),
			Sig:   ed25519.Sign(key, pae(string(kind), payload)),
		}},
	}
}

// pae is DSSE's pre-authentication encoding.
func pae(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// KeyID names the key that signed, "" if there is not exactly one signature.
func (r SignedRecord) KeyID() KeyID {
	if len(r.Signatures) != 1 {
		return ""
	}
	return r.Signatures[0].KeyID
}

// Hash is the SHA-256 of the payload; it names the record in other records and
// in the ledger.
func (r SignedRecord) Hash() Hash { return HashOf(r.Payload) }

// Verify reports whether the record is of the kind and signed by the key.
func (r SignedRecord) Verify(kind RecordType, key ed25519.PublicKey) error {
	if r.PayloadType != kind {
		return Malformed("payloadType", "must be %s", kind)
	}
	if len(r.Signatures) != 1 {
		return Malformed("signatures", "must be exactly one")
	}
	if len(key) != ed25519.PublicKeySize || r.Signatures[0].KeyID != KeyIDOf(key) {
		return Refuse(CodeUnknownSigningKey, "signatures.keyid", "must name the key that is expected to sign", "fetch the signer's current card")
	}
	if !ed25519.Verify(key, pae(string(kind), r.Payload), r.Signatures[0].Sig) {
		return Refuse(CodeBadSignature, "signatures.sig", "must verify over the payload", "send the record as it was signed")
	}
	return nil
}

// validated is a payload that knows its own rules.
type validated interface{ Validate() error }

// ReadRecord verifies a record, decodes its payload and checks its rules.
func ReadRecord[T validated](r SignedRecord, kind RecordType, key ed25519.PublicKey) (T, error) {
	var zero T
	if err := r.Verify(kind, key); err != nil {
		return zero, err
	}
	return PeekRecord[T](r, kind)
}

// PeekRecord decodes and checks a payload without verifying who signed it, for
// the cases in which the payload says whose key it must be.
func PeekRecord[T validated](r SignedRecord, kind RecordType) (T, error) {
	var v T
	if r.PayloadType != kind {
		return v, Malformed("payloadType", "must be %s", kind)
	}
	if err := DecodeJSON(r.Payload, &v); err != nil {
		return v, err
	}
	return v, v.Validate()
}

// ParseRecord reads a signed record from JSON.
func ParseRecord(b []byte) (SignedRecord, error) {
	var r SignedRecord
	if len(b) > MaxRecord {
		return r, Refuse(CodeTooLarge, "record", fmt.Sprintf("must be at most %d bytes", MaxRecord), "send less in one record")
	}
	if err := DecodeJSON(b, &r); err != nil {
		return r, err
	}
	if len(r.Signatures) != 1 {
		return r, Malformed("signatures", "must be exactly one")
	}
	return r, nil
}

// Encode renders the record as JSON.
func (r SignedRecord) Encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic("a signed record always encodes: " + err.Error())
	}
	return b
}

// checkVersion is the first rule of every record.
func checkVersion(v int) error {
	if v != 1 {
		return Refuse(CodeUnsupportedVersion, "v", "must be 1", "upgrade this agency's Linkage")
	}
	return nil
}

// Instant is a time in UTC that is written with whole seconds, as records
// write it.
type Instant struct{ time.Time }

// At makes the Instant of a time, cutting parts of a second.
func At(t time.Time) Instant { return Instant{t.UTC().Truncate(time.Second)} }

// MarshalJSON renders RFC 3339 with "Z".
func (i Instant) MarshalJSON() ([]byte, error) { return json.Marshal(i.UTC().Format(time.RFC3339)) }

// UnmarshalJSON reads RFC 3339 with "Z".
func (i *Instant) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return Malformed("time", "must be a string")
	}
	t, ok := parseInstant(s)
	if !ok {
		return Malformed("time", "must be RFC 3339 in UTC with whole seconds, such as 2026-11-21T09:30:00Z")
	}
	i.Time = t
	return nil
}

func parseInstant(s string) (time.Time, bool) {
	const layout = "2006-01-02T15:04:05Z"
	t, err := time.Parse(layout, s)
	return t, err == nil && t.Format(layout) == s // Parse would let parts of a second pass
}
