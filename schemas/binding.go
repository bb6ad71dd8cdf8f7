package schemas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// This file is the CloudEvents NATS protocol binding (1.0.3-wip, section 3.1):
// how attributes become message headers. The SDK's own binding does not
// percent-encode, so it is not used (docs/adr/0009).

// headerPrefix marks a header that carries a CloudEvents attribute.
const headerPrefix = "ce-"

// encodeHeader percent-encodes an attribute's canonical string.
func encodeHeader(s string) string {
	if !needsEncoding(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c == '%' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func needsEncoding(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c == '%' || c >= 0x7f {
			return true
		}
	}
	return false
}

// decodeHeader undoes double quotes (RFC 7230, 3.2.6), then one round of
// percent-encoding.
func decodeHeader(name, s string) (string, error) {
	if strings.HasPrefix(s, `"`) {
		var err error
		if s, err = unquote(name, s); err != nil {
			return "", err
		}
	}
	if !strings.Contains(s, "%") {
		if !utf8.ValidString(s) {
			return "", Malformed(name, "must be valid UTF-8")
		}
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", Malformed(name, "must have two hexadecimal digits after each %%")
		}
		hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
		if hi < 0 || lo < 0 {
			return "", Malformed(name, "must have two hexadecimal digits after each %%")
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	if !utf8.ValidString(b.String()) {
		return "", Malformed(name, "must decode to valid UTF-8")
	}
	return b.String(), nil
}

func unquote(name, s string) (string, error) {
	if len(s) < 2 || !strings.HasSuffix(s, `"`) {
		return "", Malformed(name, "must close its double quote")
	}
	s = s[1 : len(s)-1]
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
		case s[i] == '\\' || s[i] == '"':
			return "", Malformed(name, "must escape quotes and backslashes inside double quotes")
		}
		b.WriteByte(s[i])
	}
	return b.String(), nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// attributes collects the ce- headers, decoded, by attribute name.
func attributes(header map[string][]string) (map[string]string, error) {
	attrs := make(map[string]string, len(header))
	for _, name := range slices.Sorted(maps.Keys(header)) { // so that the first error is always the same
		values := header[name]
		attr, ok := strings.CutPrefix(strings.ToLower(name), headerPrefix)
		if !ok {
			continue
		}
		if _, twice := attrs[attr]; twice || len(values) != 1 {
			return nil, Malformed(headerField(attr), "must stand exactly once")
		}
		v, err := decodeHeader(headerField(attr), values[0])
		if err != nil {
			return nil, err
		}
		attrs[attr] = v
	}
	return attrs, nil
}

// headerField names an attribute's header in an error. A name that no
// attribute can have came from outside and is not repeated.
func headerField(attr string) string {
	if len(attr) > 20 || !event.IsExtensionNameValid(attr) {
		return headerPrefix
	}
	return headerPrefix + attr
}

// EventHeader maps an event to the headers and body of a NATS message in
// binary mode. Data that is JSON stays JSON.
func EventHeader(e event.Event) (header map[string][]string, data []byte) {
	header = map[string][]string{}
	set := func(name, value string) {
		if value != "" {
			header[headerPrefix+name] = []string{encodeHeader(value)}
		}
	}
	set("specversion", e.SpecVersion())
	set("id", e.ID())
	set("source", e.Source())
	set("type", e.Type())
	set("datacontenttype", e.DataContentType())
	set("dataschema", e.DataSchema())
	set("subject", e.Subject())
	if !e.Time().IsZero() {
		set("time", e.Time().UTC().Format(time.RFC3339Nano))
	}
	for name, v := range e.Extensions() {
		set(name, canonical(v))
	}
	return header, e.Data()
}

// canonical is the string form of an extension attribute's value.
func canonical(v any) string {
	s, _ := types.Format(v) // an event holds nothing but CloudEvents types, which all have one
	return s
}

// EventOfHeader reads a NATS message in binary mode. Extension attributes come
// back as strings, the only type that a header has.
func EventOfHeader(header map[string][]string, data []byte) (event.Event, error) {
	e := event.New()
	attrs, err := attributes(header)
	if err != nil {
		return e, err
	}
	if attrs["specversion"] != event.CloudEventsVersionV1 {
		return e, Refuse(CodeUnsupportedVersion, "ce-specversion", "must be 1.0", "send CloudEvents 1.0")
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		if err := setAttribute(&e, name, attrs[name]); err != nil {
			return e, Malformed(headerField(name), "must be a valid CloudEvents attribute")
		}
	}
	if len(data) > 0 {
		e.DataEncoded = data
		e.DataBase64 = !json.Valid(data) || !utf8.Valid(data) // so that the JSON format carries the same bytes
	}
	if err := e.Validate(); err != nil {
		return e, invalidEvent(err)
	}
	return e, nil
}

func setAttribute(e *event.Event, name, v string) error {
	switch name {
	case "specversion":
		return nil
	case "id":
		return e.Context.SetID(v)
	case "source":
		return e.Context.SetSource(v)
	case "type":
		return e.Context.SetType(v)
	case "datacontenttype":
		return e.Context.SetDataContentType(v)
	case "dataschema":
		return e.Context.SetDataSchema(v)
	case "subject":
		return e.Context.SetSubject(v)
	case "time":
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return err
		}
		return e.Context.SetTime(t)
	default:
		return e.Context.SetExtension(name, v)
	}
}

// invalidEvent turns the SDK's list of broken rules into our error. The SDK
// names attributes and rules there, not values.
func invalidEvent(err error) error {
	return Refuse(CodeInvalidEvent, "event", "must satisfy CloudEvents 1.0: "+strings.Join(strings.Fields(err.Error()), " "), "correct the event's attributes")
}
