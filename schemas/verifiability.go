package schemas

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// This file is the CloudEvents verifiability extension ("Verifiable CloudEvents
// with DSSE"), with Ed25519 and exactly one signature.

const verifiabilityType RecordType = "https://cloudevents.io/verifiability/dsse/v0.1"

// maxMaterial bounds dssematerial: two digests, at most seven names and one
// signature take less than half of it.
const maxMaterial = 2 << 10

// coreAttributes is the order in which the core digest takes the attributes.
var coreAttributes = []string{"id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time"}

// material is what the extension signs.
type material struct {
	Core  []byte   `json:"core"`
	Ext   []byte   `json:"ext,omitempty"`
	Names []string `json:"signedextattrs,omitempty"`
}

// digest makes the material for an event. attrs holds the canonical string of
// each attribute that is set; an absent one counts as empty.
// data is the SHA-256 of the event's data.
func digest(attrs map[string]string, data Hash, extensions []string) material {
	m := material{Names: extensions}
	var all []byte
	for _, name := range coreAttributes {
		h := sha256.Sum256([]byte(attrs[name]))
		all = append(all, h[:]...)
	}
	core := sha256.Sum256(append(all, data[:]...))
	m.Core = core[:]
	if len(extensions) == 0 {
		return m
	}
	all = all[:0]
	for _, name := range extensions {
		h := sha256.Sum256([]byte(attrs[name]))
		all = append(all, h[:]...)
	}
	ext := sha256.Sum256(all)
	m.Ext = ext[:]
	return m
}

// hash is M: SHA-256 over the two digests that are signed.
func (m material) hash() Hash { return HashOf(slices.Concat(m.Core, m.Ext)) }

// sign makes the value of dssematerial.
func (m material) sign(key ed25519.PrivateKey) *knownMaterial {
	payload, err := json.Marshal(m)
	if err != nil {
		panic("digests always encode: " + err.Error())
	}
	r := SignBytes(verifiabilityType, payload, key)
	return &knownMaterial{text: base64.StdEncoding.EncodeToString(r.Encode()), record: r, signed: m}
}

// knownMaterial is a dssematerial and what it says. Nobody writes to it.
type knownMaterial struct {
	text   string
	record SignedRecord
	signed material
}

// parseMaterial reads dssematerial without verifying it.
func parseMaterial(s string) (*knownMaterial, error) {
	const field = "ce-dssematerial"
	if len(s) > maxMaterial {
		return nil, Malformed(field, "must be at most %d characters", maxMaterial)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // the decoder skips line breaks, a header must not hold one
		return nil, Malformed(field, "must be base64 on one line")
	}
	r, err := ParseRecord(b)
	if err != nil || r.PayloadType != verifiabilityType {
		return nil, Malformed(field, "must be a DSSE envelope of the verifiability extension with one signature")
	}
	m := knownMaterial{text: s, record: r}
	if err := DecodeJSON(r.Payload, &m.signed); err != nil {
		return nil, Malformed(field, "must sign a JSON object of digests")
	}
	if err := m.signed.validate(); err != nil {
		return nil, err
	}
	return &m, nil
}

// validate checks the extension's rules about the list of signed attributes.
func (m material) validate() error {
	const field = "ce-dssematerial"
	if len(m.Core) != sha256.Size || (m.Ext != nil && len(m.Ext) != sha256.Size) {
		return Malformed(field, "must sign digests of 32 bytes")
	}
	if (m.Ext == nil) != (len(m.Names) == 0) {
		return Malformed(field, "must have ext and signedextattrs both or neither")
	}
	seen := map[string]bool{"dssematerial": true}
	for _, name := range coreAttributes {
		seen[name] = true
	}
	for _, name := range m.Names {
		if seen[name] {
			return Malformed(field, "must not list an attribute twice, nor a core attribute, nor dssematerial")
		}
		seen[name] = true
	}
	return nil
}

func (m material) equal(o material) bool {
	return slices.Equal(m.Core, o.Core) && slices.Equal(m.Ext, o.Ext) && slices.Equal(m.Names, o.Names)
}
