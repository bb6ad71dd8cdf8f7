package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
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
			folded := strings.ToLower(name.(string)) // the decoder lets nothing but a string be a name
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
		return Malformed(e.Field, "must be a %s", e.Type)
	}
	return Malformed("json", "must have fields of the right form")
}
