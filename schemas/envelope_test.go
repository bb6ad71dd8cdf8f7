package schemas_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

// TestS3ForgedSenderIsRefused: who sent an envelope is proven by signature.
// Whatever single byte of a header or of the data is changed, and wherever a
// byte is added or cut, the envelope is no longer readable or no longer
// verifies; and another key's envelope under this sender's name does not verify.
func TestS3ForgedSenderIsRefused(t *testing.T) {
	e := testEnvelope()
	key := public(senderKey)
	if err := e.Verify(key); err != nil {
		t.Fatal(err)
	}
	hash := e.Hash()
	// forged reports how a changed message gets through. One that reads as the
	// very same envelope is no forgery: names of headers and needless encoding
	// are not what is signed.
	forged := func(h map[string][]string, data []byte) (string, bool) {
		got, err := schemas.ParseEnvelope(h, data)
		if err != nil {
			checkError(t, err)
			return "", false
		}
		if err := got.Verify(key); err != nil {
			checkError(t, err)
			return "", false
		}
		return fmt.Sprintf("%+v", got), got.Hash() != hash || !bytes.Equal(got.Data, e.Data) ||
			!reflect.DeepEqual(withoutMaterial(got), withoutMaterial(e))
	}

	rapid.Check(t, func(t *rapid.T) {
		h := e.Header()
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(h))).Draw(t, "header")
		v := []byte(h[name][0])
		at := rapid.IntRange(0, len(v)-1).Draw(t, "at")
		switch rapid.SampledFrom([]string{"change", "add", "cut"}).Draw(t, "how") {
		case "change":
			v[at] = rapid.ByteRange(' ', '~').Filter(func(b byte) bool { return b != v[at] }).Draw(t, "byte")
		case "add":
			v = slices.Insert(v, at, rapid.ByteRange(' ', '~').Draw(t, "byte"))
		case "cut":
			v = slices.Delete(v, at, at+1)
		}
		h[name] = []string{string(v)}
		if got, ok := forged(h, e.Data); ok {
			t.Fatalf("%s: %q gets through as %s", name, v, got)
		}
	})

	// Every byte of every header and of the data, each bit pattern that turns a
	// letter into its neighbour or into its other case.
	for name, values := range e.Header() {
		for at := range len(values[0]) {
			for _, flip := range []byte{1, 2, 0x20} {
				h, v := e.Header(), []byte(values[0])
				v[at] ^= flip
				h[name] = []string{string(v)}
				if got, ok := forged(h, e.Data); ok {
					t.Fatalf("%s: %q gets through as %s", name, v, got)
				}
			}
		}
	}
	for at := range e.Data {
		for bit := range 8 {
			data := bytes.Clone(e.Data)
			data[at] ^= 1 << bit
			if got, ok := forged(e.Header(), data); ok {
				t.Fatalf("bit %d of byte %d of the data gets through as %s", bit, at, got)
			}
		}
	}
	for _, data := range [][]byte{e.Data[:len(e.Data)-1], append(bytes.Clone(e.Data), 0)} {
		if got, ok := forged(e.Header(), data); ok {
			t.Errorf("data of %d bytes gets through as %s", len(data), got)
		}
	}

	foreign := e.Signed(strangerKey)
	refused(t, foreign.Verify(key), schemas.CodeUnknownSigningKey, "signatures.keyid")
	other := e
	other.ID = "0193a8f0-0000-7000-8000-000000000002"
	stolen := e
	stolen.Material = other.Signed(senderKey).Material
	refused(t, stolen.Verify(key), schemas.CodeBadSignature, "ce-dssematerial")
	refused(t, e.Verify(nil), schemas.CodeUnknownSigningKey, "signatures.keyid")
}

func withoutMaterial(e schemas.Envelope) map[string][]string {
	h := e.Header()
	delete(h, "ce-dssematerial")
	return h
}

// anyEnvelope draws a signed envelope.
func anyEnvelope(t *rapid.T) schemas.Envelope {
	slug := rapid.StringMatching("[a-z][a-z0-9-]{1,62}")
	second := rapid.Int64Range(0, 253402300799)
	e := schemas.Envelope{
		ID: schemas.NewEventID(), Sender: schemas.AgencyID(slug.Draw(t, "sender")), Time: time.Unix(second.Draw(t, "time"), 0).UTC(),
		Recipient: schemas.AgencyID(slug.Draw(t, "recipient")), Grant: schemas.NewGrantID(), RecipientKey: schemas.KeyIDOf(rapid.SliceOf(rapid.Byte()).Draw(t, "key")),
		Chain: schemas.NewULID(noon), Sequence: rapid.Uint64Min(1).Draw(t, "sequence"), Previous: schemas.HashOf(rapid.SliceOf(rapid.Byte()).Draw(t, "previous")),
		Data: append([]byte{1}, rapid.SliceOf(rapid.Byte()).Draw(t, "data")...),
	}
	if rapid.Bool().Draw(t, "charter") {
		e.Grant = schemas.CharterGrant
	}
	if rapid.Bool().Draw(t, "expires") {
		e.Expiry = time.Unix(second.Draw(t, "expiry"), 0).UTC()
	}
	return e.Signed(senderKey)
}

func TestEnvelopeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnvelope(t)
		got, err := schemas.ParseEnvelope(e.Header(), e.Data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, want %+v", got, e)
		}
		if err := got.Verify(public(senderKey)); err != nil {
			t.Fatal(err)
		}
		if got.SigningKey() != schemas.KeyIDOf(public(senderKey)) {
			t.Fatalf("signing key %s", got.SigningKey())
		}

		o := e.Outline()
		var back schemas.Outline
		if err := schemas.DecodeJSON(mustValue(json.Marshal(o)), &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.Envelope, o.Envelope) || back.DataHash != o.DataHash || back.Envelope.Data != nil {
			t.Fatalf("got %+v, want %+v", back, o)
		}
		if err := back.Verify(public(senderKey)); err != nil || back.Hash() != e.Hash() {
			t.Fatalf("outline: %v, hash %s, want %s", err, back.Hash(), e.Hash())
		}
		back.DataHash[0] ^= 1
		if code := schemas.CodeOf(back.Verify(public(senderKey))); code != schemas.CodeBadSignature {
			t.Fatalf("another hash of the data: got %q", code)
		}
	})
}

// TestRechainingKeepsSealAndChangesHash: only the signature binds the place in
// the chain.
func TestRechainingKeepsSealAndChangesHash(t *testing.T) {
	e := testEnvelope()
	again := e
	again.Sequence, again.Previous = 2, e.Hash()
	again = again.Signed(senderKey)
	if again.SealInfo(network) != e.SealInfo(network) || again.Hash() == e.Hash() {
		t.Error("the seal's info must stay and the hash change")
	}
	if err := again.Verify(public(senderKey)); err != nil {
		t.Error(err)
	}
}

func TestOutlineRefuses(t *testing.T) {
	o := testEnvelope().Outline()
	with := func(name string, v any) string {
		return string(change(o, func(m map[string]any) {
			if v == nil {
				delete(m["attributes"].(map[string]any), name)
			} else {
				m["attributes"].(map[string]any)[name] = v
			}
		}))
	}
	tests := map[string]struct {
		text  string
		code  schemas.Code
		field string
	}{
		"null":               {"null", schemas.CodeUnsupportedVersion, "ce-specversion"},
		"no attributes":      {"{}", schemas.CodeUnsupportedVersion, "ce-specversion"},
		"a list":             {"[]", schemas.CodeMalformed, "outline"},
		"no material":        {with("dssematerial", nil), schemas.CodeMalformed, "ce-dssematerial"},
		"a further one":      {with("subject", marker), schemas.CodeMalformed, "ce-subject"},
		"a number":           {with("sequence", 1), schemas.CodeMalformed, "outline"},
		"not twenty digits":  {with("sequence", "1"), schemas.CodeMalformed, "ce-sequence"},
		"a name of its own":  {with(marker, "x"), schemas.CodeMalformed, "ce-"},
		"hash of other form": {string(change(o, func(m map[string]any) { m["data"] = marker })), schemas.CodeMalformed, "outline"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got schemas.Outline
			refused(t, schemas.DecodeJSON([]byte(tt.text), &got), tt.code, tt.field)
		})
	}
}

func TestParseEnvelopeBounds(t *testing.T) {
	e := testEnvelope()
	e.Data = append([]byte{1}, make([]byte, schemas.MaxSealed-1)...)
	e = e.Signed(senderKey)
	if _, err := schemas.ParseEnvelope(e.Header(), e.Data); err != nil {
		t.Error(err)
	}
	_, err := schemas.ParseEnvelope(e.Header(), append(e.Data, 0))
	refused(t, err, schemas.CodeTooLarge, "data")
	h := e.Header()
	h["ce-dssematerial"] = []string{base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(" "), 1<<20))}
	_, err = schemas.ParseEnvelope(h, []byte{1})
	refused(t, err, schemas.CodeMalformed, "ce-dssematerial")
	h = e.Header()
	h["ce-"+strings.Repeat("x", 1<<20)] = []string{"x"}
	_, err = schemas.ParseEnvelope(h, []byte{1})
	refused(t, err, schemas.CodeMalformed, "ce-")
}

// headerText is headers as lines of name, colon, value.
func headerText(h map[string][]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			b.WriteString(name + ":" + v + "\n")
		}
	}
	return b.String()
}

func parseHeaderText(s string) map[string][]string {
	h := map[string][]string{}
	for line := range strings.Lines(s) {
		name, v, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		h[name] = append(h[name], v)
	}
	return h
}

func FuzzParseEnvelope(f *testing.F) {
	e := testEnvelope()
	f.Add(headerText(e.Header()), e.Data)
	h := e.Header()
	h["ce-id"] = []string{`"0193a8f0-0000-7000-8000-00000000000\1"`}
	f.Add(headerText(h), e.Data)
	f.Add(headerText(plainHeader()), []byte("{}"))
	f.Add("ce-:\nce-specversion:1.0\nce-specversion:%31.0\n", []byte{1})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		e, err := schemas.ParseEnvelope(parseHeaderText(text), data)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		back, err := schemas.ParseEnvelope(e.Header(), e.Data)
		if err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("written again it reads as %+v, %v, want %+v", back, err, e)
		}
		var o schemas.Outline
		if err := schemas.DecodeJSON(mustValue(json.Marshal(e.Outline())), &o); err != nil || o.Hash() != e.Hash() {
			t.Fatalf("outline: %v", err)
		}
		checkFuzzError(t, e.Verify(public(senderKey)))
	})
}

func FuzzEventOfHeader(f *testing.F) {
	f.Add(headerText(plainHeader()), []byte(`{"a":1}`))
	h := plainHeader()
	h["ce-note"], h["ce-subject"] = []string{`"Euro %E2%82%AC \""`}, []string{"%F0%9F%98%80"}
	f.Add(headerText(h), []byte("\xff"))
	f.Add("ce-specversion:1.0\nce-id:%20\nce-type:t\nce-source:::\n", []byte{})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		e, err := schemas.EventOfHeader(parseHeaderText(text), data)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		h, body := schemas.EventHeader(e)
		back, err := schemas.EventOfHeader(h, body)
		if err != nil {
			t.Fatalf("written again it is refused: %v", err)
		}
		again, _ := schemas.EventHeader(back)
		if !reflect.DeepEqual(again, h) || !bytes.Equal(back.Data(), data) {
			t.Fatalf("got %v, want %v", again, h)
		}
	})
}

func FuzzOutline(f *testing.F) {
	f.Add(mustValue(json.Marshal(testEnvelope().Outline())))
	f.Add([]byte(`{"attributes":{"specversion":"1.0","type":"org.linkage.envelope.v1"},"data":null}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, back schemas.Outline
		if err := schemas.DecodeJSON(b, &o); err != nil {
			checkFuzzError(t, err)
			return
		}
		if err := schemas.DecodeJSON(mustValue(json.Marshal(o)), &back); err != nil || !reflect.DeepEqual(back, o) {
			t.Fatalf("written again it reads as %+v, %v, want %+v", back, err, o)
		}
		checkFuzzError(t, o.Verify(public(senderKey)))
	})
}

// checkFuzzError is checkError for inputs that a fuzzer made; those may hold
// the words of our own texts, so the marker proves nothing there.
func checkFuzzError(t testing.TB, err error) {
	t.Helper()
	if err != nil && !strings.Contains(err.Error(), marker) {
		checkError(t, err)
	}
}

func BenchmarkParseEnvelope(b *testing.B) {
	e := benchEnvelope()
	h := e.Header()
	b.ReportAllocs()
	for b.Loop() {
		_ = mustValue(schemas.ParseEnvelope(h, e.Data))
	}
}

func BenchmarkEnvelopeVerify(b *testing.B) {
	e := benchEnvelope()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Verify(public(senderKey)); err != nil {
			b.Fatal(err)
		}
	}
}

// benchEnvelope carries the smallest bucket, as most do.
func benchEnvelope() schemas.Envelope {
	e := testEnvelope()
	e.Data = append([]byte{1}, make([]byte, 1153+2048+16)...)
	return e.Signed(senderKey)
}
