package schemas

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// EnvelopeType is the CloudEvents type of every envelope: the outside says
// nothing about the inside.
const EnvelopeType = "org.linkage.envelope.v1"

// SealedType is the media type of an envelope's data.
const SealedType = "application/vnd.linkage.sealed"

// MaxSealed is the size limit of an envelope's data in bytes: the largest
// bucket, the encapsulated key and the tag.
const MaxSealed = 512<<10 + 2<<10

// Envelope is the outer CloudEvent that crosses the broker: addressed, signed,
// sealed, citing one grant. It is one NATS message in binary mode; see [Envelope.Header].
type Envelope struct {
	ID           EventID
	Sender       AgencyID
	Time         time.Time // whole seconds, UTC
	Recipient    AgencyID
	Grant        GrantID
	RecipientKey KeyID // of the sealing key
	// Chain, Sequence and Previous place the envelope in the hash chain that
	// the sender keeps for this recipient. Sequence counts from 1; Previous is
	// the hash of Sequence-1, zero for the first.
	Chain    ULID
	Sequence uint64
	Previous Hash
	// Expiry, if not zero, is when the gate stops handing the envelope over.
	Expiry time.Time
	// Material is the CloudEvents verifiability extension's dssematerial.
	Material string
	// Data is the sealed inner event; see [Seal].
	Data []byte

	// known is Material as it was made or read, so that it is read once on its
	// way through the gate; see material.
	known *knownMaterial
}

// routing lists the extension attributes that are signed, in order.
func (e Envelope) routing() []string {
	names := []string{"recipient", "grant", "recipientkey", "chain", "sequence", "previous"}
	if !e.Expiry.IsZero() {
		names = append(names, "expirytime")
	}
	return names
}

func (e Envelope) attributes() map[string]string {
	attrs := map[string]string{
		"specversion":     "1.0",
		"type":            EnvelopeType,
		"id":              string(e.ID),
		"source":          e.Sender.Source(),
		"time":            e.Time.UTC().Format(time.RFC3339),
		"datacontenttype": SealedType,
		"recipient":       string(e.Recipient),
		"grant":           string(e.Grant),
		"recipientkey":    string(e.RecipientKey),
		"chain":           string(e.Chain),
		"sequence":        fmt.Sprintf("%020d", e.Sequence),
		"previous":        e.Previous.String(),
	}
	if !e.Expiry.IsZero() {
		attrs["expirytime"] = e.Expiry.UTC().Format(time.RFC3339)
	}
	return attrs
}

// Hash is M, the digest that the sender signs: it covers the core attributes,
// the routing attributes and the data. It is "the hash" in chains, receipts and
// the ledger.
func (e Envelope) Hash() Hash { return e.Outline().Hash() }

// Signed returns the envelope with Material made by key.
func (e Envelope) Signed(key ed25519.PrivateKey) Envelope {
	e.known = digest(e.attributes(), HashOf(e.Data), e.routing()).sign(key)
	e.Material = e.known.text
	return e
}

// SigningKey names the key that Material says it was made with, "" if Material
// cannot be read. Nothing is verified.
func (e Envelope) SigningKey() KeyID {
	m, err := e.material()
	if err != nil {
		return ""
	}
	return m.record.KeyID()
}

// material is what Material says. Nothing is verified.
func (e Envelope) material() (*knownMaterial, error) {
	if e.known != nil && e.known.text == e.Material { // nobody has put another one in its place
		return e.known, nil
	}
	return parseMaterial(e.Material)
}

// Verify checks the signature and that it covers exactly this envelope.
func (e Envelope) Verify(key ed25519.PublicKey) error { return e.Outline().Verify(key) }

// Outline is an envelope without its data: enough to prove that it was sent and
// to close the hash chain over it, nothing that could be opened. A recipient
// gets it in place of an envelope that was withdrawn.
type Outline struct {
	Envelope Envelope // Data is nil
	DataHash Hash     // SHA-256 of the data

	// made is the digest of what the outline was made from, nil for one that was
	// read: an envelope's is made once, though both its hash and its signature
	// ask for it.
	made *material
}

// Outline returns the envelope without its data.
func (e Envelope) Outline() Outline {
	o := Outline{Envelope: e, DataHash: HashOf(e.Data)}
	o.Envelope.Data = nil
	made := o.digest()
	o.made = &made
	return o
}

func (o Outline) digest() material {
	if o.made != nil {
		return *o.made
	}
	return digest(o.Envelope.attributes(), o.DataHash, o.Envelope.routing())
}

// Hash is the envelope's [Envelope.Hash].
func (o Outline) Hash() Hash { return o.digest().hash() }

// Verify is [Envelope.Verify].
func (o Outline) Verify(key ed25519.PublicKey) error {
	m, err := o.Envelope.material()
	if err != nil {
		return err
	}
	if err := m.record.Verify(verifiabilityType, key); err != nil {
		return err
	}
	if !m.signed.equal(o.digest()) {
		return Refuse(CodeBadSignature, "ce-dssematerial", "must sign exactly the attributes and data of this envelope", "send the envelope as it was signed")
	}
	return nil
}

// outlineJSON is how an outline is written: the attributes as they were
// signed.
type outlineJSON struct {
	Attributes map[string]string `json:"attributes"`
	Data       Hash              `json:"data"`
}

// MarshalJSON writes the attributes and the hash of the data.
func (o Outline) MarshalJSON() ([]byte, error) {
	attrs := o.Envelope.attributes()
	attrs["dssematerial"] = o.Envelope.Material
	return json.Marshal(outlineJSON{attrs, o.DataHash})
}

// UnmarshalJSON reads what MarshalJSON writes, with every check of
// [ParseEnvelope] that needs no data.
func (o *Outline) UnmarshalJSON(b []byte) error {
	var j outlineJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return Malformed("outline", "must hold attributes and the hash of the data")
	}
	e, err := parseAttributes(j.Attributes)
	if err != nil {
		return err
	}
	*o = Outline{Envelope: e, DataHash: j.Data}
	return nil
}

// Header renders the attributes as NATS headers.
func (e Envelope) Header() map[string][]string {
	h := map[string][]string{}
	for name, v := range e.attributes() {
		h[headerPrefix+name] = []string{encodeHeader(v)}
	}
	h[headerPrefix+"dssematerial"] = []string{e.Material}
	return h
}

// ParseEnvelope reads a NATS message and checks the form of every attribute. It
// verifies no signature. Headers that do not begin with ce- are ignored.
func ParseEnvelope(header map[string][]string, data []byte) (Envelope, error) {
	var e Envelope
	if len(data) > MaxSealed {
		return e, Refuse(CodeTooLarge, "data", fmt.Sprintf("must be at most %d bytes", MaxSealed), "send large content as attachments")
	}
	attrs, err := attributes(header)
	if err != nil {
		return e, err
	}
	if len(data) == 0 || data[0] != sealVersion {
		return e, Refuse(CodeUnsupportedVersion, "data", "must be a seal of version 1", "upgrade this agency's Linkage")
	}
	if e, err = parseAttributes(attrs); err != nil {
		return Envelope{}, err
	}
	e.Data = data
	return e, nil
}

// parseAttributes reads the decoded attributes and empties the map.
func parseAttributes(attrs map[string]string) (Envelope, error) {
	var e Envelope
	if v := attrs["specversion"]; v != "1.0" {
		return e, Refuse(CodeUnsupportedVersion, "ce-specversion", "must be 1.0", "upgrade this agency's Linkage")
	}
	if v := attrs["type"]; v != EnvelopeType {
		return e, Refuse(CodeUnsupportedVersion, "ce-type", "must be "+EnvelopeType, "upgrade this agency's Linkage")
	}
	p := envelopeParser{attrs: attrs}
	p.text("specversion", "type")
	p.same("datacontenttype", SealedType)
	e.ID = EventID(p.checked("id", "must be a UUIDv7", func(s string) bool { return EventID(s).Valid() }))
	sender, _ := AgencyOfSource(p.checked("source", "must be /agencies/<agency>", func(s string) bool { _, ok := AgencyOfSource(s); return ok }))
	e.Sender = sender
	e.Time = p.time("time")
	e.Recipient = AgencyID(p.checked("recipient", "must be an agency's slug", func(s string) bool { return AgencyID(s).Valid() }))
	e.Grant = GrantID(p.checked("grant", "must be a grant id or the word charter", func(s string) bool { return GrantID(s).Valid() }))
	e.RecipientKey = KeyID(p.checked("recipientkey", "must be a key id", func(s string) bool { return KeyID(s).Valid() }))
	e.Chain = ULID(p.checked("chain", "must be a ULID", func(s string) bool { return ULID(s).Valid() }))
	e.Sequence = p.sequence("sequence")
	e.Previous = p.hash("previous")
	if _, ok := attrs["expirytime"]; ok {
		e.Expiry = p.time("expirytime")
	}
	e.Material = p.checked("dssematerial", "must be present", func(s string) bool { return s != "" })
	if err := p.end(); err != nil {
		return Envelope{}, err
	}
	var err error
	if e.known, err = parseMaterial(e.Material); err != nil {
		return Envelope{}, err
	}
	if !slices.Equal(e.known.signed.Names, e.routing()) {
		return Envelope{}, Malformed("ce-dssematerial", "must sign exactly the routing attributes, in order")
	}
	return e, nil
}

// envelopeParser takes attributes out one by one and keeps the first error.
type envelopeParser struct {
	attrs map[string]string
	err   error
}

func (p *envelopeParser) take(name string) string {
	v, ok := p.attrs[name]
	if !ok {
		p.fail(name, "must be present")
	}
	delete(p.attrs, name)
	return v
}

func (p *envelopeParser) fail(name, rule string) {
	if p.err == nil {
		p.err = Malformed(headerField(name), "%s", rule)
	}
}

func (p *envelopeParser) text(names ...string) {
	for _, name := range names {
		p.take(name)
	}
}

func (p *envelopeParser) same(name, want string) {
	if p.take(name) != want {
		p.fail(name, "must be "+want)
	}
}

func (p *envelopeParser) checked(name, rule string, ok func(string) bool) string {
	v := p.take(name)
	if !ok(v) {
		p.fail(name, rule)
	}
	return v
}

func (p *envelopeParser) time(name string) time.Time {
	t, ok := parseInstant(p.take(name))
	if !ok {
		p.fail(name, "must be RFC 3339 in UTC with whole seconds")
	}
	return t
}

func (p *envelopeParser) sequence(name string) uint64 {
	s := p.take(name)
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || len(s) != 20 || n == 0 {
		p.fail(name, "must be 20 digits, from 1")
	}
	return n
}

func (p *envelopeParser) hash(name string) Hash {
	h, ok := ParseHash(p.take(name))
	if !ok {
		p.fail(name, "must be 64 lower-case hexadecimal digits")
	}
	return h
}

// end reports the first error, or an attribute that nobody took.
func (p *envelopeParser) end() error {
	for _, name := range slices.Sorted(maps.Keys(p.attrs)) {
		p.fail(name, "is not an attribute of an envelope")
	}
	return p.err
}
