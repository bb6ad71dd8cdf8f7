package schemas_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// The files of testdata/vectors are for every implementation; README.md there
// explains them. They are made by -update and otherwise only read. Sealing is
// randomised: a seal whose inputs did not change is kept as it is.
var update = flag.Bool("update", false, "make testdata/vectors again")

// outcome is the error that a vector ends in; nil means that it is accepted.
type outcome struct {
	Code  schemas.Code `json:"code"`
	Field string       `json:"field"`
}

func checkOutcome(t *testing.T, err error, want *outcome) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	refused(t, err, want.Code, want.Field)
}

func vectorPath(name string) string { return filepath.Join("testdata", "vectors", name) }

func readVectors[T any](t testing.TB, name string) T {
	t.Helper()
	var v T
	b, err := os.ReadFile(vectorPath(name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func writeVectors(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(vectorPath(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorPath(name), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ---- seals.json

type sealVectors struct {
	Suite   string       `json:"suite"`
	Private []byte       `json:"private"`
	Public  []byte       `json:"public"`
	KeyID   string       `json:"keyid"`
	Cases   []sealVector `json:"cases"`
}

type sealVector struct {
	Name      string   `json:"name"`
	Info      sealInfo `json:"info"`
	InfoBytes []byte   `json:"infobytes"`
	// Content is the JSON before padding, Bucket the size after it. Plain
	// stands instead of Content for plaintexts that no sender should make.
	Content string   `json:"content,omitempty"`
	Plain   []byte   `json:"plain,omitempty"`
	Bucket  int      `json:"bucket"`
	Sealed  []byte   `json:"sealed"`
	Error   *outcome `json:"error"`
}

type sealInfo struct {
	Network      schemas.NetworkID `json:"network"`
	ID           schemas.EventID   `json:"id"`
	Sender       schemas.AgencyID  `json:"sender"`
	Recipient    schemas.AgencyID  `json:"recipient"`
	Grant        schemas.GrantID   `json:"grant"`
	RecipientKey schemas.KeyID     `json:"recipientkey"`
}

func infoOf(id schemas.EventID, grant schemas.GrantID) sealInfo {
	return sealInfo{network, id, sender, recipient, grant, sealingKeyID()}
}

// framed is a plaintext: a length, content, zeros to size.
func framed(length uint32, content string, size int) []byte {
	plain := make([]byte, max(size, 4))
	binary.BigEndian.PutUint32(plain, length)
	copy(plain[4:], content)
	return plain[:size]
}

func makeSeals(t *testing.T) sealVectors {
	_, _, terms := testGrant()
	head := "valley/01JD6Z0000000000000000000E\n12\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="
	content := func(s schemas.Sealed) string { return string(mustValue(json.Marshal(s))) }
	client := content(schemas.Sealed{Terms: &terms, Event: testEvent(), Head: &head})
	charter := content(schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, []byte(`{"specversion":"1.0","id":"0193a8f0-0000-7000-8000-0000000000f2","source":"/agencies/riverside-treatment",`+
		`"type":"org.linkage.directory.capacity-reported.v1","time":"2026-11-21T09:00:00Z","datacontenttype":"application/json","data":{}}`), senderKey)})
	last := strings.Replace(charter, `"head":null`, `"head":"`+strings.Repeat("x", 2044-len(charter)+2)+`"`, 1)
	if len(last) != 2044 {
		t.Fatalf("%d bytes do not fill the bucket", len(last))
	}
	v := sealVectors{Suite: schemas.SealSuite, Private: mustValue(sealingKey.Bytes()), Public: sealingKey.PublicKey().Bytes(), KeyID: string(sealingKeyID())}
	id := func(n string) schemas.EventID { return schemas.EventID("0193a8f0-0000-7000-8000-00000000000" + n) }
	add := func(name string, info sealInfo, content string, plain []byte, err *outcome) {
		c := sealVector{Name: name, Info: info, InfoBytes: infoBytes(schemas.SealInfo(info)), Content: content, Error: err}
		if plain == nil {
			c.Bucket = 2048
			for c.Bucket < len(content)+4 {
				c.Bucket *= 2
			}
			plain = framed(uint32(len(content)), content, c.Bucket)
		} else {
			c.Plain, c.Bucket = plain, len(plain)
		}
		c.Sealed = hpkeSeal(schemas.SealInfo(info), plain)
		v.Cases = append(v.Cases, c)
	}
	bad := func(code schemas.Code, field string) *outcome { return &outcome{code, field} }
	add("client event with terms", infoOf(id("1"), grantID), client, nil, nil)
	add("second of the chain", infoOf(id("2"), grantID), client, nil, nil)
	add("charter event", infoOf(id("3"), schemas.CharterGrant), charter, nil, nil)
	add("content fills the bucket to the last byte", infoOf(id("4"), schemas.CharterGrant), last, nil, nil)
	add("one byte more takes the next bucket", infoOf(id("4"), schemas.CharterGrant), strings.Replace(last, "xx", "xxx", 1), nil, nil)
	malformed := schemas.CodeMalformed
	add("terms under the charter", infoOf(id("5"), schemas.CharterGrant), client, nil, bad(malformed, "terms"))
	add("no terms under a grant", infoOf(id("5"), grantID), charter, nil, bad(malformed, "terms"))
	add("content is no JSON", infoOf(id("5"), grantID), `{"terms":`, nil, bad(malformed, "json"))
	add("content names a field twice", infoOf(id("5"), grantID), `{"terms":null,"terms":null}`, nil, bad(malformed, "json"))
	add("padding that is not zero", infoOf(id("5"), schemas.CharterGrant), "", append(framed(uint32(len(charter)), charter, 2047), 1), bad(malformed, "padding"))
	add("a length beyond the bucket", infoOf(id("5"), schemas.CharterGrant), "", framed(2045, charter, 2048), bad(malformed, "padding"))
	add("a size that is no bucket", infoOf(id("5"), schemas.CharterGrant), "", framed(uint32(len(charter)), charter, 2560), bad(malformed, "padding"))
	add("a size below the smallest bucket", infoOf(id("5"), schemas.CharterGrant), "", framed(0, "", 1024), bad(malformed, "padding"))
	add("an empty plaintext", infoOf(id("5"), schemas.CharterGrant), "", []byte{}, bad(malformed, "padding"))

	// Keep the seals whose inputs are the same, then break some.
	if b, err := os.ReadFile(vectorPath("seals.json")); err == nil {
		var old sealVectors
		if err := json.Unmarshal(b, &old); err != nil {
			t.Fatal(err)
		}
		kept := map[string]sealVector{}
		for _, c := range old.Cases {
			kept[c.Name] = c
		}
		for i, c := range v.Cases {
			o, ok := kept[c.Name]
			if ok && bytes.Equal(o.InfoBytes, c.InfoBytes) && o.Content == c.Content && bytes.Equal(o.Plain, c.Plain) && bytes.Equal(old.Private, v.Private) {
				v.Cases[i].Sealed = o.Sealed
			}
		}
	}
	first := v.Cases[0]
	broken := func(name string, err *outcome, f func(c *sealVector)) {
		c := first
		c.Name, c.Error, c.Sealed = name, err, bytes.Clone(first.Sealed)
		f(&c)
		c.InfoBytes = infoBytes(schemas.SealInfo(c.Info))
		v.Cases = append(v.Cases, c)
	}
	cannot := bad(schemas.CodeCannotOpen, "data")
	broken("opened for another network", cannot, func(c *sealVector) { c.Info.Network = "mountain" })
	broken("opened for another envelope", cannot, func(c *sealVector) { c.Info.ID = id("9") })
	broken("opened for another sender", cannot, func(c *sealVector) { c.Info.Sender = "harbor-housing" })
	broken("opened for another recipient", cannot, func(c *sealVector) { c.Info.Recipient = "harbor-housing" })
	broken("opened for another grant", cannot, func(c *sealVector) { c.Info.Grant = otherGrant })
	broken("opened for another key id", cannot, func(c *sealVector) { c.Info.RecipientKey = schemas.KeyIDOf(nil) })
	broken("version 2", bad(schemas.CodeUnsupportedVersion, "data"), func(c *sealVector) { c.Sealed[0] = 2 })
	broken("no data", bad(schemas.CodeUnsupportedVersion, "data"), func(c *sealVector) { c.Sealed = []byte{} })
	broken("version alone", cannot, func(c *sealVector) { c.Sealed = c.Sealed[:1] })
	broken("cut in the encapsulated key", cannot, func(c *sealVector) { c.Sealed = c.Sealed[:600] })
	broken("cut by one byte", cannot, func(c *sealVector) { c.Sealed = c.Sealed[:len(c.Sealed)-1] })
	broken("one bit of the encapsulated key", cannot, func(c *sealVector) { c.Sealed[100] ^= 1 })
	broken("one bit of the ciphertext", cannot, func(c *sealVector) { c.Sealed[len(c.Sealed)-1] ^= 0x80 })
	return v
}

func TestSealVectors(t *testing.T) {
	if *update {
		writeVectors(t, "seals.json", makeSeals(t))
	}
	v := readVectors[sealVectors](t, "seals.json")
	key, err := schemas.ParseSealingKey(v.Private)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key.PublicKey().Bytes(), v.Public) || string(schemas.KeyIDOf(v.Public)) != v.KeyID || v.Suite != schemas.SealSuite {
		t.Error("the keys at the head of the file do not belong together")
	}
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			info := schemas.SealInfo(c.Info)
			if !bytes.Equal(infoBytes(info), c.InfoBytes) {
				t.Errorf("info: got %q, want %q", infoBytes(info), c.InfoBytes)
			}
			s, err := schemas.OpenSeal(key, info, c.Sealed)
			checkOutcome(t, err, c.Error)
			if c.Error != nil {
				return
			}
			if got := string(mustValue(json.Marshal(s))); got != c.Content {
				t.Errorf("opens to %s, want %s", got, c.Content)
			}
			if got, want := len(c.Sealed), 1+1153+c.Bucket+16; got != want {
				t.Errorf("got %d bytes, want %d: version, encapsulated key, bucket, tag", got, want)
			}
		})
	}
}

// ---- signatures.json

type signatureVectors struct {
	Seed   []byte            `json:"seed"`
	Public []byte            `json:"public"`
	KeyID  string            `json:"keyid"`
	Cases  []signatureVector `json:"cases"`
}

type signatureVector struct {
	Name string `json:"name"`
	// Expect is the payloadType that the reader expects.
	Expect schemas.RecordType `json:"expect"`
	Record json.RawMessage    `json:"record"`
	Hash   string             `json:"hash,omitempty"`
	Error  *outcome           `json:"error"`
}

var recordTypes = []schemas.RecordType{
	schemas.RecordGrant, schemas.RecordTerms, schemas.RecordRevocation, schemas.RecordRegister, schemas.RecordCard, schemas.RecordInvitation,
	schemas.RecordAdmission, schemas.RecordRoll, schemas.RecordEpoch, schemas.RecordReceipt, schemas.RecordEvent, schemas.RecordHello,
}

func makeSignatures() signatureVectors {
	v := signatureVectors{Seed: senderKey.Seed(), Public: public(senderKey), KeyID: string(schemas.KeyIDOf(public(senderKey)))}
	payload := []byte(`{"v":1, "network":"valley","text":"bytes are signed as they stand: \u20ac \/ <"}`)
	add := func(name string, expect schemas.RecordType, r schemas.SignedRecord, err *outcome) {
		c := signatureVector{Name: name, Expect: expect, Record: r.Encode(), Error: err}
		if err == nil {
			c.Hash = r.Hash().String()
		}
		v.Cases = append(v.Cases, c)
	}
	for _, kind := range recordTypes {
		add("valid "+string(kind), kind, schemas.SignBytes(kind, payload, senderKey), nil)
	}
	kind := schemas.RecordGrant
	good := func() schemas.SignedRecord { return schemas.SignBytes(kind, bytes.Clone(payload), senderKey) }
	change := func(f func(r *schemas.SignedRecord)) schemas.SignedRecord { r := good(); f(&r); return r }
	add("empty payload", kind, schemas.SignBytes(kind, []byte{}, senderKey), nil)
	add("one space less in the payload", kind, change(func(r *schemas.SignedRecord) { r.Payload = bytes.Replace(r.Payload, []byte(", "), []byte(","), 1) }), &outcome{schemas.CodeBadSignature, "signatures.sig"})
	add("one bit of the signature", kind, change(func(r *schemas.SignedRecord) { r.Signatures[0].Sig[0] ^= 1 }), &outcome{schemas.CodeBadSignature, "signatures.sig"})
	add("signature cut by one byte", kind, change(func(r *schemas.SignedRecord) { r.Signatures[0].Sig = r.Signatures[0].Sig[:63] }), &outcome{schemas.CodeBadSignature, "signatures.sig"})
	add("signed as another type", kind, schemas.SignBytes(schemas.RecordTerms, payload, senderKey), &outcome{schemas.CodeMalformed, "payloadType"})
	add("type exchanged after signing", kind, change(func(r *schemas.SignedRecord) {
		*r = schemas.SignBytes(schemas.RecordTerms, payload, senderKey)
		r.PayloadType = kind
	}), &outcome{schemas.CodeBadSignature, "signatures.sig"})
	add("two signatures", kind, change(func(r *schemas.SignedRecord) { r.Signatures = append(r.Signatures, r.Signatures[0]) }), &outcome{schemas.CodeMalformed, "signatures"})
	add("no signature", kind, change(func(r *schemas.SignedRecord) { r.Signatures = []schemas.Signature{} }), &outcome{schemas.CodeMalformed, "signatures"})
	add("signed by another key", kind, schemas.SignBytes(kind, payload, strangerKey), &outcome{schemas.CodeUnknownSigningKey, "signatures.keyid"})
	add("another key under this key's id", kind, change(func(r *schemas.SignedRecord) {
		r.Signatures[0].Sig = schemas.SignBytes(kind, payload, strangerKey).Signatures[0].Sig
	}), &outcome{schemas.CodeBadSignature, "signatures.sig"})
	raw := func(name, record string, err *outcome) {
		v.Cases = append(v.Cases, signatureVector{Name: name, Expect: kind, Record: json.RawMessage(record), Error: err})
	}
	text := string(schemas.SignBytes(kind, []byte("\xfb\xff\xfe"), senderKey).Encode())
	raw("unknown fields are allowed", strings.Replace(text, "{", `{"later":{"a":[1]},`, 1), nil)
	v.Cases[len(v.Cases)-1].Hash = schemas.HashOf([]byte("\xfb\xff\xfe")).String()
	raw("payload in url-safe base64", strings.Replace(text, `"+//+"`, `"-__-"`, 1), &outcome{schemas.CodeMalformed, "json"})
	raw("payload twice", strings.Replace(text, "{", `{"payload":"e30=",`, 1), &outcome{schemas.CodeMalformed, "json"})
	raw("payload twice, letter case aside", strings.Replace(text, "{", `{"Payload":"e30=",`, 1), &outcome{schemas.CodeMalformed, "json"})
	raw("sig twice, the other written with U+017F", strings.Replace(text, `"sig":`, `"\u017fig":"AAAA","sig":`, 1), &outcome{schemas.CodeMalformed, "json"})
	return v
}

func TestSignatureVectors(t *testing.T) {
	if *update {
		writeVectors(t, "signatures.json", makeSignatures())
	}
	v := readVectors[signatureVectors](t, "signatures.json")
	key := ed25519.NewKeyFromSeed(v.Seed)
	if !bytes.Equal(public(key), v.Public) || string(schemas.KeyIDOf(v.Public)) != v.KeyID {
		t.Error("the keys at the head of the file do not belong together")
	}
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			r, err := schemas.ParseRecord(c.Record)
			if err == nil {
				err = r.Verify(c.Expect, v.Public)
			}
			checkOutcome(t, err, c.Error)
			if c.Error != nil {
				return
			}
			if r.Hash().String() != c.Hash {
				t.Errorf("hash: got %s, want %s", r.Hash(), c.Hash)
			}
			if again := schemas.SignBytes(c.Expect, r.Payload, key); !reflect.DeepEqual(again, r) {
				t.Error("signing the payload again gives another signature")
			}
		})
	}
}

// ---- envelopes.json

type envelopeVectors struct {
	Seed   []byte           `json:"seed"`
	Public []byte           `json:"public"`
	KeyID  string           `json:"keyid"`
	Cases  []envelopeVector `json:"cases"`
}

type envelopeVector struct {
	Name    string              `json:"name"`
	Headers map[string][]string `json:"headers"`
	Data    []byte              `json:"data"`
	Hash    string              `json:"hash,omitempty"`
	// Parse is the error of reading the message, Verify that of checking its
	// signature with the key at the head of the file.
	Parse  *outcome `json:"parse"`
	Verify *outcome `json:"verify"`
}

func makeEnvelopes() envelopeVectors {
	v := envelopeVectors{Seed: senderKey.Seed(), Public: public(senderKey), KeyID: string(schemas.KeyIDOf(public(senderKey)))}
	add := func(name string, h map[string][]string, data []byte, parse, verify *outcome) {
		c := envelopeVector{Name: name, Headers: h, Data: data, Parse: parse, Verify: verify}
		if parse == nil {
			c.Hash = mustValue(schemas.ParseEnvelope(h, data)).Hash().String()
		}
		v.Cases = append(v.Cases, c)
	}
	e := testEnvelope()
	add("valid", e.Header(), e.Data, nil, nil)
	plain := e
	plain.Expiry = time.Time{}
	plain = plain.Signed(senderKey)
	add("valid without expirytime", plain.Header(), plain.Data, nil, nil)
	charter := plain
	charter.Grant, charter.Sequence, charter.Previous = schemas.CharterGrant, 1<<64-1, schemas.HashOf(nil)
	charter = charter.Signed(senderKey)
	add("valid under the charter, the last sequence of all", charter.Header(), charter.Data, nil, nil)
	with := func(name string, f func(h map[string][]string), parse, verify *outcome) {
		h := e.Header()
		f(h)
		add(name, h, e.Data, parse, verify)
	}
	set := func(name, value string) func(map[string][]string) {
		return func(h map[string][]string) { h["ce-"+name] = []string{value} }
	}
	with("names in another case", func(h map[string][]string) { h["Ce-Id"] = h["ce-id"]; delete(h, "ce-id") }, nil, nil)
	with("values encoded without need, in quotes", func(h map[string][]string) {
		h["ce-source"] = []string{"%2fagencies/riverside%2Dtreatment"}
		h["ce-chain"] = []string{`"` + string(chainID) + `"`}
	}, nil, nil)
	with("other headers do not matter", func(h map[string][]string) { h["Nats-Msg-Id"] = []string{"a", "b"} }, nil, nil)

	for _, name := range slices.Sorted(maps.Keys(e.Header())) {
		code := schemas.CodeMalformed
		if name == "ce-specversion" || name == "ce-type" {
			code = schemas.CodeUnsupportedVersion
		}
		if name != "ce-expirytime" {
			with("without "+name, func(h map[string][]string) { delete(h, name) }, &outcome{code, name}, nil)
		}
		with("twice "+name, func(h map[string][]string) { h[name] = append(h[name], h[name][0]) }, &outcome{schemas.CodeMalformed, name}, nil)
	}
	with("expirytime is signed but absent", func(h map[string][]string) { delete(h, "ce-expirytime") }, &outcome{schemas.CodeMalformed, "ce-dssematerial"}, nil)
	with("twice in another case", func(h map[string][]string) { h["CE-Grant"] = h["ce-grant"] }, &outcome{schemas.CodeMalformed, "ce-grant"}, nil)
	with("a subject", set("subject", "x"), &outcome{schemas.CodeMalformed, "ce-subject"}, nil)
	with("a dataschema", set("dataschema", "urn:x"), &outcome{schemas.CodeMalformed, "ce-dataschema"}, nil)
	with("a further attribute", set("traceparent", "00"), &outcome{schemas.CodeMalformed, "ce-traceparent"}, nil)
	with("a further attribute without a name", set("", "x"), &outcome{schemas.CodeMalformed, "ce-"}, nil)
	bad := map[string][]string{
		"id":              {"0193A8F0-0000-7000-8000-000000000001", "urn:uuid:" + string(envelopeOne), "0193a8f0-0000-4000-8000-000000000001", "x"},
		"source":          {"riverside-treatment", "/agencies/", "/agencies/Riverside", "/agencies/riverside-treatment/x"},
		"time":            {"2026-11-21T12:00:00.5Z", "2026-11-21T12:00:00+00:00", "2026-11-21 12:00:00Z", "2026-11-21T9:00:00Z", "2026-11-21"},
		"expirytime":      {"2026-11-28T12:00:00.0Z", "2026-11-28"},
		"datacontenttype": {"application/json", schemas.SealedType + "; v=1"},
		"recipient":       {"County-Probation", "-x", "x", "county_probation"},
		"grant":           {"Charter", "0123456789ABCDEFGHJKMNPQR", "0123456789abcdefghjkmnpqrr", "0123456789ABCDEFGHJKMNPQRU"},
		"recipientkey":    {"AAAA", "AAAAAAAAAAAAAAAAAAAAA="},
		"chain":           {"01jd6z0000000000000000000a", "81JD6Z0000000000000000000A", "01JD6Z"},
		"sequence":        {"1", "00000000000000000000", "0000000000000000000a", "+0000000000000000001", "99999999999999999999", "000000000000000000001"},
		"previous":        {"0", strings.Repeat("0", 63) + "A", strings.Repeat("g", 64)},
		"dssematerial":    {"", "%%%", "e30=", "%0A" + e.Material, base64.URLEncoding.EncodeToString([]byte("\xfb\xff\xfe"))},
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		for _, value := range bad[name] {
			with(name+" "+short(value), set(name, value), &outcome{schemas.CodeMalformed, "ce-" + name}, nil)
		}
	}
	with("specversion 0.3", set("specversion", "0.3"), &outcome{schemas.CodeUnsupportedVersion, "ce-specversion"}, nil)
	with("type of version 2", set("type", "org.linkage.envelope.v2"), &outcome{schemas.CodeUnsupportedVersion, "ce-type"}, nil)
	add("data of seal version 2", e.Header(), []byte("\x02"), &outcome{schemas.CodeUnsupportedVersion, "data"}, nil)
	add("no data", e.Header(), []byte{}, &outcome{schemas.CodeUnsupportedVersion, "data"}, nil)

	signature := &outcome{schemas.CodeBadSignature, "ce-dssematerial"}
	with("another id", set("id", "0193a8f0-0000-7000-8000-000000000002"), nil, signature)
	with("another sender", set("source", "/agencies/county-jail"), nil, signature)
	with("another time", set("time", "2026-11-21T12:00:01Z"), nil, signature)
	with("another recipient", set("recipient", "harbor-housing"), nil, signature)
	with("another grant", set("grant", string(otherGrant)), nil, signature)
	with("another recipient key", set("recipientkey", string(schemas.KeyIDOf(nil))), nil, signature)
	with("another chain", set("chain", "01JD6Z0000000000000000000B"), nil, signature)
	with("another sequence", set("sequence", "00000000000000000002"), nil, signature)
	with("another previous", set("previous", schemas.HashOf(nil).String()), nil, signature)
	with("another expirytime", set("expirytime", "2026-11-29T12:00:00Z"), nil, signature)
	add("other data", e.Header(), append(bytes.Clone(e.Data), 0), nil, signature)
	foreign := e.Signed(strangerKey)
	add("signed by another key", foreign.Header(), e.Data, nil, &outcome{schemas.CodeUnknownSigningKey, "signatures.keyid"})
	return v
}

func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

func TestEnvelopeVectors(t *testing.T) {
	if *update {
		writeVectors(t, "envelopes.json", makeEnvelopes())
	}
	v := readVectors[envelopeVectors](t, "envelopes.json")
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			e, err := schemas.ParseEnvelope(c.Headers, c.Data)
			checkOutcome(t, err, c.Parse)
			if c.Parse != nil {
				return
			}
			if got := e.Hash().String(); got != c.Hash {
				t.Errorf("hash: got %s, want %s", got, c.Hash)
			}
			checkOutcome(t, e.Verify(v.Public), c.Verify)
			if c.Verify == nil {
				again := e.Signed(ed25519.NewKeyFromSeed(v.Seed))
				if again.Material != e.Material || e.SigningKey() != schemas.KeyID(v.KeyID) {
					t.Error("signing it again gives another dssematerial")
				}
			}
		})
	}
}

// ---- chain.json

type chainVectors struct {
	Public []byte `json:"public"`
	// Seals names the case of seals.json that each envelope's data is.
	Seals     []string        `json:"seals"`
	Envelopes []chainEnvelope `json:"envelopes"`
	Outline   schemas.Outline `json:"outline"` // of the second
}

type chainEnvelope struct {
	Headers map[string][]string `json:"headers"`
	Hash    string              `json:"hash"`
}

func makeChain(seals sealVectors) chainVectors {
	v := chainVectors{Public: public(senderKey), Seals: []string{"client event with terms", "second of the chain", "charter event"}}
	var previous schemas.Hash
	for i, name := range v.Seals {
		s := sealNamed(seals, name)
		e := schemas.Envelope{
			ID: s.Info.ID, Sender: s.Info.Sender, Time: noon.Add(time.Duration(i) * time.Minute), Recipient: s.Info.Recipient,
			Grant: s.Info.Grant, RecipientKey: s.Info.RecipientKey, Chain: chainID, Sequence: uint64(i + 1), Previous: previous, Data: s.Sealed,
		}.Signed(senderKey)
		previous = e.Hash()
		v.Envelopes = append(v.Envelopes, chainEnvelope{e.Header(), previous.String()})
		if i == 1 {
			v.Outline = e.Outline()
		}
	}
	return v
}

func sealNamed(v sealVectors, name string) sealVector {
	for _, c := range v.Cases {
		if c.Name == name {
			return c
		}
	}
	panic("no seal is named " + name)
}

// TestChainVectors reads three envelopes as their recipient does: in order, each
// signed, opened and its event verified; then closes the chain over the second
// when it was withdrawn.
func TestChainVectors(t *testing.T) {
	seals := readVectors[sealVectors](t, "seals.json")
	if *update {
		writeVectors(t, "chain.json", makeChain(seals))
	}
	v := readVectors[chainVectors](t, "chain.json")
	key := mustValue(schemas.ParseSealingKey(seals.Private))
	var previous schemas.Hash
	for i, c := range v.Envelopes {
		data := sealNamed(seals, v.Seals[i]).Sealed
		e, err := schemas.ParseEnvelope(c.Headers, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Verify(v.Public); err != nil {
			t.Fatal(err)
		}
		if e.Sequence != uint64(i+1) || e.Previous != previous {
			t.Errorf("envelope %d has sequence %d and previous %s, want %s", i+1, e.Sequence, e.Previous, previous)
		}
		previous = e.Hash()
		if previous.String() != c.Hash {
			t.Errorf("hash %d: got %s, want %s", i+1, previous, c.Hash)
		}
		s, err := schemas.OpenSeal(key, e.SealInfo(network), data)
		if err != nil {
			t.Fatal(err)
		}
		inner, err := schemas.ReadEvent(s.Event, v.Public)
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas.CheckInner(inner, e.Sender, e.Time); err != nil {
			t.Error(err)
		}
		if s.Terms != nil {
			if _, err := schemas.ReadRecord[schemas.Terms](*s.Terms, schemas.RecordTerms, v.Public); err != nil {
				t.Error(err)
			}
		}
	}
	if err := v.Outline.Verify(v.Public); err != nil {
		t.Errorf("outline: %v", err)
	}
	if got, want := v.Outline.Hash().String(), v.Envelopes[1].Hash; got != want {
		t.Errorf("hash of the outline: got %s, want %s", got, want)
	}
}
