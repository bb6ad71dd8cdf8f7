package schemas_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/linkage-exchange/linkage/schemas"
)

// ---- records.json

type recordVectors struct {
	Cases []recordVector `json:"cases"`
}

type recordVector struct {
	Name string             `json:"name"`
	Type schemas.RecordType `json:"type"`
	// Payload is the exact text that would be signed.
	Payload string   `json:"payload"`
	Hash    string   `json:"hash"`
	Error   *outcome `json:"error"`
}

// peeks reads a payload of each type and returns it as it would be written
// again.
var peeks = map[schemas.RecordType]func(schemas.SignedRecord) (any, error){
	schemas.RecordGrant:      peek[schemas.Grant](schemas.RecordGrant),
	schemas.RecordTerms:      peek[schemas.Terms](schemas.RecordTerms),
	schemas.RecordRevocation: peek[schemas.Revocation](schemas.RecordRevocation),
	schemas.RecordRegister:   peek[schemas.Register](schemas.RecordRegister),
	schemas.RecordCard:       peek[schemas.Card](schemas.RecordCard),
	schemas.RecordInvitation: peek[schemas.Invitation](schemas.RecordInvitation),
	schemas.RecordAdmission:  peek[schemas.Admission](schemas.RecordAdmission),
	schemas.RecordRoll:       peek[schemas.Roll](schemas.RecordRoll),
	schemas.RecordEpoch:      peek[schemas.Epoch](schemas.RecordEpoch),
	schemas.RecordReceipt:    peek[schemas.Receipt](schemas.RecordReceipt),
	schemas.RecordHello:      peek[schemas.Hello](schemas.RecordHello),
}

func peek[T interface{ Validate() error }](kind schemas.RecordType) func(schemas.SignedRecord) (any, error) {
	return func(r schemas.SignedRecord) (any, error) {
		v, err := schemas.PeekRecord[T](r, kind)
		return v, err
	}
}

// validRecords is one of each type.
func validRecords() map[schemas.RecordType]any {
	g, _, _ := testGrant()
	at := schemas.At(noon)
	first := sign(schemas.RecordCard, testCard(), senderKey)
	inviteKey := schemas.InvitationKey([]byte("twenty secret bytes!"), sender)
	successor, head := otherGrant, "valley/01JD6Z0000000000000000000E 12"
	return map[schemas.RecordType]any{
		schemas.RecordGrant:      g,
		schemas.RecordTerms:      testTerms(),
		schemas.RecordRevocation: schemas.Revocation{V: 1, Network: network, Grant: grantID, At: at, Successor: &successor, By: sender},
		schemas.RecordRegister:   schemas.Register{V: 1, Network: network, Discloser: sender, Number: 3, Live: []schemas.GrantID{grantID}, Ended: []schemas.GrantID{otherGrant}},
		schemas.RecordCard:       testCard(),
		schemas.RecordInvitation: schemas.Invitation{V: 1, Network: network, Agency: sender, Account: "ACCOUNT", Key: public(inviteKey), Expires: at},
		schemas.RecordAdmission:  schemas.Admission{V: 1, Network: network, Agency: sender, Card: first.Hash(), User: "USER", At: at},
		schemas.RecordRoll: schemas.Roll{V: 1, Network: network, Setup: "formal-consortium", Number: 2, At: at, Members: []schemas.RollMember{
			{Agency: sender, Account: "ACCOUNT", Status: schemas.MemberActive, Invitation: schemas.KeyIDOf(public(inviteKey))},
		}},
		schemas.RecordEpoch: schemas.Epoch{V: 1, Network: network, Epoch: "01JD6Z0000000000000000000E", Reason: "founded", Time: at},
		schemas.RecordReceipt: schemas.Receipt{V: 1, Network: network, From: recipient, To: sender, At: at, Head: &head, Items: []schemas.ReceiptItem{
			{Envelope: envelopeOne, Chain: chainID, Sequence: 1, Hash: testEnvelope().Hash(), Kind: schemas.ReceiptStored},
		}},
		schemas.RecordHello: schemas.Hello{V: 1, Network: network, Nonce: "bm9uY2U", Key: public(brokerKey), Time: at, TLS: schemas.HashOf([]byte("certificate"))},
	}
}

// brokenRules changes one field of a valid record, by its path, so that one
// rule is broken. A path ends in the field that the error names unless another
// is given after a space.
var brokenRules = map[schemas.RecordType][]struct {
	path  string
	value any
}{
	schemas.RecordGrant: {
		{"network", "Valley"},
		{"id", "charter"},
		{"id", "0123"},
		{"discloser", ""},
		{"recipient", "x"},
		{"recipient", "riverside-treatment"},
		{"notbefore notafter", "2026-12-12"},
		{"notbefore notafter", "0001-01-01"},
		{"notbefore time", "2026-11-11T00:00:00.5Z"},
		{"notafter time", "2026-02-30"},
		{"notafter", nil},
		{"commit hash", "00"},
		{"commit", strings.Repeat("0", 64)},
		{"lock", nil},
	},
	schemas.RecordTerms: {
		{"client", ""},
		{"client", strings.Repeat("h", 65)},
		{"cells", []any{}},
		{"cells[0].category", "charter"},
		{"cells[0].purpose", "curiosity"},
		{"basis", "hearsay"},
		{"nonce", "AAAA"},
		{"nonce", nil},
		{"notafter", "2026-01-01"},
		{"id", nil},
		{"cells[0].category", "Referral"},
	},
	schemas.RecordRevocation: {
		{"network", nil},
		{"grant", "charter"},
		{"grant", "x"},
		{"at time", "2026-11-21"},
		{"at", nil},
		{"by", "x"},
		{"key", ""},
		{"key", "AAAA"},
		{"successor", "charter"},
		{"successor", string(grantID)},
		{"successor", ""},
	},
	schemas.RecordRegister: {
		{"network", "x"},
		{"discloser", "x"},
		{"number", 0},
		{"live", []any{"charter"}},
		{"ended", []any{"x"}},
		{"ended", []any{string(grantID)}},
		{"live", []any{string(grantID), string(grantID)}},
		{"number", -1},
		{"number", "3"},
		{"number", 1.5},
	},
	schemas.RecordCard: {
		{"network", "x"},
		{"agency", "x"},
		{"number", 0},
		{"names.display", strings.Repeat("n", 201)},
		{"signing", []any{}},
		{"sealing", nil},
		{"signing[0].key", "AAAA"},
		{"sealing[0].suite", "X25519"},
		{"sealing[0].key", "AAAA"},
		{"sealing[0].from time", "today"},
		{"signing[0].to", "2027-01-01T00:00:00Z"},
		{"sealing[0].to", "2027-01-01T00:00:00Z"},
		{"signing[0].compromised", "2026-11-01T00:00:00Z"},
	},
	schemas.RecordInvitation: {
		{"network", "x"}, {"agency", "x"}, {"account", ""}, {"account", strings.Repeat("A", 65)}, {"key", "AAAA"}, {"expires", nil},
	},
	schemas.RecordAdmission: {
		{"network", "x"}, {"agency", "x"}, {"user", ""}, {"user", strings.Repeat("U", 65)}, {"card hash", strings.Repeat("A", 64)},
	},
	schemas.RecordRoll: {
		{"network", "x"},
		{"number", 0},
		{"setup", "club"},
		{"members[0].agency", "x"},
		{"members[0].status", "asleep"},
		{"members[0].account members[0]", ""},
		{"members[0].invitation members[0]", "x"},
	},
	schemas.RecordEpoch: {
		{"network", "x"}, {"epoch", "x"}, {"reason", "boredom"}, {"time", nil}, {"previous", "01JD6Z0000000000000000000D"},
	},
	schemas.RecordReceipt: {
		{"network", "x"},
		{"from", "x"},
		{"to", "x"},
		{"items", []any{}},
		{"items[0].envelope", "x"},
		{"items[0].chain", "x"},
		{"items[0].sequence", 0},
		{"items[0].kind", "read"},
		{"items[0].code", "unknown-key"},
		{"items[0].kind items[0].code", "refused"},
		{"items[0].hash hash", "x"},
	},
	schemas.RecordHello: {{"network", "x"}, {"key", "AAAA"}, {"tls hash", "x"}},
}

// setPath sets m's field at a path such as members[0].agency; nil removes it.
func setPath(m map[string]any, path string, v any) {
	head, rest, nested := strings.Cut(path, ".")
	if name, isList := strings.CutSuffix(head, "[0]"); isList {
		setPath(m[name].([]any)[0].(map[string]any), rest, v)
		return
	}
	switch {
	case nested:
		setPath(m[head].(map[string]any), rest, v)
	case v == nil:
		delete(m, head)
	default:
		m[head] = v
	}
}

func makeRecords() recordVectors {
	var v recordVectors
	add := func(name string, kind schemas.RecordType, payload []byte, err *outcome) {
		v.Cases = append(v.Cases, recordVector{name, kind, string(payload), schemas.HashOf(payload).String(), err})
	}
	valid := validRecords()
	for _, kind := range recordTypes {
		record, ok := valid[kind]
		if !ok {
			continue // an event; its examples are in testdata/events
		}
		noun := strings.TrimSuffix(strings.TrimPrefix(string(kind), "application/vnd.linkage."), ".v1+json")
		add(noun+": valid", kind, mustValue(json.Marshal(record)), nil)
		add(noun+": unknown fields are allowed", kind, change(record, func(m map[string]any) { m["later"] = map[string]any{"a": 1} }), nil)
		add(noun+": version 2", kind, change(record, func(m map[string]any) { m["v"] = 2 }), &outcome{schemas.CodeUnsupportedVersion, "v"})
		add(noun+": no version", kind, change(record, func(m map[string]any) { delete(m, "v") }), &outcome{schemas.CodeUnsupportedVersion, "v"})
		add(noun+": a field twice", kind, append([]byte(`{"v":1,`), mustValue(json.Marshal(record))[1:]...), &outcome{schemas.CodeMalformed, "json"})
		for _, rule := range brokenRules[kind] {
			path, field, other := strings.Cut(rule.path, " ")
			if !other {
				field = path
			}
			payload := change(record, func(m map[string]any) { setPath(m, path, rule.value) })
			what := short(fmt.Sprintf("%q", rule.value))
			if rule.value == nil {
				what = "absent"
			}
			if n, ok := rule.value.(int); ok {
				what = fmt.Sprint(n)
			}
			add(noun+": "+path+" "+what, kind, payload, &outcome{schemas.CodeMalformed, field})
		}
	}
	lock := schemas.Revocation{V: 1, Network: network, Grant: grantID, At: schemas.At(noon), Key: schemas.LockKey([]byte("the consent's secret"), grantID), By: recipient}
	add("revocation: by the lock's key", schemas.RecordRevocation, mustValue(json.Marshal(lock)), nil)
	hours := change(testTerms(), func(m map[string]any) {
		m["notbefore"], m["notafter"] = "2026-11-21T09:30:00Z", "2026-11-21T21:30:00Z"
		m["basis"], m["consent"] = "medical-emergency", nil
	})
	add("terms: hours of an emergency", schemas.RecordTerms, hours, nil)
	refusedItem := change(validRecords()[schemas.RecordReceipt], func(m map[string]any) {
		setPath(m, "items[0].kind", "refused")
		setPath(m, "items[0].code", "a-code-of-a-later-version")
	})
	add("receipt: refused, with a code that this version does not know", schemas.RecordReceipt, refusedItem, nil)
	add("receipt: a code that is a sentence", schemas.RecordReceipt, bytes.Replace(refusedItem, []byte("a-code-of-a-later-version"), []byte("The client moved."), 1), &outcome{schemas.CodeMalformed, "items[0].code"})
	again := change(valid[schemas.RecordEpoch], func(m map[string]any) { m["reason"], m["previous"] = "wiped", "01JD6Z0000000000000000000D" })
	add("epoch: after a loss", schemas.RecordEpoch, again, nil)
	add("epoch: that follows itself", schemas.RecordEpoch, bytes.Replace(again, []byte("000D"), []byte("000E"), 1), &outcome{schemas.CodeMalformed, "previous"})
	twice := change(valid[schemas.RecordRoll], func(m map[string]any) { m["members"] = append(m["members"].([]any), m["members"].([]any)[0]) })
	add("roll: an agency twice", schemas.RecordRoll, twice, &outcome{schemas.CodeMalformed, "members[1].agency"})
	return v
}

func TestRecordVectors(t *testing.T) {
	if *update {
		writeVectors(t, "records.json", makeRecords())
	}
	v := readVectors[recordVectors](t, "records.json")
	seen := map[schemas.RecordType]bool{}
	for _, c := range v.Cases {
		seen[c.Type] = true
		t.Run(c.Name, func(t *testing.T) {
			r := schemas.SignedRecord{PayloadType: c.Type, Payload: []byte(c.Payload)}
			if got := r.Hash().String(); got != c.Hash {
				t.Errorf("hash: got %s, want %s", got, c.Hash)
			}
			read, err := peeks[c.Type](r)
			checkOutcome(t, err, c.Error)
			if c.Error == nil {
				again := schemas.SignedRecord{PayloadType: c.Type, Payload: mustValue(json.Marshal(read))}
				if back, err := peeks[c.Type](again); err != nil || string(mustValue(json.Marshal(back))) != string(again.Payload) {
					t.Errorf("written again it reads as %+v, %v, want %+v", back, err, read)
				}
			}
			other := recordTypes[0]
			if c.Type == other {
				other = recordTypes[1]
			}
			_, err = peeks[c.Type](schemas.SignedRecord{PayloadType: other, Payload: r.Payload})
			refused(t, err, schemas.CodeMalformed, "payloadType")
		})
	}
	if len(seen) != len(peeks) {
		t.Errorf("%d of %d types have vectors", len(seen), len(peeks))
	}
}

// ---- derivations.json

type derivationVectors struct {
	LockKeys []struct {
		Secret []byte          `json:"secret"`
		Grant  schemas.GrantID `json:"grant"`
		Key    []byte          `json:"key"`
		Lock   string          `json:"lock"`
	} `json:"lockkeys"`
	InvitationKeys []struct {
		Secret []byte           `json:"secret"`
		Agency schemas.AgencyID `json:"agency"`
		Seed   []byte           `json:"seed"`
		Public []byte           `json:"public"`
		KeyID  schemas.KeyID    `json:"keyid"`
	} `json:"invitationkeys"`
	KeyIDs []struct {
		Public      []byte        `json:"public"`
		KeyID       schemas.KeyID `json:"keyid"`
		Fingerprint string        `json:"fingerprint"`
	} `json:"keyids"`
}

func makeDerivations() any {
	type object = map[string]any
	var locks, invitations, ids []object
	for _, secret := range []string{"the consent's secret", "another", ""} {
		for _, id := range []schemas.GrantID{grantID, otherGrant} {
			key := schemas.LockKey([]byte(secret), id)
			locks = append(locks, object{"secret": []byte(secret), "grant": id, "key": key, "lock": schemas.HashOf(key).String()})
		}
	}
	for _, agency := range []schemas.AgencyID{sender, recipient} {
		key := schemas.InvitationKey([]byte("twenty secret bytes!"), agency)
		invitations = append(invitations, object{"secret": []byte("twenty secret bytes!"), "agency": agency, "seed": key.Seed(), "public": []byte(public(key)), "keyid": schemas.KeyIDOf(public(key))})
	}
	for _, key := range [][]byte{public(senderKey), sealingKey.PublicKey().Bytes()} {
		ids = append(ids, object{"public": key, "keyid": schemas.KeyIDOf(key), "fingerprint": schemas.KeyIDOf(key).Fingerprint()})
	}
	return object{"lockkeys": locks, "invitationkeys": invitations, "keyids": ids}
}

func TestDerivationVectors(t *testing.T) {
	if *update {
		writeVectors(t, "derivations.json", makeDerivations())
	}
	v := readVectors[derivationVectors](t, "derivations.json")
	for _, c := range v.LockKeys {
		if got := schemas.LockKey(c.Secret, c.Grant); !bytes.Equal(got, c.Key) || schemas.HashOf(got).String() != c.Lock {
			t.Errorf("lock key of %s: got %x, want %x", c.Grant, got, c.Key)
		}
	}
	for _, c := range v.InvitationKeys {
		got := schemas.InvitationKey(c.Secret, c.Agency)
		if !bytes.Equal(got.Seed(), c.Seed) || !bytes.Equal(public(got), c.Public) || schemas.KeyIDOf(public(got)) != c.KeyID {
			t.Errorf("invitation key of %s: got seed %x, want %x", c.Agency, got.Seed(), c.Seed)
		}
	}
	for _, c := range v.KeyIDs {
		if got := schemas.KeyIDOf(c.Public); got != c.KeyID || got.Fingerprint() != c.Fingerprint || !got.Valid() {
			t.Errorf("got %s (%s), want %s (%s)", got, got.Fingerprint(), c.KeyID, c.Fingerprint)
		}
	}
	if len(v.LockKeys)*len(v.InvitationKeys)*len(v.KeyIDs) == 0 {
		t.Error("the file lacks vectors")
	}
}

// ---- codes.json

type codeVectors struct {
	Cases []codeVector `json:"cases"`
}

type codeVector struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	JSON  string `json:"json,omitempty"`
	Error string `json:"error,omitempty"` // the code of the error
}

func testCode() schemas.InvitationCode {
	return schemas.InvitationCode{
		Network: network, Agency: sender, URL: "https://broker.valley.example", Broker: schemas.KeyIDOf(public(brokerKey)),
		Admission: schemas.KeyIDOf(public(admissionKey)), Secret: []byte("twenty secret bytes!"), Expires: noon.Unix(),
	}
}

// codeText makes a code of any JSON, as docs/protocol.md has it.
func codeText(b []byte) string {
	return fmt.Sprintf("linkage1.%s.%08x", base64.RawURLEncoding.EncodeToString(b), crc32.ChecksumIEEE(b))
}

func makeCodes() codeVectors {
	var v codeVectors
	text, js := testCode().String(), string(mustValue(json.Marshal(testCode())))
	good := func(name, text string) { v.Cases = append(v.Cases, codeVector{Name: name, Text: text, JSON: js}) }
	bad := func(name, text string) {
		v.Cases = append(v.Cases, codeVector{Name: name, Text: text, Error: string(schemas.CodeMalformed)})
	}
	good("on one line", text)
	good("broken into lines by a mail program", "  "+text[:40]+"\r\n"+text[40:80]+"\n\t "+text[80:]+"\n")
	roots := testCode()
	roots.Roots = true
	v.Cases = append(v.Cases, codeVector{Name: "broker with a certificate of an authority", Text: roots.String(), JSON: string(mustValue(json.Marshal(roots)))})
	bad("empty", "")
	bad("another prefix", strings.Replace(text, "linkage1", "linkage2", 1))
	bad("the end is missing", text[:len(text)-4])
	bad("the checksum is missing", text[:strings.LastIndexByte(text, '.')])
	bad("the middle is missing", text[:40]+text[60:])
	bad("two characters exchanged", text[:20]+string(text[21])+string(text[20])+text[22:])
	bad("checksum in upper case", text[:len(text)-8]+strings.ToUpper(text[len(text)-8:]))
	bad("base64 with padding", strings.Replace(text, text[strings.LastIndexByte(text, '.'):], "="+text[strings.LastIndexByte(text, '.'):], 1))
	for _, field := range []string{"n", "a", "u", "b", "m", "s"} {
		bad("without "+field, codeText(change(testCode(), func(m map[string]any) { delete(m, field) })))
	}
	bad("address without TLS", codeText(change(testCode(), func(m map[string]any) { m["u"] = "http://broker.valley.example" })))
	bad("secret of 15 bytes", codeText(change(testCode(), func(m map[string]any) { m["s"] = make([]byte, 15) })))
	bad("no object", codeText([]byte("[]")))
	bad("longer than any code", codeText(append([]byte(js), bytes.Repeat([]byte(" "), 4000)...)))
	return v
}

func TestCodeVectors(t *testing.T) {
	if *update {
		writeVectors(t, "codes.json", makeCodes())
	}
	for _, c := range readVectors[codeVectors](t, "codes.json").Cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := schemas.ParseCode(c.Text)
			if c.Error != "" {
				refused(t, err, schemas.Code(c.Error), "code")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if js := string(mustValue(json.Marshal(got))); js != c.JSON {
				t.Errorf("got %s, want %s", js, c.JSON)
			}
			if got.String() != strings.Join(strings.Fields(c.Text), "") {
				t.Error("written again it is another text")
			}
		})
	}
}
