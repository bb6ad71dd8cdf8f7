package schemas

// This test looks at digests that nothing outside the package sees.

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// publishedCase is a test vector of the verifiability extension: an event's
// attributes and data, and the material that its authors made of them.
type publishedCase struct {
	attrs      map[string]string
	data       string
	extensions []string
	material   string
	// payload, core and ext say which parts of the material belong to the
	// extension as it reads today; wrong says why the others do not. The
	// signatures verify in all cases.
	payload, core, ext bool
	wrong              string
}

const (
	// olderFormat is what cases 1 and 2 still carry.
	olderFormat = "the payload is a bare digest, as before there was a JSON object of digests"
	// otherData is what cases 3, 4, 6 and 7 share: their one event with JSON
	// data. Case 5, with binary data, and all digests of extensions are right.
	otherData = "the core digest is not that of the event as printed, with its data compact or indented"
	// strayByte is in case 6 besides.
	strayByte = "the base64 of the payload ends in an equals sign too many, within the JSON; " + otherData
)

// publishedCases are cases 1 to 7 of the extension's test vectors, whose data
// is said to be compact JSON.
var publishedCases = map[string]publishedCase{
	"1 event without time": {
		attrs:    map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json"},
		data:     `{"hello":"world"}`,
		material: material1,
		wrong:    olderFormat,
	},
	"2 empty subject": {
		attrs:    map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "subject": ""},
		data:     `{"hello":"world"}`,
		material: material1,
		wrong:    olderFormat,
	},
	"3 time in UTC": {
		attrs:    map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "subject": "", "time": "2020-06-18T17:24:53Z"},
		data:     `{"hello":"world"}`,
		material: material3,
		payload:  true, ext: true, wrong: otherData,
	},
	"4 time with zone, normalised by the caller": {
		attrs:    map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "subject": "", "time": "2020-06-18T17:24:53Z"},
		data:     `{"hello":"world"}`,
		material: material3,
		payload:  true, ext: true, wrong: otherData,
	},
	"5 binary data": {
		attrs:    map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type.binary", "datacontenttype": "application/octet-stream"},
		data:     "\xf0\x9f\xa4\xa1",
		material: material5,
		payload:  true, core: true, ext: true,
	},
	"6a one signed extension": {
		attrs:      map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "exta": "value1"},
		data:       `{"hello":"world"}`,
		extensions: []string{"exta"},
		material:   material6a,
		ext:        true, wrong: strayByte,
	},
	"6b one signed extension of two": {
		attrs:      map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "exta": "value1", "extb": "value2"},
		data:       `{"hello":"world"}`,
		extensions: []string{"exta"},
		material:   material6a,
		ext:        true, wrong: strayByte,
	},
	"7 two signed extensions": {
		attrs:      map[string]string{"specversion": "1.0", "id": "1", "source": "example/uri", "type": "example.type", "datacontenttype": "application/json", "exta": "value1", "extb": "value2"},
		data:       `{"hello":"world"}`,
		extensions: []string{"exta", "extb"},
		material:   material7,
		payload:    true, ext: true, wrong: otherData,
	},
}

const (
	material1 = "eyJwYXlsb2FkVHlwZSI6Imh0dHBzOi8vY2xvdWRldmVudHMuaW8vdmVyaWZpYWJpbGl0eS9kc3NlL3YwLjEiLCJwYXlsb2FkIjoiNXh6NS9WdG" +
		"94TkpWWWFZeG1MZUw2eEw5STZDYXY5UDNnb2g2cXlDWUdmUT0iLCJzaWduYXR1cmVzIjpbeyJrZXlpZCI6InRlc3RrZXkiLCJzaWciOiJ3WWo4" +
		"YlJQWFlDSUxyeXdzUDdXR1VCd1RKc25aSFlYTUhpWEZtWWh1QkdhOU1ocDdYNHZFN1FBYkhXbytXZitjTURBYjN6dXlwRjVVbVdwZGtJUGppUT" +
		"09In1dfQ=="
	material3 = "eyJwYXlsb2FkVHlwZSI6Imh0dHBzOi8vY2xvdWRldmVudHMuaW8vdmVyaWZpYWJpbGl0eS9kc3NlL3YwLjEiLCJwYXlsb2FkIjoiZXlKamIzSm" +
		"xJam9pZDB0RFlUaHpjVE5rZVdjdk1EQmFhVVJSZVM5aFdFRlpNWFJsY0ZGdWNrdE1ZVFo0VURCWk0wUXZVVDBpZlE9PSIsInNpZ25hdHVyZXMi" +
		"Olt7ImtleWlkIjoidGVzdGtleSIsInNpZyI6IlVNcWlOWXA3U1FacTZNSGRtczRkbjJtc0hHaW5MSHZaYVVWM2doY2ovY241QmkzZDVqejBzZm" +
		"htOXBaODlDY09hK1dXdGpZNmNadmo3Yy90T1dzVFZnPT0ifV19"
	material5 = "eyJwYXlsb2FkVHlwZSI6Imh0dHBzOi8vY2xvdWRldmVudHMuaW8vdmVyaWZpYWJpbGl0eS9kc3NlL3YwLjEiLCJwYXlsb2FkIjoiZXlKamIzSm" +
		"xJam9pY1VOVFpXbGFhMU1yYUVnNVYybERiR1p4Tm5Cc1puRlpUbFo1TW10MmVGZFNabTlDY2t4RmVtOUVhejBpZlE9PSIsInNpZ25hdHVyZXMi" +
		"Olt7ImtleWlkIjoidGVzdGtleSIsInNpZyI6IkYyaXAweG1nSlgzdWdIWkM2dE1ycjdBMkVxYWkwOHJhR3JUd2R5aC9PR0RJSXJGN0J5TTJ5SV" +
		"RMS3FOckYzZHpaR1IybzBDczlmRUJGZEx4Uk9VeUVRPT0ifV19"
	material6a = "eyJwYXlsb2FkVHlwZSI6Imh0dHBzOi8vY2xvdWRldmVudHMuaW8vdmVyaWZpYWJpbGl0eS9kc3NlL3YwLjEiLCJwYXlsb2FkIjoiZXlKamIzSm" +
		"xJam9pVEZSblVVdElSMmhsWnpaVU5EaDRjRWRIY2pWNlRtdGthSEF5TW10bGJscERUM0ZwWTBaMFNUUlRRVDBpTENKbGVIUWlPaUpyVlRGUU9H" +
		"SkVZVVZ1ZVU1b1oyeFhlbVJVU2s1SWFEYzNhMmhPVjFOYVpXSkNWWGgxWmxaTk1uQlZQU0lzSW5OcFoyNWxaR1Y0ZEdGMGRISnpJanBiSW1WNG" +
		"RHRWlYWDA5Iiwic2lnbmF0dXJlcyI6W3sia2V5aWQiOiJ0ZXN0a2V5Iiwic2lnIjoibHBPcHNqUnZ2NFBDb05zQUlSRFl1MXphWlNBVkV2ajVS" +
		"QzFGSk1yTDEyekJLa2IxTjhFSGlQc3FJMStId0V5V092SHU3eHE1aDBkN3BWWTRBdElOM3c9PSJ9XX0="
	material7 = "eyJwYXlsb2FkVHlwZSI6Imh0dHBzOi8vY2xvdWRldmVudHMuaW8vdmVyaWZpYWJpbGl0eS9kc3NlL3YwLjEiLCJwYXlsb2FkIjoiZXlKamIzSm" +
		"xJam9pVEZSblVVdElSMmhsWnpaVU5EaDRjRWRIY2pWNlRtdGthSEF5TW10bGJscERUM0ZwWTBaMFNUUlRRVDBpTENKbGVIUWlPaUpJUWpGd1pU" +
		"UXpNVVp2VVZwU2MwcGllVXhPVFhFd1VXRkJkbkZRZEcxb1pHazRaRWhIVTJoaVNrRlZQU0lzSW5OcFoyNWxaR1Y0ZEdGMGRISnpJanBiSW1WNG" +
		"RHRWlMQ0psZUhSaUlsMTkiLCJzaWduYXR1cmVzIjpbeyJrZXlpZCI6InRlc3RrZXkiLCJzaWciOiIyZzFVb0FRcHoxb1BqWlRQUlplK3l2THpa" +
		"UU5FQ1pha2piWlZYaXpEd2RNbmVJSCsrLzUzdVhOMmJDU2tWSkltZndPaVl5S0JtNG12c01ISlhJVWh6Zz09In1dfQ=="
)

// publishedKey is the extension's ECDSA P-256 test key. Linkage signs with
// Ed25519 only; this key is here to show that the vectors were read right.
func publishedKey(t *testing.T) *ecdsa.PublicKey {
	t.Helper()
	point := []byte{4} // an uncompressed point follows
	for _, coordinate := range []string{
		"46950820868899156662930047687818585632848591499744589407958293238635476079160",
		"5640078356564379163099075877009565129882514886557779369047442380624545832820",
	} {
		n, _ := new(big.Int).SetString(coordinate, 10)
		point = append(point, n.FillBytes(make([]byte, 32))...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestPublishedVerifiabilityVectors checks every part of every case, also that
// the wrong parts are still wrong: when they are mended, this test says so.
func TestPublishedVerifiabilityVectors(t *testing.T) {
	for name, c := range publishedCases {
		t.Run(name, func(t *testing.T) {
			check := func(part string, got, want bool) {
				t.Helper()
				if got != want {
					t.Errorf("%s agrees: got %v, want %v (%s)", part, got, want, c.wrong)
				}
			}
			b, err := base64.StdEncoding.DecodeString(c.material)
			if err != nil {
				t.Fatal(err)
			}
			record, err := ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			payload := bytes.TrimSuffix(record.Payload, []byte("=")) // strayByte; it is not signed
			sum := sha256.Sum256(pae(string(verifiabilityType), payload))
			sig := record.Signatures[0].Sig
			r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
			check("signature", ecdsa.Verify(publishedKey(t), sum[:], r, s), true)

			_, err = parseMaterial(c.material)
			check("payload", err == nil, c.payload)

			var published material
			if err := json.Unmarshal(payload, &published); err != nil {
				published.Core = payload // a bare digest
			}
			ours := digest(c.attrs, HashOf([]byte(c.data)), c.extensions)
			check("core", bytes.Equal(ours.Core, published.Core), c.core)
			if c.ext {
				check("ext", bytes.Equal(ours.Ext, published.Ext) && slices.Equal(ours.Names, published.Names), true)
			}
		})
	}
}

// TestMaterialLists holds case 8 of the published vectors, and our own bounds,
// against what we accept.
func TestMaterialLists(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	digest32 := base64.StdEncoding.EncodeToString(make([]byte, 32))
	tests := map[string]struct {
		payload string
		ok      bool
	}{
		"core alone":                     {`{"core":"` + digest32 + `"}`, true},
		"core and ext":                   {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["exta"]}`, true},
		"unknown fields":                 {`{"core":"` + digest32 + `","later":{"a":1}}`, true},
		"8a repeated name":               {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["exta","exta"]}`, false},
		"8b id":                          {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["exta","id"]}`, false},
		"8b source":                      {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["source"]}`, false},
		"8b specversion":                 {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["specversion"]}`, false},
		"8b type":                        {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["type"]}`, false},
		"8b datacontenttype":             {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["datacontenttype"]}`, false},
		"8b dataschema":                  {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["dataschema"]}`, false},
		"8b subject":                     {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["subject"]}`, false},
		"8b time":                        {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["time"]}`, false},
		"8c dssematerial":                {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":["dssematerial"]}`, false},
		"8d names without ext":           {`{"core":"` + digest32 + `","signedextattrs":["exta"]}`, false},
		"8e ext without names":           {`{"core":"` + digest32 + `","ext":"` + digest32 + `"}`, false},
		"ext with an empty list":         {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":[]}`, false},
		"no core":                        {`{}`, false},
		"short core":                     {`{"core":"AAAA"}`, false},
		"short ext":                      {`{"core":"` + digest32 + `","ext":"AAAA","signedextattrs":["exta"]}`, false},
		"empty ext":                      {`{"core":"` + digest32 + `","ext":"","signedextattrs":["exta"]}`, false},
		"no JSON":                        {`core`, false},
		"core twice":                     {`{"core":"` + digest32 + `","core":"` + digest32 + `"}`, false},
		"core twice, letter case aside":  {`{"core":"` + digest32 + `","Core":"` + digest32 + `"}`, false},
		"names that are no list of text": {`{"core":"` + digest32 + `","ext":"` + digest32 + `","signedextattrs":"exta"}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			record := SignBytes(verifiabilityType, []byte(tt.payload), key)
			_, err := parseMaterial(base64.StdEncoding.EncodeToString(record.Encode()))
			if tt.ok && err != nil {
				t.Error(err)
			}
			e, ours := errors.AsType[*Error](err)
			if !tt.ok && (!ours || e.Code != CodeMalformed || e.Field != "ce-dssematerial") {
				t.Errorf("got %v, want malformed ce-dssematerial", err)
			}
		})
	}
}

func TestMaterialText(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	payload, err := json.Marshal(digest(map[string]string{"id": "1"}, Hash{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	good := digest(map[string]string{"id": "1"}, Hash{}, nil).sign(key).text
	if _, err := parseMaterial(good); err != nil {
		t.Fatal(err)
	}
	encode := func(r SignedRecord) string { return base64.StdEncoding.EncodeToString(r.Encode()) }
	two := SignBytes(verifiabilityType, payload, key)
	two.Signatures = append(two.Signatures, two.Signatures[0])
	none := two
	none.Signatures = nil
	padded := bytes.TrimSuffix(SignBytes(verifiabilityType, payload, key).Encode(), []byte("}"))
	tests := map[string]string{
		"empty":              "",
		"not base64":         "%%%",
		"url-safe base64":    strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString([]byte("\xfb\xff\xfe"))),
		"line break":         good[:4] + "\n" + good[4:],
		"carriage return":    good + "\r",
		"loose last bits":    looseBits(t, string(padded)),
		"too long":           encode(SignedRecord{PayloadType: verifiabilityType, Payload: bytes.Repeat([]byte(" "), maxMaterial), Signatures: two.Signatures[:1]}),
		"two signatures":     encode(two),
		"no signature":       encode(none),
		"another type":       encode(SignBytes(RecordEvent, payload, key)),
		"not a record":       base64.StdEncoding.EncodeToString([]byte("[]")),
		"something after it": base64.StdEncoding.EncodeToString(append(two.Encode(), "{}"...)),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseMaterial(text)
			if e, ours := errors.AsType[*Error](err); !ours || e.Code != CodeMalformed || e.Field != "ce-dssematerial" {
				t.Errorf("got %v, want malformed ce-dssematerial", err)
			}
		})
	}
}

// looseBits completes a record to a length at which base64 has unused bits, and
// sets one of them: another text for the same bytes.
func looseBits(t *testing.T, record string) string {
	t.Helper()
	record += strings.Repeat(" ", (3-(len(record)+1)%3)%3+1) + "}" // one byte beyond a multiple of three
	text := base64.StdEncoding.EncodeToString([]byte(record))
	body, ok := strings.CutSuffix(text, "==")
	if !ok {
		t.Fatalf("%d bytes leave no unused bits", len(record))
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(digits, body[len(body)-1])
	loose := body[:len(body)-1] + string(digits[last+1]) + "=="
	if b, err := base64.StdEncoding.DecodeString(loose); err != nil || string(b) != record {
		t.Fatalf("the text does not decode to the same bytes: %v", err)
	}
	return loose
}
