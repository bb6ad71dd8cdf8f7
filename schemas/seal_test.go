package schemas_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

func testInfo(grant schemas.GrantID) schemas.SealInfo {
	return schemas.SealInfo(infoOf(envelopeOne, grant))
}

func TestSealRoundTrip(t *testing.T) {
	_, _, terms := testGrant()
	rapid.Check(t, func(t *rapid.T) {
		info, s := testInfo(schemas.CharterGrant), schemas.Sealed{Event: schemas.SignBytes(schemas.RecordEvent, rapid.SliceOfN(rapid.Byte(), 0, 8000).Draw(t, "event"), senderKey)}
		if rapid.Bool().Draw(t, "client") {
			info.Grant, s.Terms = grantID, &terms
		}
		if rapid.Bool().Draw(t, "head") {
			head := rapid.String().Draw(t, "text")
			s.Head = &head
		}
		if rapid.Bool().Draw(t, "part") {
			s.Attached = rapid.SliceOfN(rapid.Byte(), 1, 8000).Draw(t, "attached")
		}
		box, err := schemas.Seal(sealingKey.PublicKey().Bytes(), info, s)
		if err != nil {
			t.Fatal(err)
		}
		bucket := len(box) - 1 - 1153 - 16
		if bucket < 2048 || bucket > 512<<10 || bucket&(bucket-1) != 0 {
			t.Fatalf("%d bytes are no bucket", bucket)
		}
		got, err := schemas.OpenSeal(sealingKey, info, box)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("got %+v, %v, want %+v", got, err, s)
		}
		other, err := schemas.Seal(sealingKey.PublicKey().Bytes(), info, s)
		if err != nil || bytes.Equal(other, box) {
			t.Fatalf("sealing is not randomised: %v", err)
		}
	})
}

// TestLargestEventFits: an event at its limit and terms at theirs fit into the
// largest bucket and into an envelope.
func TestLargestEventFits(t *testing.T) {
	long := testTerms()
	long.Cells = nil
	for len(long.Cells) < 256 {
		long.Cells = append(long.Cells, schemas.Cell{Category: schemas.CategoryHousingBenefits, Purpose: schemas.PurposeJusticeMonitoring})
	}
	terms := sign(schemas.RecordTerms, long, senderKey)
	info := testInfo(grantID)
	s := schemas.Sealed{Terms: &terms, Event: schemas.SignBytes(schemas.RecordEvent, bytes.Repeat([]byte("x"), schemas.MaxEvent), senderKey)}
	box, err := schemas.Seal(sealingKey.PublicKey().Bytes(), info, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(box) > schemas.MaxSealed {
		t.Errorf("%d bytes do not fit into an envelope", len(box))
	}
	if _, err := schemas.OpenSeal(sealingKey, info, box); err != nil {
		t.Error(err)
	}
	s.Event = schemas.SignBytes(schemas.RecordEvent, bytes.Repeat([]byte("x"), 400<<10), senderKey)
	_, err = schemas.Seal(sealingKey.PublicKey().Bytes(), info, s)
	refused(t, err, schemas.CodeTooLarge, "data")
}

func TestSealNeedsAKeyOfTheSuite(t *testing.T) {
	for _, key := range [][]byte{nil, []byte(marker), make([]byte, 1249)} {
		_, err := schemas.Seal(key, testInfo(grantID), schemas.Sealed{})
		refused(t, err, schemas.CodeUnknownRecipientKey, "recipientkey")
	}
	made, err := schemas.NewSealingKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schemas.ParseSealingKey(mustValue(made.Bytes())); err != nil {
		t.Error(err)
	}
	box := mustValue(schemas.Seal(sealingKey.PublicKey().Bytes(), testInfo(schemas.CharterGrant), schemas.Sealed{Event: testEvent()}))
	_, err = schemas.OpenSeal(made, testInfo(schemas.CharterGrant), box)
	refused(t, err, schemas.CodeCannotOpen, "data")
}

func FuzzOpenSeal(f *testing.F) {
	_, _, terms := testGrant()
	info := testInfo(grantID)
	content := mustValue(json.Marshal(schemas.Sealed{Terms: &terms, Event: testEvent()}))
	// The first byte says whether the rest is sealed here first; a fuzzer
	// cannot seal.
	f.Add(append([]byte{0}, mustValue(schemas.Seal(sealingKey.PublicKey().Bytes(), info, schemas.Sealed{Terms: &terms, Event: testEvent()}))...))
	f.Add([]byte{0, 1, 2, 3})
	f.Add(append([]byte{1}, framed(uint32(len(content)), string(content), 2048)...))
	f.Add(append([]byte{1}, framed(4, "null", 2048)...))
	for _, beside := range []string{"3", "-1", "1073741824", "100", "null"} { // more and fewer than there are
		content := `{"terms":null,"event":{},"attached":` + beside + `}`
		f.Add(append([]byte{1}, framed(uint32(len(content)), content+"abc", 2048)...))
	}
	f.Add(append([]byte{1}, framed(1<<31, strings.Repeat("x", 100), 2048)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		data := b[1:]
		if b[0] == 1 {
			data = hpkeSeal(info, data)
		}
		s, err := schemas.OpenSeal(sealingKey, info, data)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		box, err := schemas.Seal(sealingKey.PublicKey().Bytes(), info, s)
		if err != nil {
			checkFuzzError(t, err) // written again it may be longer
			return
		}
		back, err := schemas.OpenSeal(sealingKey, info, box)
		if err != nil || !bytes.Equal(back.Attached, s.Attached) || string(mustValue(json.Marshal(back))) != string(mustValue(json.Marshal(s))) {
			t.Fatalf("sealed again it opens to %+v, %v, want %+v", back, err, s)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	_, _, terms := testGrant()
	s := schemas.Sealed{Terms: &terms, Event: testEvent()}
	b.ReportAllocs()
	for b.Loop() {
		_ = mustValue(schemas.Seal(sealingKey.PublicKey().Bytes(), testInfo(grantID), s))
	}
}

func BenchmarkOpenSeal(b *testing.B) {
	_, _, terms := testGrant()
	box := mustValue(schemas.Seal(sealingKey.PublicKey().Bytes(), testInfo(grantID), schemas.Sealed{Terms: &terms, Event: testEvent()}))
	b.ReportAllocs()
	for b.Loop() {
		_ = mustValue(schemas.OpenSeal(sealingKey, testInfo(grantID), box))
	}
}
