package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth is how deeply arrays and objects may nest in anything that we read.
const maxDepth = 16

// CheckJSON reports, as an [Error], why b is not one JSON value that we read:
// valid UTF-8, no name twice in an object (letter case aside, since decoders
// disagree about it), nesting at most 16 deep, nothing after the value.
func CheckJSON(b []byte) error {
	if !utf8.Valid(b) {
		return Malformed("json", "must be valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Malformed("json", "must end after one value")
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int) error {
	tok, err := dec.Token()
	if err != nil {
		return Malformed("json", "must be complete and well-formed JSON")
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= maxDepth {
		return Malformed("json", "must not nest more than %d deep", maxDepth)
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return Malformed("json", "must be complete and well-formed JSON")
			}
			folded := fold(name.(string)) // the decoder lets nothing but a string be a name
			if names[folded] {
				return Malformed("json", "must not name a field twice in one object")
			}
			names[folded] = true
		}
		if err := checkValue(dec, depth+1); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return Malformed("json", "must be complete and well-formed JSON")
	}
	return nil
}

// fold maps names to one another that encoding/json takes for the same field.
// That is more than letter case: U+017F is an s to it, U+212A a k.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next // the smallest of the orbit
			}
			r = next
		}
	}, name)
}

// DecodeJSON checks b with [CheckJSON] and decodes it into v. Unknown fields
// are allowed. The error names the field whose type is wrong, never its value.
func DecodeJSON(b []byte, v any) error {
	if err := CheckJSON(b); err != nil {
		return err
	}
	err := json.Unmarshal(b, v)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Malformed(e.Field, "must be %s", jsonForm(e.Type))
	}
	return Malformed("json", "must have fields of the right form")
}

// jsonForm says in JSON's words what a Go type is decoded from.
func jsonForm(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Array, reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string"
		}
		return "a list"
	case reflect.String:
		return "a string"
	default:
		return "a number in range"
	}
}
