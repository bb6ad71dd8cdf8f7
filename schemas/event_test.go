package schemas_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/linkage-exchange/linkage/schemas"
)

func TestReadEvent(t *testing.T) {
	e, err := schemas.ReadEvent(testEvent(), public(senderKey))
	if err != nil {
		t.Fatal(err)
	}
	if e.Source() != sender.Source() || e.ID() != string(innerOne) || schemas.Extension(e, schemas.ExtClient) != string(client) ||
		schemas.Extension(e, "absent") != "" || schemas.CategoryOf(e) != schemas.CategoryReferral {
		t.Errorf("got %s", e)
	}
	if err := schemas.CheckInner(e, sender, noon); err != nil {
		t.Error(err)
	}
	_, err = schemas.ReadEvent(testEvent(), public(strangerKey))
	refused(t, err, schemas.CodeUnknownSigningKey, "signatures.keyid")
	r := testEvent()
	r.Payload = bytes.Replace(r.Payload, []byte("0117"), []byte("0118"), 1)
	_, err = schemas.ReadEvent(r, public(senderKey))
	refused(t, err, schemas.CodeBadSignature, "signatures.sig")
	_, err = schemas.ReadEvent(schemas.SignBytes(schemas.RecordTerms, testEvent().Payload, senderKey), public(senderKey))
	refused(t, err, schemas.CodeMalformed, "payloadType")
}

func TestParseEvent(t *testing.T) {
	const base = `"specversion":"1.0","id":"1","source":"/s","type":"t"`
	accepted := map[string]struct{ text, data string }{
		"no data":                 {`{` + base + `}`, ""},
		"JSON data":               {`{` + base + `,"data":{"a": 1}}`, `{"a": 1}`},
		"data before specversion": {`{"data":[1],` + base + `}`, `[1]`},
		"text":                    {`{` + base + `,"datacontenttype":"text/plain","data":"a\nb"}`, "a\nb"},
		"binary":                  {`{` + base + `,"datacontenttype":"application/octet-stream","data_base64":"/wA="}`, "\xff\x00"},
		"binary, no media type":   {`{"data_base64":"/wA=",` + base + `}`, "\xff\x00"},
		"empty binary":            {`{` + base + `,"data_base64":""}`, ""},
	}
	for name, tt := range accepted {
		t.Run(name, func(t *testing.T) {
			e, err := schemas.ParseEvent([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if string(e.Data()) != tt.data {
				t.Errorf("got %q, want %q", e.Data(), tt.data)
			}
		})
	}
	rejected := map[string]struct {
		text  string
		code  schemas.Code
		field string
	}{
		"nothing":                     {"", schemas.CodeMalformed, "json"},
		"null":                        {"null", schemas.CodeInvalidEvent, "event"},
		"a list":                      {"[]", schemas.CodeInvalidEvent, "event"},
		"no version":                  {`{"id":"1"}`, schemas.CodeUnsupportedVersion, "specversion"},
		"version 0.3":                 {`{"datacontentencoding":1,"specversion":"0.3"}`, schemas.CodeUnsupportedVersion, "specversion"},
		"version as a number":         {`{"specversion":1.0}`, schemas.CodeUnsupportedVersion, "specversion"},
		"data_base64 is a number":     {`{` + base + `,"data_base64":1}`, schemas.CodeInvalidEvent, "data_base64"},
		"data_base64 is null":         {`{` + base + `,"data_base64":null}`, schemas.CodeInvalidEvent, "data_base64"},
		"data_base64 is a list":       {`{"data_base64":[],` + base + `}`, schemas.CodeInvalidEvent, "data_base64"},
		"data_base64 is no base64":    {`{` + base + `,"data_base64":"` + marker + `!"}`, schemas.CodeInvalidEvent, "event"},
		"data twice":                  {`{` + base + `,"data":1,"data_base64":"AA=="}`, schemas.CodeInvalidEvent, "data_base64"},
		"an empty name":               {`{` + base + `,"":1}`, schemas.CodeInvalidEvent, "event"},
		"a name twice":                {`{` + base + `,"ID":"2"}`, schemas.CodeMalformed, "json"},
		"a name that cannot be":       {`{` + base + `,"` + marker + `":1}`, schemas.CodeInvalidEvent, "event"},
		"an object as attribute":      {`{` + base + `,"ext":{"a":1}}`, schemas.CodeInvalidEvent, "event"},
		"id is a number":              {`{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, schemas.CodeInvalidEvent, "event"},
		"no id":                       {`{"specversion":"1.0","source":"/s","type":"t"}`, schemas.CodeInvalidEvent, "event"},
		"a time that is none":         {`{` + base + `,"time":"` + marker + `"}`, schemas.CodeInvalidEvent, "event"},
		"a source that is none":       {`{"specversion":"1.0","id":"1","source":"%` + marker + `","type":"t"}`, schemas.CodeInvalidEvent, "event"},
		"a media type that is none":   {`{` + base + `,"datacontenttype":"` + marker + `;="}`, schemas.CodeInvalidEvent, "event"},
		"a dataschema that is none":   {`{` + base + `,"dataschema":"` + marker + `"}`, schemas.CodeInvalidEvent, "event"},
		"text that is no text":        {`{` + base + `,"datacontenttype":"text/plain","data":{}}`, schemas.CodeInvalidEvent, "event"},
		"too large":                   {`{` + base + `,"data":"` + strings.Repeat("x", schemas.MaxEvent) + `"}`, schemas.CodeTooLarge, "event"},
		"too deep":                    {`{` + base + `,"data":` + nested(16) + `}`, schemas.CodeMalformed, "json"},
		"something after the object":  {`{` + base + `}{}`, schemas.CodeMalformed, "json"},
		"an attribute that is a list": {`{` + base + `,"ext":["` + marker + `"]}`, schemas.CodeInvalidEvent, "event"},
	}
	for name, tt := range rejected {
		t.Run(name, func(t *testing.T) {
			_, err := schemas.ParseEvent([]byte(tt.text))
			refused(t, err, tt.code, tt.field)
		})
	}
}

func TestCheckInner(t *testing.T) {
	tests := map[string]struct {
		change func(*event.Event)
		code   schemas.Code
		field  string
	}{
		"another agency":     {func(e *event.Event) { e.SetSource(recipient.Source()) }, schemas.CodeSenderMismatch, "source"},
		"a longer source":    {func(e *event.Event) { e.SetSource(sender.Source() + "/x") }, schemas.CodeSenderMismatch, "source"},
		"id of another kind": {func(e *event.Event) { e.SetID(marker) }, schemas.CodeInvalidEvent, "id"},
		"no time":            {func(e *event.Event) { e.SetTime(time.Time{}) }, schemas.CodeInvalidEvent, "time"},
		"in the future":      {func(e *event.Event) { e.SetTime(noon.Add(schemas.MaxClockSkew + time.Second)) }, schemas.CodeInvalidEvent, "time"},
	}
	for _, typ := range []string{
		"x", "a.b.c.d.e", "com.linkage.referral.started.v1", "org.linkage.referral.started", "org.linkage.referral.started.v0", "org.linkage.referral.started.1",
		"org.linkage..started.v1", "org.linkage.referral.Started.v1", "org.linkage.referral.started.v1.x", "org.linkage.../.x.v1", "org.linkage.referral.started.v1\n",
	} {
		tests["type "+typ] = struct {
			change func(*event.Event)
			code   schemas.Code
			field  string
		}{func(e *event.Event) { e.Context.(*event.EventContextV1).Type = typ }, schemas.CodeInvalidEvent, "type"}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := readTestEvent()
			tt.change(&e)
			refused(t, schemas.CheckInner(e, sender, noon), tt.code, tt.field)
		})
	}
	e := readTestEvent()
	e.SetTime(noon.Add(schemas.MaxClockSkew))
	e.SetType("org.linkage.future-thing.happened.v12")
	if err := schemas.CheckInner(e, sender, noon); err != nil {
		t.Error(err)
	}
	for _, info := range schemas.Catalogue() {
		e.SetType(string(info.Type))
		if err := schemas.CheckInner(e, sender, noon); err != nil {
			t.Errorf("%s: %v", info.Type, err)
		}
	}
}

func TestCategoryOf(t *testing.T) {
	e := readTestEvent()
	e.SetExtension(schemas.ExtCategory, string(schemas.CategoryCharter))
	if got := schemas.CategoryOf(e); got != schemas.CategoryReferral {
		t.Errorf("a known type claims another category: got %s", got)
	}
	e.SetType("org.linkage.future.happened.v1")
	if got := schemas.CategoryOf(e); got != schemas.CategoryCharter {
		t.Errorf("an unknown type: got %s, want what it claims", got)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(testEvent().Payload)
	for _, s := range []string{
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"/wA="}`,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":"\u0000"}`,
		`{"data":1.50,"ext":true,"n":7,"time":"2026-11-21T09:30:00.5+01:00","specversion":"1.0","id":"1","source":"a:b","type":"t","dataschema":"urn:x"}`,
		`{"data_base64":1,"specversion":"1.0"}`, `{"specversion":"0.3"}`, `{"":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := schemas.ParseEvent(b)
		if err != nil {
			checkFuzzError(t, err)
			return
		}
		again, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > schemas.MaxEvent {
			return
		}
		back, err := schemas.ParseEvent(again)
		if err != nil {
			t.Fatalf("written again as %s it is refused: %v", again, err)
		}
		if !bytes.Equal(back.Data(), e.Data()) || string(mustValue(back.MarshalJSON())) != string(again) {
			t.Fatalf("written again it reads as %s, want %s", back, e)
		}
		checkFuzzError(t, schemas.CheckInner(e, sender, noon))
	})
}
