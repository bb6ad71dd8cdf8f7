package schemas_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestRecordKeepsItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		kind := rapid.SampledFrom(recordTypes).Draw(t, "kind")
		r := schemas.SignBytes(kind, payload, senderKey)
		back, err := schemas.ParseRecord(r.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.Payload, payload) || back.Hash() != schemas.HashOf(payload) || back.KeyID() != schemas.KeyIDOf(public(senderKey)) {
			t.Fatalf("got %+v, want %+v", back, r)
		}
		if err := back.Verify(kind, public(senderKey)); err != nil {
			t.Fatal(err)
		}
		// No signature serves as another type's.
		other := rapid.SampledFrom(recordTypes).Filter(func(o schemas.RecordType) bool { return o != kind }).Draw(t, "other")
		back.PayloadType = other
		if code := schemas.CodeOf(back.Verify(other, public(senderKey))); code != schemas.CodeBadSignature {
			t.Fatalf("as %s: got %q", other, code)
		}
	})
}

func TestRecordOfBytesThatCannotBeEncoded(t *testing.T) {
	if _, err := schemas.Sign(schemas.RecordEvent, func() {}, senderKey); err == nil {
		t.Error("signed what has no JSON")
	}
	for _, key := range [][]byte{nil, make([]byte, 31)} {
		refused(t, testEvent().Verify(schemas.RecordEvent, key), schemas.CodeUnknownSigningKey, "signatures.keyid")
	}
	if id := (schemas.SignedRecord{}).KeyID(); id != "" {
		t.Errorf("a record without signature names key %q", id)
	}
}

func TestParseRecordBounds(t *testing.T) {
	r := schemas.SignBytes(schemas.RecordEvent, bytes.Repeat([]byte("x"), 540<<10), senderKey)
	if b := r.Encode(); len(b) > schemas.MaxRecord {
		t.Fatalf("%d bytes", len(b))
	} else if _, err := schemas.ParseRecord(b); err != nil {
		t.Error(err)
	}
	_, err := schemas.ParseRecord(bytes.Repeat([]byte(" "), schemas.MaxRecord+1))
	refused(t, err, schemas.CodeTooLarge, "record")
	for _, text := range []string{"", "null", "[]", "{}", `{"signatures":null}`, `{"signatures":[{},{}]}`} {
		if _, err := schemas.ParseRecord([]byte(text)); err == nil {
			t.Errorf("accepted %q", text)
		} else {
			checkError(t, err)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(testEvent().Encode())
	f.Add([]byte(`{"payloadType":"x","payload":"e30=","signatures":[{"keyid":"` + string(sealingKeyID()) + `","sig":"AAAA"}]}`))
	f.Add([]byte(`{"payload":[1,2],"signatures":[null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := schemas.ParseRecord(b)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		again := r.Encode()
		if len(again) > schemas.MaxRecord {
			return // escaping may take more room than the sender took
		}
		back, err := schemas.ParseRecord(again)
		if err != nil || !reflect.DeepEqual(back, r) {
			t.Fatalf("written again it reads as %+v, %v, want %+v", back, err, r)
		}
		checkFuzzError(t, r.Verify(r.PayloadType, public(senderKey)))
	})
}

// FuzzRecords reads a payload as each type of record.
func FuzzRecords(f *testing.F) {
	valid := validRecords()
	for i, kind := range recordTypes {
		if v, ok := valid[kind]; ok {
			f.Add(i, mustValue(json.Marshal(v)))
		}
	}
	f.Add(0, []byte("null"))
	f.Fuzz(func(t *testing.T, i int, payload []byte) {
		kind := recordTypes[uint(i)%uint(len(recordTypes))]
		read, ok := peeks[kind]
		if !ok {
			return
		}
		v, err := read(schemas.SignedRecord{PayloadType: kind, Payload: payload})
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		again := mustValue(json.Marshal(v))
		back, err := read(schemas.SignedRecord{PayloadType: kind, Payload: again})
		if err != nil || string(mustValue(json.Marshal(back))) != string(again) {
			t.Fatalf("written again it reads as %+v, %v, want %+v", back, err, v)
		}
	})
}
