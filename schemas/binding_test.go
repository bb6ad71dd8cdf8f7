package schemas_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"pgregory.net/rapid"

	"github.com/linkage-exchange/linkage/schemas"
)

// euro is the binding's own example of an attribute's value.
const euro = "Euro \u20ac \U0001f600"

func plainHeader() map[string][]string {
	return map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {"1234-1234-1234"}, "ce-source": {"/mycontext/subcontext"},
		"ce-type": {"com.example.someevent"}, "ce-time": {"2018-04-05T03:56:24Z"}, "ce-datacontenttype": {"application/json"},
	}
}

func TestEventHeaderEncodes(t *testing.T) {
	tests := map[string]struct{ value, want string }{
		"the binding's example":       {euro, "Euro%20%E2%82%AC%20%F0%9F%98%80"},
		"space, quote, percent":       {` "%`, "%20%22%25"},
		"printable ASCII stays":       {"!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", "!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"},
		"control characters, delete":  {"\t\r\n\x7f", "%09%0D%0A%7F"},
		"already encoded is not kept": {"%20", "%2520"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := event.New()
			e.SetID("1")
			e.SetSource("/s")
			e.SetType("t")
			e.SetExtension("note", tt.value)
			header, _ := schemas.EventHeader(e)
			if got := header["ce-note"][0]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEventOfHeaderReads(t *testing.T) {
	tests := map[string]struct{ header, want string }{
		"upper-case hex":             {"Euro%20%E2%82%AC%20%F0%9F%98%80", euro},
		"lower-case hex":             {"Euro%20%e2%82%ac%20%f0%9f%98%80", euro},
		"not encoded at all":         {euro, euro},
		"encoded without need":       {"%45%75ro", "Euro"},
		"double-quoted":              {`"Euro zone"`, "Euro zone"},
		"double-quoted, escapes":     {`"a \"b\" \\ \c"`, `a "b" \ c`},
		"double-quoted, then hex":    {`"Euro %E2%82%AC"`, "Euro \u20ac"},
		"one round only":             {"%2541", "%41"},
		"a quote inside is no quote": {`a"b`, `a"b`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := plainHeader()
			h["ce-note"] = []string{tt.header}
			e, err := schemas.EventOfHeader(h, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := schemas.Extension(e, "note"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEventOfHeaderRefuses(t *testing.T) {
	tests := map[string]struct {
		set   map[string][]string
		code  schemas.Code
		field string
	}{
		"overlong encoding of a space": {map[string][]string{"ce-note": {"%C0%A0"}}, schemas.CodeMalformed, "ce-note"},
		"half a surrogate pair":        {map[string][]string{"ce-note": {"%ED%A0%80"}}, schemas.CodeMalformed, "ce-note"},
		"bytes that are not UTF-8":     {map[string][]string{"ce-note": {marker + "\xff"}}, schemas.CodeMalformed, "ce-note"},
		"one digit":                    {map[string][]string{"ce-note": {marker + "%4"}}, schemas.CodeMalformed, "ce-note"},
		"no digits":                    {map[string][]string{"ce-note": {marker + "%"}}, schemas.CodeMalformed, "ce-note"},
		"letters that are no digits":   {map[string][]string{"ce-note": {"%4g" + marker}}, schemas.CodeMalformed, "ce-note"},
		"open quote":                   {map[string][]string{"ce-note": {`"` + marker}}, schemas.CodeMalformed, "ce-note"},
		"only a quote":                 {map[string][]string{"ce-note": {`"`}}, schemas.CodeMalformed, "ce-note"},
		"quote within quotes":          {map[string][]string{"ce-note": {`"a"b"`}}, schemas.CodeMalformed, "ce-note"},
		"escaped closing quote":        {map[string][]string{"ce-note": {`"a\"`}}, schemas.CodeMalformed, "ce-note"},
		"two values":                   {map[string][]string{"ce-note": {"a", "a"}}, schemas.CodeMalformed, "ce-note"},
		"no value":                     {map[string][]string{"ce-note": {}}, schemas.CodeMalformed, "ce-note"},
		"twice, letter case aside":     {map[string][]string{"ce-note": {"a"}, "CE-Note": {"a"}}, schemas.CodeMalformed, "ce-note"},
		"another version":              {map[string][]string{"ce-specversion": {"0.3"}}, schemas.CodeUnsupportedVersion, "ce-specversion"},
		"no id":                        {map[string][]string{"ce-id": {""}}, schemas.CodeMalformed, "ce-id"},
		"a time that is none":          {map[string][]string{"ce-time": {marker}}, schemas.CodeMalformed, "ce-time"},
		"a name that cannot be":        {map[string][]string{"ce-" + marker: {"a"}}, schemas.CodeMalformed, "ce-"},
		"an empty name":                {map[string][]string{"ce-": {"a"}}, schemas.CodeMalformed, "ce-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := plainHeader()
			maps.Copy(h, tt.set)
			_, err := schemas.EventOfHeader(h, nil)
			refused(t, err, tt.code, tt.field)
		})
	}
	t.Run("no type", func(t *testing.T) {
		h := plainHeader()
		delete(h, "ce-type")
		_, err := schemas.EventOfHeader(h, nil)
		refused(t, err, schemas.CodeInvalidEvent, "event")
	})
}

func TestEventOfHeaderIgnoresCaseOfNames(t *testing.T) {
	upper := map[string][]string{"Nats-Msg-Id": {"not an attribute"}}
	for name, v := range plainHeader() {
		upper[strings.ToUpper(name)] = v
	}
	got, err := schemas.EventOfHeader(upper, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := mustValue(schemas.EventOfHeader(plainHeader(), []byte(`{"a":1}`)))
	if got.String() != want.String() {
		t.Errorf("got %s, want %s", got, want)
	}
	if got.Type() != "com.example.someevent" || got.Time() != time.Date(2018, 4, 5, 3, 56, 24, 0, time.UTC) {
		t.Errorf("read %s", got)
	}
}

// TestBindingRoundTrip holds for whatever an attribute's value is: the header
// is printable ASCII and reads back as the same event.
func TestBindingRoundTrip(t *testing.T) {
	text := rapid.StringN(1, 40, 160)
	rapid.Check(t, func(t *rapid.T) {
		e := event.New()
		e.SetID("1" + text.Draw(t, "id")) // the SDK trims white space and refuses what is left empty
		e.SetSource("/agencies/" + rapid.StringMatching("[a-z0-9-]{1,20}").Draw(t, "source"))
		e.SetType(rapid.StringMatching(`[!-~]{1,40}`).Draw(t, "type"))
		if subject := rapid.StringN(0, 40, 160).Draw(t, "subject"); subject != "" {
			e.SetSubject(subject)
		}
		e.SetTime(time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")))
		extensions := rapid.MapOf(rapid.StringMatching("x[a-z0-9]{1,15}"), text).Draw(t, "extensions")
		for name, v := range extensions {
			e.SetExtension(name, v)
		}
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		e.DataEncoded = data

		header, body := schemas.EventHeader(e)
		for name, values := range header {
			for _, c := range []byte(values[0]) {
				if c <= ' ' || c == '"' || c >= 0x7f {
					t.Fatalf("%s: %q is not printable without quotes", name, values[0])
				}
			}
		}
		back, err := schemas.EventOfHeader(header, body)
		if err != nil {
			t.Fatal(err)
		}
		if back.ID() != e.ID() || back.Source() != e.Source() || back.Type() != e.Type() || back.Subject() != e.Subject() || !back.Time().Equal(e.Time()) {
			t.Fatalf("got %s, want %s", back, e)
		}
		for name, v := range extensions {
			if got := schemas.Extension(back, name); got != v {
				t.Fatalf("%s: got %q, want %q", name, got, v)
			}
		}
		if len(back.Extensions()) != len(extensions) || !bytes.Equal(back.Data(), data) {
			t.Fatalf("got %v and %d bytes", back.Extensions(), len(back.Data()))
		}
	})
}

// TestBindingToJSONFormat checks that an event which came in headers keeps its
// data when it is written in the JSON format.
func TestBindingToJSONFormat(t *testing.T) {
	tests := map[string]struct{ mediaType, data string }{
		"JSON":                 {"application/json", `{"a":[1,2]}`},
		"text":                 {"text/plain", "plain \u20ac text"},
		"text that looks JSON": {"text/plain", `"quoted"`},
		"binary":               {"application/octet-stream", "\xff\x00\x01"},
		"binary within JSON":   {"application/json", "\"\xff\""},
		"nothing":              {"application/json", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := plainHeader()
			h["ce-datacontenttype"] = []string{tt.mediaType}
			e, err := schemas.EventOfHeader(h, []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			back, err := schemas.ParseEvent(mustValue(e.MarshalJSON()))
			if err != nil {
				t.Fatal(err)
			}
			if got := string(back.Data()); got != tt.data {
				t.Errorf("got %q, want %q", got, tt.data)
			}
		})
	}
}

// TestEventHeaderWritesEveryType checks the canonical string of each type that
// an extension attribute can have.
func TestEventHeaderWritesEveryType(t *testing.T) {
	e := event.New()
	e.SetID("1")
	e.SetSource("/s")
	e.SetType("t")
	at := time.Date(2026, 11, 21, 10, 30, 0, 5000, time.FixedZone("", 3600))
	for name, v := range map[string]any{"yes": true, "count": 7, "when": at, "raw": []byte{0xff, 0xfe}} {
		e.SetExtension(name, v)
	}
	header, _ := schemas.EventHeader(e)
	for name, want := range map[string]string{"yes": "true", "count": "7", "when": "2026-11-21T09:30:00.000005Z", "raw": "//4="} {
		if got := header["ce-"+name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
