package schemas_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/linkage-exchange/linkage/schemas"
)

// The parties of every test: fixed keys, so that a failure can be repeated and
// the published vectors can be made again.
const (
	network   schemas.NetworkID = "valley"
	sender    schemas.AgencyID  = "riverside-treatment"
	recipient schemas.AgencyID  = "county-probation"

	grantID     schemas.GrantID = "0123456789ABCDEFGHJKMNPQRR"
	otherGrant  schemas.GrantID = "ZZZZZZZZZZZZZZZZZZZZZZZZZW"
	chainID     schemas.ULID    = "01JD6Z0000000000000000000A"
	client      schemas.Handle  = "h-0123456789abcdefghjkmnpqrr"
	envelopeOne schemas.EventID = "0193a8f0-0000-7000-8000-000000000001"
	innerOne    schemas.EventID = "0193a8f0-0000-7000-8000-0000000000f1"

	// marker is a value that no error may repeat.
	marker = "Jane-Roe-1990"
)

var (
	senderKey    = seedKey(1)
	admissionKey = seedKey(3)
	brokerKey    = seedKey(4)
	strangerKey  = seedKey(5)

	sealingKey = mustValue(schemas.ParseSealingKey(bytes.Repeat([]byte{7}, 32)))

	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

func seedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func mustValue[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func sealingKeyID() schemas.KeyID { return schemas.KeyIDOf(sealingKey.PublicKey().Bytes()) }

func testTerms() schemas.Terms {
	consent := "con-2026-0042"
	return schemas.Terms{
		V: 1, Network: network, ID: grantID, Discloser: sender, Recipient: recipient,
		NotBefore: schemas.OnDay(schemas.DateOf(noon.AddDate(0, 0, -10))), NotAfter: schemas.OnDay(schemas.DateOf(noon.AddDate(0, 0, 20))),
		Client: client,
		Cells: []schemas.Cell{
			{Category: schemas.CategoryReferral, Purpose: schemas.PurposeCareCoordination},
			{Category: schemas.CategoryAttendance, Purpose: schemas.PurposeJusticeMonitoring},
			{Category: schemas.CategoryReferral, Purpose: schemas.PurposeTreatment},
		},
		Basis: schemas.BasisConsent, Consent: &consent, Nonce: []byte("0123456789abcdef"),
	}
}

// testGrant is the public part of testTerms and both as signed records.
func testGrant() (g schemas.Grant, grant, terms schemas.SignedRecord) {
	grant, terms, err := schemas.Issue(testTerms(), schemas.LockKey([]byte("the consent's secret"), grantID), senderKey)
	if err != nil {
		panic(err)
	}
	return mustValue(schemas.ReadRecord[schemas.Grant](grant, schemas.RecordGrant, public(senderKey))), grant, terms
}

// testEvent is an inner event as the sender signs it.
func testEvent() schemas.SignedRecord {
	return schemas.SignBytes(schemas.RecordEvent, []byte(`{"specversion":"1.0","id":"`+string(innerOne)+`","source":"`+sender.Source()+
		`","type":"org.linkage.referral.started.v1","subject":"ref-2026-0117","time":"2026-11-21T09:00:00Z","datacontenttype":"application/json",`+
		`"client":"`+string(client)+`","purpose":"care-coordination","correlationid":"ref-2026-0117","data":{"startedAt":"2026-11-20T15:00:00Z"}}`), senderKey)
}

// testEnvelope is a signed envelope over data that only looks like a seal.
func testEnvelope() schemas.Envelope {
	return schemas.Envelope{
		ID: envelopeOne, Sender: sender, Time: noon, Recipient: recipient, Grant: grantID, RecipientKey: sealingKeyID(),
		Chain: chainID, Sequence: 1, Expiry: noon.AddDate(0, 0, 7), Data: []byte("\x01looks like a seal"),
	}.Signed(senderKey)
}

func testCard() schemas.Card {
	from := schemas.At(noon.AddDate(0, -1, 0))
	return schemas.Card{
		V: 1, Network: network, Agency: sender, Number: 1, Names: schemas.CardNames{Display: "Riverside Treatment Center"},
		Signing:  []schemas.SigningKey{{Key: public(senderKey), From: from}},
		Sealing:  []schemas.SealingKey{{Suite: schemas.SealSuite, Key: sealingKey.PublicKey().Bytes(), From: from}},
		Services: []string{"Outpatient treatment"},
	}
}

func sign(kind schemas.RecordType, v any, key ed25519.PrivateKey) schemas.SignedRecord {
	return mustValue(schemas.Sign(kind, v, key))
}

// hpkeSeal seals any plaintext, also one that [schemas.Seal] would not make.
// info is written out here as docs/protocol.md has it.
func hpkeSeal(info schemas.SealInfo, plain []byte) []byte {
	box := mustValue(hpke.Seal(sealingKey.PublicKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), infoBytes(info), plain))
	return append([]byte{1}, box...)
}

func infoBytes(i schemas.SealInfo) []byte {
	return []byte("linkage seal v1\n" + string(i.Network) + "\n" + string(i.ID) + "\n" + string(i.Sender) + "\n" +
		string(i.Recipient) + "\n" + string(i.Grant) + "\n" + string(i.RecipientKey) + "\n")
}

// refused checks that err is ours, has the code and names the field, and does
// not repeat the marker.
func refused(t *testing.T, err error, code schemas.Code, field string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %s %s", code, field)
	}
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		t.Fatalf("got %T %v, want a *schemas.Error", err, err)
	}
	if e.Code != code || e.Field != field {
		t.Errorf("got %q at %q (%s), want %q at %q", e.Code, e.Field, e.Rule, code, field)
	}
	checkError(t, err)
}

// checkError checks what holds for every error of a decoder: it is one of ours,
// of a kind that the peer can act on, says what must hold, and repeats nothing
// that came from outside.
func checkError(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		t.Fatalf("got %T %v, want a *schemas.Error", err, err)
	}
	switch e.Kind() {
	case schemas.KindInvalid, schemas.KindForbidden, schemas.KindConflict, schemas.KindExpired:
	default:
		t.Errorf("%v has kind %s, which is not for a decoder", e, e.Kind())
	}
	if e.Rule == "" {
		t.Errorf("%v names no rule", e)
	}
	if text := e.Error() + e.Remedy; bytes.Contains([]byte(text), []byte(marker)) {
		t.Errorf("an error repeats what came from outside: %s", text)
	}
}

// change decodes JSON, lets f change it and encodes it again.
func change(v any, f func(map[string]any)) []byte {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(mustValue(json.Marshal(v))))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		panic(err)
	}
	f(m)
	return mustValue(json.Marshal(m))
}
