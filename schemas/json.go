package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
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
	switch {
	case !utf8.Valid(b):
		return Malformed("json", "must be valid UTF-8")
	case !json.Valid(b):
		return Malformed("json", "must be complete and well-formed JSON")
	}
	return checkNames(b)
}

// checkNames looks at the nesting and the names of a valid JSON value. Every
// record that crosses the wire comes this way, so it goes over the bytes once
// and takes no memory but for objects of many names.
func checkNames(b []byte) error {
	var room [maxDepth]names
	open := room[:0] // what has begun and not ended, the innermost last
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if len(open) == cap(open) {
				return Malformed("json", "must not nest more than %d deep", maxDepth)
			}
			open = open[:len(open)+1]
			innermost(open).reset(b[i] == '{')
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			in := innermost(open)
			in.expected = in.object
		case '"':
			end := endOfString(b, i)
			if in := innermost(open); in != nil && in.expected && !in.add(b[i:end+1]) {
				return Malformed("json", "must not name a field twice in one object")
			}
			i = end
		default: // part of a number or word, a colon, white space
		}
	}
	return nil
}

// innermost is the last that has begun, nil outside of all.
func innermost(open []names) *names {
	if len(open) == 0 {
		return nil
	}
	return &open[len(open)-1]
}

// endOfString is where the string that begins at a quote ends.
func endOfString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// names are those of one object that is being read.
type names struct {
	object   bool // and not a list
	expected bool // the next string is a name
	few      [16][]byte
	n        int
	many     map[string]bool // folded, once there are more than few holds
}

func (s *names) reset(object bool) {
	s.object, s.expected, s.n, s.many = object, object, 0, nil
}

// add notes a name, given in its quotes; false if it stands there already.
func (s *names) add(quoted []byte) bool {
	s.expected = false
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		var plain string
		_ = json.Unmarshal(quoted, &plain) // a string of valid JSON
		name = []byte(plain)
	}
	if s.many != nil {
		return s.addToMany(name)
	}
	for _, other := range s.few[:s.n] {
		if bytes.EqualFold(name, other) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = map[string]bool{}
	for _, other := range s.few {
		s.many[fold(string(other))] = true
	}
	return s.addToMany(name)
}

func (s *names) addToMany(name []byte) bool {
	folded := fold(string(name))
	if s.many[folded] {
		return false
	}
	s.many[folded] = true
	return true
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
